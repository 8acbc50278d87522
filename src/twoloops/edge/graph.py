"""An ONNX file with its preprocess record, run by onnxruntime."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from twoloops.edge.metadata import assets_of, preprocess_of
from twoloops.edge.preprocess import prepare
from twoloops.records.digests import digest_bytes, short
from twoloops.records.errors import UserError


class Graph:
    """A base or a model, ready to run on the CPU.

    Law: `run(inputs)[name][i]` equals `run([inputs[i]])[name][0]`, bit for bit. So each input is
    a call of its own: in a batch, padding, dynamic quantisation (its scale is that of the whole
    tensor) and other matrix kernels would let one item change another's result, and a run that
    was interrupted could not be repeated exactly.

    Args:
        model: The bytes of the ONNX file.
        threads: Threads one call may use.

    Raises:
        UserError: When the bytes are no ONNX model, or its metadata is missing or newer than
            this code.
    """

    def __init__(self, model: bytes, *, threads: int = 1) -> None:
        self.digest = digest_bytes(model)
        self._session = _session(model, threads)
        self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        self.preprocess = preprocess_of(self.metadata)
        self._assets = assets_of(self.metadata)
        self._inputs = {tensor.name for tensor in self._session.get_inputs()}
        self.outputs: tuple[str, ...] = tuple(t.name for t in self._session.get_outputs())

    def run(self, inputs: Sequence[bytes]) -> dict[str, NDArray[Any]]:
        """Return every output by name; the first axis is the input's index.

        Equal inputs are computed once; any number of inputs is allowed, none too.

        Raises:
            UserError: When an input cannot be read.
        """
        if not inputs:
            return {tensor.name: _no_rows(tensor) for tensor in self._session.get_outputs()}
        if len(inputs) == 1:  # the floor's usual case: nothing to put together
            return dict(zip(self.outputs, self._call(inputs[0]), strict=True))
        results = {data: self._call(data) for data in dict.fromkeys(inputs)}
        columns = zip(*(results[data] for data in inputs), strict=True)
        return {
            name: np.concatenate(column) for name, column in zip(self.outputs, columns, strict=True)
        }

    def _call(self, data: bytes) -> list[NDArray[Any]]:
        tensors = prepare(self.preprocess, self._assets, [data])
        missing = self._inputs - tensors.keys()
        if missing:
            raise UserError(
                f"model {short(self.digest)} wants the tensors {sorted(missing)}, and its "
                f"preprocess record makes {sorted(tensors)}: export it again"
            )
        fed = {name: tensors[name] for name in self._inputs}
        results: list[NDArray[Any]] = self._session.run(None, fed)
        return results


def _session(model: bytes, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # An arena keeps what its largest run took, and is slower on pictures (by a quarter, measured).
    options.enable_cpu_mem_arena = False
    try:
        return onnxruntime.InferenceSession(
            model, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's errors share no class of their own
        raise UserError(
            f"these {len(model):,} bytes are no model that onnxruntime "
            f"{onnxruntime.__version__} can load ({str(error).splitlines()[0]}): "
            "use an ONNX file of opset 17 that twoloops exported"
        ) from error


def _no_rows(tensor: Any) -> NDArray[Any]:
    width = [size if isinstance(size, int) else 0 for size in tensor.shape[1:]]
    return np.zeros((0, *width), dtype=np.float32)

"""Writing ONNX graphs whose bytes are the same in every process.

Names are counted in the order of writing, metadata is sorted by key, nothing carries a time, a
path or a doc string. So the digest of a built-in base depends on its parameters alone.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from twoloops.edge.metadata import assets_of, preprocess_of, to_properties
from twoloops.records.digests import Digest
from twoloops.records.preprocess import (
    CharNgrams,
    Picture,
    Preprocess,
    Step,
    Window,
    WordPiece,
)

OPSET = 17
IR_VERSION = 10
EMBEDDING = "embedding"
# Below this a row counts as zero and stays zero when it is normalised.
TINY = 1e-12


class Sketch:
    """A graph being written: nodes and constants in order, under counted names."""

    def __init__(self, prefix: str = "") -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self._prefix = prefix
        self._count = 0

    def constant(self, array: NDArray[Any]) -> str:
        """Store an array in the graph and return its name."""
        name = self._next("c")
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def floats(self, *values: float) -> str:
        """Store a scalar (one value) or a vector of float32."""
        array = np.asarray(values if len(values) > 1 else values[0], dtype=np.float32)
        return self.constant(array)

    def ints(self, *values: int) -> str:
        """Store a vector of int64, as shapes and axes are."""
        return self.constant(np.asarray(values, dtype=np.int64))

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add an operator with one output and return the output's name."""
        return self.nodes_of(operator, 1, *inputs, **attributes)[0]

    def nodes_of(self, operator: str, outputs: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add an operator with several outputs and return their names."""
        names = [self._next("t") for _ in range(outputs)]
        node = helper.make_node(operator, list(inputs), names, name=f"n_{names[0]}", **attributes)
        self.nodes.append(node)
        return names

    def unit(self, value: str) -> str:
        """Scale each row of (n, d) to Euclidean length 1; a zero row stays zero."""
        length = self.node("ReduceL2", value, axes=[1], keepdims=1)
        return self.node("Div", value, self.node("Max", length, self.floats(TINY)))

    def by_width(self, value: str, dimension: int) -> str:
        """Divide (n, dimension) by √dimension: about unit length, and rows keep their size."""
        return self.node("Div", value, self.floats(float(np.sqrt(dimension))))

    def signed_log(self, value: str) -> str:
        """Return sign(x)·log(1 + |x|): keeps the sign, tames the range."""
        size = self.node("Log", self.node("Add", self.node("Abs", value), self.floats(1.0)))
        return self.node("Mul", self.node("Sign", value), size)

    def finish(
        self,
        embedding: str,
        dimension: int,
        preprocess: Preprocess,
        assets: Mapping[Digest, str] | None = None,
    ) -> bytes:
        """Close the graph with `embedding` as its one output and return its bytes."""
        self.nodes.append(
            helper.make_node("Identity", [embedding], [EMBEDDING], name=f"n_{EMBEDDING}")
        )
        graph = helper.make_graph(
            self.nodes,
            "base",
            [value for step in preprocess.steps for value in step_inputs(step)],
            [helper.make_tensor_value_info(EMBEDDING, TensorProto.FLOAT, ["n", dimension])],
            self.constants,
        )
        return seal(new_model(graph), to_properties(preprocess, assets or {}))

    def _next(self, kind: str) -> str:
        self._count += 1
        return f"{self._prefix}{kind}{self._count}"


def new_model(
    graph: onnx.GraphProto, more: Sequence[onnx.OperatorSetIdProto] = ()
) -> onnx.ModelProto:
    """Return a model of the one opset and IR version used everywhere.

    Args:
        graph: What it computes.
        more: Operator sets beside ONNX's own, such as those of quantised encoders.
    """
    others = {one.domain: one.version for one in more if one.domain not in ("", "ai.onnx")}
    return helper.make_model(
        graph,
        producer_name="twoloops",
        ir_version=IR_VERSION,
        opset_imports=[
            helper.make_opsetid("", OPSET),
            *(helper.make_opsetid(*pair) for pair in sorted(others.items())),
        ],
    )


def seal(model: onnx.ModelProto, metadata: Mapping[str, str]) -> bytes:
    """Replace a model's metadata (sorted by key), check it, and return its bytes."""
    del model.metadata_props[:]
    helper.set_model_props(model, dict(sorted(metadata.items())))
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def read_metadata(model: onnx.ModelProto) -> tuple[Preprocess, dict[Digest, str]]:
    """Return a graph's preprocess record and the assets it carries, by digest."""
    properties = {entry.key: entry.value for entry in model.metadata_props}
    return preprocess_of(properties), assets_of(properties)


def step_tensors(step: Step) -> list[str]:
    """Return the names of the tensors a preprocess step produces."""
    if isinstance(step, WordPiece):
        names = ("input_ids", "attention_mask", "token_type_ids")
        return [step.prefix + name for name in names]
    return [step.output]


def step_inputs(step: Step) -> list[onnx.ValueInfoProto]:
    """Return the graph inputs that a preprocess step feeds, the batch being `n`."""
    kind = TensorProto.INT64 if isinstance(step, WordPiece) else TensorProto.FLOAT
    shape = _shape(step)
    return [helper.make_tensor_value_info(name, kind, shape) for name in step_tensors(step)]


def rename_step(step: Step, prefix: str) -> Step:
    """Return the step with its tensors' names prefixed."""
    if isinstance(step, WordPiece):
        return WordPiece(step.vocabulary, prefix + step.prefix, step.max_tokens)
    if isinstance(step, CharNgrams):
        return CharNgrams(prefix + step.output, step.dimension, step.low, step.high, step.words)
    if isinstance(step, Window):
        return Window(step.channels, step.samples, prefix + step.output)
    output = prefix + step.output
    return Picture(step.height, step.width, step.mean, step.deviation, output)


def parameters(graph: onnx.GraphProto) -> int:
    """Count the numbers stored in a graph's floating-point and 8-bit initialisers."""
    learned = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT8, TensorProto.UINT8)
    return sum(
        int(np.prod(tensor.dims, dtype=np.int64))
        for tensor in graph.initializer
        if tensor.data_type in learned and len(tensor.dims) > 0
    )


def _shape(step: Step) -> Sequence[str | int]:
    if isinstance(step, WordPiece):
        return ("n", "tokens")
    if isinstance(step, CharNgrams):
        return ("n", step.dimension)
    if isinstance(step, Window):
        return ("n", step.channels, step.samples)
    return ("n", 3, step.height, step.width)

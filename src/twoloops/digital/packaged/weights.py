"""Read the weights of a torch checkpoint without torch, and without running what is in it.

A checkpoint is a pickle, and a pickle can name any function to be called. Here only the four
names that a state dict of plain tensors needs are known; they stand for records of ours, and
any other name is refused. Understands the format that torch wrote before 1.6: five pickles
(magic number, protocol, system, objects, storage keys) and then the storages' raw bytes.
"""

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twoloops.records.errors import UserError

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001


class Storage(NamedTuple):
    """A named run of numbers: its element type and its key in the file."""

    dtype: str
    key: str


class Tensor(NamedTuple):
    """A view into a storage, in elements."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def _tensor(
    storage: Storage, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: object
) -> Tensor:
    return Tensor(storage, offset, size, stride)


ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _tensor,
    ("torch", "FloatStorage"): "<f4",
    ("torch", "LongStorage"): "<i8",
}
"""What a checkpoint may name, and what stands for it."""


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise UserError(
                f"the weights file names {module}.{name}, and only "
                f"{sorted('.'.join(pair) for pair in ALLOWED)} are allowed: nothing was run; "
                "get the file from its publisher again"
            )
        return ALLOWED[module, name]

    def persistent_load(self, pid: Any) -> Storage:
        kind, dtype, key, *_ = pid
        if kind != "storage" or not isinstance(dtype, str):
            raise pickle.UnpicklingError(f"not a storage: {pid!r}")
        return Storage(dtype, str(key))


def read_weights(data: bytes) -> dict[str, NDArray[Any]]:
    """Return the tensors of a state dict, by name.

    Args:
        data: The checkpoint file.

    Raises:
        UserError: When the file names anything but tensors, or is no such checkpoint.
    """
    try:
        return _read(io.BytesIO(data))
    except UserError:
        raise
    # Whatever a broken or hostile file makes the reader stumble over means the same to a user.
    except Exception as error:
        raise UserError(
            f"these {len(data):,} bytes are no torch checkpoint of the old format "
            f"({type(error).__name__}: {error}): get the file from its publisher again"
        ) from error


def _read(file: io.BytesIO) -> dict[str, NDArray[Any]]:
    load: Callable[[], Any] = lambda: _Restricted(file).load()  # noqa: E731
    if load() != MAGIC or load() != PROTOCOL:
        raise pickle.UnpicklingError("wrong magic number")
    load()
    tensors: dict[str, Tensor] = load()
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
    storages = {}
    for key in load():
        count = int.from_bytes(file.read(8), "little")
        dtype = np.dtype(dtypes[key])
        storages[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype=dtype, count=count)
    return {name: _view(tensor, storages) for name, tensor in tensors.items()}


def _view(tensor: Tensor, storages: dict[str, NDArray[Any]]) -> NDArray[Any]:
    """Copy a tensor out of its storage; its reach is checked, since strides come from the file."""
    values = storages[tensor.storage.key][tensor.offset :]
    reach = sum((n - 1) * step for n, step in zip(tensor.size, tensor.stride, strict=True))
    if min((*tensor.size, *tensor.stride, 1)) < 0 or reach >= len(values):
        raise pickle.UnpicklingError("a tensor reaches beyond its storage")
    strides = [step * values.itemsize for step in tensor.stride]
    return np.array(np.lib.stride_tricks.as_strided(values, tensor.size, strides, writeable=False))

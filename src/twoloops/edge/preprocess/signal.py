"""`.npy` bytes of float32 (channels, samples) → float32 (n, channels, samples)."""

import io
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twoloops.records.errors import UserError
from twoloops.records.preprocess import Window


def read_window(data: bytes, shape: tuple[int, int] | None = None) -> NDArray[np.float32]:
    """Return one window, float32 (channels, samples).

    Args:
        data: The bytes of a `.npy` file; pickled objects are never loaded.
        shape: The (channels, samples) it must have, if it is fixed.

    Raises:
        UserError: When it is no such array, has another shape, or holds NaN or infinity.
    """
    try:
        start = _header_end(data)
        found, transposed, kind = _header(data[:start])
    except Exception as error:  # numpy's parser raises a dozen kinds on damaged headers
        raise _unreadable(error) from error
    if kind != np.dtype("<f4") or len(found) != 2:
        raise UserError(f"the signal is {kind} {found}: save it as float32 (channels, samples)")
    try:
        window = np.frombuffer(data, "<f4", offset=start)
        window = window.reshape(found, order="F" if transposed else "C")
    except ValueError as error:
        raise _unreadable(error) from error
    if shape is not None and window.shape != tuple(shape):
        raise UserError(
            f"the signal has shape {window.shape}, expected (channels, samples) = {tuple(shape)}: "
            "cut or resample it first"
        )
    if window.size == 0:
        raise UserError(f"the signal is empty, shape {window.shape}: give at least one sample")
    finite = np.isfinite(window)
    if not finite.all():
        bad = int(window.size - np.count_nonzero(finite))
        raise UserError(
            f"the signal holds {bad} values that are NaN or infinite of {window.size}: "
            "fill or drop them first"
        )
    return window


def windows(step: Window, inputs: Sequence[bytes]) -> NDArray[np.float32]:
    """Return the batch, float32 (n, channels, samples).

    Raises:
        UserError: When an input is no such window (see `read_window`).
    """
    shape = (step.channels, step.samples)
    batch = np.empty((len(inputs), *shape), dtype=np.float32)
    for row, data in enumerate(inputs):
        batch[row] = read_window(data, shape)
    return batch


def _header_end(data: bytes) -> int:
    """Return the offset at which the values start (NumPy enhancement proposal 1)."""
    size = 2 if data[6:7] == b"\x01" else 4
    return 8 + size + int.from_bytes(data[8 : 8 + size], "little")


@lru_cache(maxsize=16)
def _header(data: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return the shape, whether the values lie in Fortran order, and their type.

    Remembered because all windows of a task share theirs, and parsing it takes longer than
    reading the values.
    """
    stream = io.BytesIO(data)
    first = np.lib.format.read_magic(stream) == (1, 0)
    read = np.lib.format.read_array_header_1_0 if first else np.lib.format.read_array_header_2_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of headers written by Python 2
        shape, transposed, kind = read(stream)
    return shape, transposed, kind


def _unreadable(error: Exception) -> UserError:
    reason = (str(error).splitlines() or ["no content"])[0].rstrip(".")
    return UserError(
        f"the signal is no readable .npy file ({reason}): "
        "save it with numpy.save as float32 (channels, samples)"
    )

"""`.npy` bytes of float32 (channels, samples) → float32 (n, channels, samples)."""

import io
from collections.abc import Sequence

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
        window = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(
            f"the signal is no readable .npy file ({_first_line(error)}): "
            "save it with numpy.save as float32 (channels, samples)"
        ) from error
    # np.load also opens .npz archives, which are no arrays.
    if not isinstance(window, np.ndarray) or window.dtype != np.float32 or window.ndim != 2:
        got = f"{window.dtype} {window.shape}" if isinstance(window, np.ndarray) else "an archive"
        raise UserError(f"the signal is {got}: save it as float32 (channels, samples)")
    if shape is not None and window.shape != tuple(shape):
        raise UserError(
            f"the signal has shape {window.shape}, expected (channels, samples) = {tuple(shape)}: "
            "cut or resample it first"
        )
    if window.size == 0:
        raise UserError(f"the signal is empty, shape {window.shape}: give at least one sample")
    bad = int(window.size - np.count_nonzero(np.isfinite(window)))
    if bad:
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


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no content"])[0].rstrip(".")

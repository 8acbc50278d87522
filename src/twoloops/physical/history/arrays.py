"""NPZ: windows in one array `X` (n, channels, samples) or in one array a channel; or texts."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from twoloops.physical.history.channels import stack
from twoloops.physical.history.options import Mapping, Reading
from twoloops.physical.history.rows import make_rows, signal_bytes
from twoloops.physical.history.table import arguments
from twoloops.records.errors import UserError

Arrays = dict[str, NDArray[Any]]


def read_arrays(path: Path, source: str, said: Mapping) -> Reading:
    """Read an `.npz` file.

    Args:
        path: The file.
        source: As the user named it, for messages.
        said: Which array is what, as far as the user said.

    Raises:
        UserError: The file cannot be read, a named array is missing, or shapes do not fit.
    """
    arrays = load(path, source)
    shape: tuple[int, int] | None = None
    notes: list[str] = []
    mapping, guesses = _guess(source, arrays, said)
    columns = {
        name: array.tolist() for name, array in arrays.items() if array.ndim == 1 and len(array)
    }
    if mapping.text is not None:
        texts = columns[mapping.text]
        places = _places(source, len(texts))
        _check_lengths(source, arrays, mapping, len(texts))
        rows, bad = make_rows("text", places, lambda i: str(texts[i]).encode(), columns, mapping)
    else:
        windows, notes = _windows(source, arrays, mapping.channels)
        places = _places(source, len(windows))
        _check_lengths(source, arrays, mapping, len(windows))
        shape = (int(windows.shape[1]), int(windows.shape[2]))
        rows, bad = make_rows(
            "signal", places, lambda i: signal_bytes(windows[i]), columns, mapping, shape
        )
    return Reading(
        source=source,
        kind="text" if mapping.text is not None else "signal",
        rows=tuple(rows),
        shape=shape,
        timed=mapping.time is not None,
        quarantined=tuple(bad),
        caveats=tuple(notes),
        guesses=tuple(guesses),
        arguments=arguments(mapping),
    )


def load(path: Path, source: str) -> Arrays:
    """Return all arrays of an `.npz` file, in the file's order; objects are never unpickled.

    Raises:
        UserError: The file cannot be read or holds arrays of objects.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except ValueError as error:
        if "Object arrays" in str(error):
            raise UserError(
                f"{source} holds an array of objects (windows of unequal length are stored so): "
                "cut or pad all windows to one length and save float32 (n, channels, samples)"
            ) from error
        raise UserError(f"{source} is no readable .npz file: write it with numpy.savez") from error
    except (OSError, zipfile.BadZipFile, EOFError, AttributeError) as error:
        raise UserError(f"{source} is no readable .npz file: write it with numpy.savez") from error


def _places(source: str, count: int) -> list[str]:
    return [f"{Path(source).name}, index {i}" for i in range(count)]


def _described(arrays: Arrays) -> str:
    return ", ".join(f"{name!r} {array.dtype} {array.shape}" for name, array in arrays.items())


def _guess(source: str, arrays: Arrays, said: Mapping) -> tuple[Mapping, list[str]]:
    names = (said.text, said.label, said.time, said.period, said.origin, said.cost, said.key)
    for name in (*names, *said.channels):
        if name is not None and name not in arrays:
            raise UserError(f"{source} has no array {name!r}: there are {_described(arrays)}")
    for name in names:
        if name is not None and arrays[name].ndim != 1:
            raise UserError(
                f"{source}: array {name!r} has shape {arrays[name].shape}, expected one value an "
                "input: shape (n,)"
            )
    free = {name: array for name, array in arrays.items() if name not in names}
    guesses = []
    if said.text is None and not said.channels:
        said, sentence = _guess_input(source, free, said)
        guesses.append(sentence)
    if said.label is None:
        flat = [n for n, a in free.items() if a.ndim == 1 and n != said.text and _few(a)]
        called = [name for name in flat if name.casefold() in ("y", "label", "labels", "target")]
        if found := (called or flat):
            said = replace(said, label=found[0])
            others = f"; others: {', '.join(map(repr, found[1:]))}" if found[1:] else ""
            guesses.append(f"array {found[0]!r} holds the labels{others} (--label)")
    return said, guesses


def _guess_input(source: str, free: Arrays, said: Mapping) -> tuple[Mapping, str]:
    for name, array in free.items():
        if array.ndim == 3 or (name in ("X", "x") and array.ndim == 2):
            return replace(said, channels=(name,)), f"array {name!r} holds the windows (--channels)"
    channels = tuple(n for n, a in free.items() if a.ndim == 2 and a.dtype.kind == "f")
    if channels:
        named = ", ".join(map(repr, channels))
        return replace(said, channels=channels), f"the channels are {named} (--channels)"
    for name, array in free.items():
        if array.ndim == 1 and array.dtype.kind == "U" and not _few(array):
            return replace(said, text=name), f"array {name!r} holds the texts (--text)"
    raise UserError(
        f"{source}: no array looks like the input; there are {_described(free)}: expected X "
        "float32 (n, channels, samples), one array (n, samples) a channel, or texts; name it with "
        "--channels or --text"
    )


def _few(array: NDArray[Any]) -> bool:
    """Whether an array has as few distinct values as a label."""
    return 2 <= len(np.unique(array)) <= min(100, max(2, len(array) // 5))


def _windows(
    source: str, arrays: Arrays, channels: tuple[str, ...]
) -> tuple[NDArray[np.float32], list[str]]:
    named = {name: arrays[name] for name in channels}
    for name, array in named.items():
        if array.dtype.kind not in "fiu":
            raise UserError(f"{source}: array {name!r} is {array.dtype}, expected numbers: float32")
    if len(named) == 1:
        (name, array), *_ = named.items()
        if array.ndim == 3:
            return array.astype(np.float32), []
    for name, array in named.items():
        if array.ndim != 2:
            raise UserError(
                f"{source}: array {name!r} has shape {array.shape}, expected (n, samples), or one "
                "array (n, channels, samples): reshape it first"
            )
    counts = {name: len(array) for name, array in named.items()}
    if len(set(counts.values())) > 1:
        raise UserError(
            f"{source}: the channels hold different numbers of windows, {counts}: every channel "
            "needs one row for each window"
        )
    return stack({name: array.astype(np.float32) for name, array in named.items()})


def _check_lengths(source: str, arrays: Arrays, said: Mapping, count: int) -> None:
    if count == 0:
        raise UserError(f"{source} is empty: expected at least one input")
    for name in (said.label, said.time, said.period, said.origin, said.cost, said.key):
        if name is not None and len(arrays[name]) != count:
            raise UserError(
                f"{source}: array {name!r} has {len(arrays[name])} values for {count} inputs: give "
                "one value an input"
            )

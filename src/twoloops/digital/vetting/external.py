"""Data outside of an ONNX file: beside it, by a plain relative path, every range its own."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from twoloops.digital.vetting.book import Book, many, shown
from twoloops.digital.vetting.scopes import Held

CHECK = "external data"
KEYS = {"location", "offset", "length", "checksum"}
NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
MEMORY = "_ORT_MEM_ADDR_"
"""onnxruntime's own mark for an address in memory; no file has a reason to carry it."""

Find = Callable[[str], Path | None]
"""Return where the private copy of a file is, by its path below the root, if it may be read."""


def inspect_external(
    outside: list[tuple[Held, int]], file: str, find: Find, book: Book
) -> tuple[str, ...]:
    """Check where tensors' data lies outside of the file.

    Args:
        outside: Tensors, each with the bytes it has to have.
        file: The ONNX file, below the root.
        find: Finds the private copy of a file.
        book: Where findings go.

    Returns:
        The files that hold such data, all below the root.
    """
    ranges: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    sums: dict[str, set[str]] = defaultdict(set)
    for held, size in outside:
        entries = _entries(held, file, book)
        location = None if entries is None else _location(entries, held, file, book)
        if entries is None or location is None:
            continue
        below = (PurePosixPath(file).parent / location).as_posix()
        if below == file:
            book.refuse(CHECK, file, held.place, "its own file as data", "a file of its own")
            continue
        found = find(below)
        if found is None:
            book.refuse(
                CHECK, file, held.place, f"{shown(below)}, which is not there", "a regular file"
            )
            continue
        span = _span(entries, size, found.stat().st_size, held, file, book)
        ranges[below]  # named, whatever its ranges are worth
        if span is not None:
            ranges[below].append((*span, held.place))
        if "checksum" in entries:
            sums[below].add(entries["checksum"].lower())
    for below, spans in ranges.items():
        found = find(below)
        if found is not None:
            _tile(sorted(spans), found.stat().st_size, below, book)
            _sums(sums[below], found, below, book)
    return tuple(ranges)


def _entries(held: Held, file: str, book: Book) -> dict[str, str] | None:
    keys = [entry.key for entry in held.tensor.external_data]
    if len(set(keys)) < len(keys) or not set(keys) <= KEYS or "location" not in keys:
        book.refuse(
            CHECK, file, held.place, f"the keys {shown(keys)}", f"each once of {sorted(KEYS)}"
        )
        return None
    return {entry.key: entry.value for entry in held.tensor.external_data}


def _location(entries: dict[str, str], held: Held, file: str, book: Book) -> str | None:
    """Return the path if it is plain: relative, downwards, of ordinary characters."""
    location = entries["location"]
    parts = location.split("/")
    plain = location.isprintable() and "\\" not in location and ":" not in location
    if MEMORY in location:
        got = "an address in memory"
    elif not location or location.startswith(("/", "~")):
        got = f"the absolute path {shown(location)}"
    elif ".." in parts:
        got = f"{shown(location)}, which leads out of the folder"
    elif not plain or "" in parts or "." in parts or parts[0] == "*":
        got = f"the path {shown(location)}"
    else:
        return location
    book.refuse(CHECK, file, held.place, got, "a plain path below the file's own folder")
    return None


def _span(
    entries: dict[str, str], size: int, there: int, held: Held, file: str, book: Book
) -> tuple[int, int] | None:
    texts = [entries.get("offset", "0"), entries.get("length", str(size))]
    if not all(NUMBER.fullmatch(text) for text in texts):
        book.refuse(
            CHECK, file, held.place, f"offset and length {shown(texts)}", "whole numbers from 0 on"
        )
        return None
    offset, length = map(int, texts)
    if "length" not in entries and offset + size != there:
        # Without a length the data reaches to the end of the file.
        length = max(there - offset, 0)
    if length != size:
        book.refuse(CHECK, file, held.place, f"{length:,} bytes", f"{size:,} by its shape")
        return None
    if offset + length > there:
        book.refuse(
            CHECK, file, held.place, f"bytes {offset:,} to {offset + length:,}", f"up to {there:,}"
        )
        return None
    return offset, offset + length


def _tile(spans: list[tuple[int, int, str]], there: int, below: str, book: Book) -> None:
    """Check that no two tensors overlap; the very same range twice is shared weights."""
    reached, shared, named = 0, 0, 0
    previous: tuple[int, int] | None = None
    for start, end, place in spans:
        if (start, end) == previous:
            shared += 1
        elif start < reached and start < end:
            book.refuse(
                CHECK,
                below,
                f"{place}, offset {start}",
                f"overlaps up to {reached:,}",
                "no byte twice",
            )
        else:
            named += end - start
        reached, previous = max(reached, end), (start, end)
    if shared:
        book.note(CHECK, below, "", f"{many(shared, 'range')} shared with another tensor")
    if named < there:
        book.note(CHECK, below, "", f"{there - named:,} bytes of {there:,} belong to no tensor")
    book.looked(CHECK, f"{below}: {many(len(spans), 'range')}")


def _sums(stated: set[str], path: Path, below: str, book: Book) -> None:
    """Check a stated SHA-1, which is what the format has; the pin is our own SHA-256."""
    if not stated:
        return
    hashed = hashlib.sha1(usedforsecurity=False)
    with path.open("rb") as file:
        while data := file.read(1 << 20):
            hashed.update(data)
    if stated != {hashed.hexdigest()}:
        book.refuse(CHECK, below, "", f"SHA-1 {hashed.hexdigest()}", shown(sorted(stated)))

"""Safetensors: the header read by ourselves, and every tensor's reach checked.

    8 bytes  n, length of the header, little-endian
    n bytes  JSON: {"name": {"dtype", "shape", "data_offsets": [from, to]}, "__metadata__": {…}}
    rest     the tensors' bytes, back to back

The format's own rules: no key twice, the tensors cover the rest without a gap or an overlap
(github.com/huggingface/safetensors, README, "Format").
"""

import json
import math
from pathlib import Path
from typing import Any

from twoloops.digital.vetting.book import Book, many, shown

CHECK = "safetensors"
BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "I16": 16, "U16": 16,
    "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64,
    "C64": 64,
}  # fmt: skip
"""Element types and their widths; those below a byte are left out: no reader here has them."""
RANK = 16
"""Dimensions of one tensor."""


class _Repeated(ValueError):
    pass


def inspect_safetensors(path: Path, file: str, book: Book) -> None:
    """Check a safetensors file; only its header is read.

    Args:
        path: The private copy.
        file: Its name in the findings.
        book: Where findings go.
    """
    size = path.stat().st_size
    with path.open("rb") as opened:
        start = opened.read(8)
        length = int.from_bytes(start, "little")
        cap = min(size - 8, book.limits.header_bytes)
        if len(start) < 8 or length > cap:
            book.refuse(
                CHECK,
                file,
                "offset 0",
                f"a header of {length:,} bytes in a file of {size:,}",
                f"up to {max(cap, 0):,}",
            )
            return
        header = _header(opened.read(length), file, book)
    if header is None:
        return
    spans = []
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        book.refuse(CHECK, file, "__metadata__", "not texts by name", "texts by name")
    for name, entry in header.items():
        span = _span(name, entry, file, book)
        if span is not None:
            spans.append((*span, name))
    _tile(sorted(spans), size - 8 - length, file, book)
    book.looked(CHECK, f"{file}: {many(len(header), 'tensor')}, {size - 8 - length:,} bytes")


def _header(data: bytes, file: str, book: Book) -> dict[str, Any] | None:
    try:
        if not data.startswith(b"{"):
            raise ValueError("it does not begin with {")
        header = json.loads(data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no)
        if isinstance(header, dict):
            return header
        raise ValueError("it is no object")
    except _Repeated as error:
        book.refuse(CHECK, file, "header", f"the key {error} twice", "every key once")
    except (ValueError, RecursionError) as error:
        book.refuse(CHECK, file, "header", f"no JSON: {shown(error)}", "one JSON object")
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key written twice: readers differ in which one they take."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _Repeated(shown(key))
        found[key] = value
    return found


def _no(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _span(name: str, entry: Any, file: str, book: Book) -> tuple[int, int] | None:
    """Return from where to where a tensor says it lies, if its own figures agree."""
    place = f"tensor {shown(name)}"
    keys = {"dtype", "shape", "data_offsets"}
    if not isinstance(entry, dict) or set(entry) != keys:
        book.refuse(CHECK, file, place, shown(entry), f"an object of {sorted(keys)}")
        return None
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in BITS:
        book.refuse(CHECK, file, place, f"the type {shown(dtype)}", f"one of {sorted(BITS)}")
        return None
    if not _naturals(shape) or len(shape) > RANK:
        book.refuse(
            CHECK, file, place, f"the shape {shown(shape)}", f"up to {RANK} sizes from 0 on"
        )
        return None
    if not _naturals(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        book.refuse(CHECK, file, place, f"the offsets {shown(offsets)}", "[from, to], rising")
        return None
    # Python's integers do not wrap around, which is what huge sizes are there for.
    needed = math.prod(shape) * BITS[dtype] // 8
    if needed > book.limits.tensor_bytes:
        book.refuse(
            CHECK,
            file,
            place,
            f"{shown(shape)} of {dtype}: {shown(needed)[1:-1]} bytes",
            f"up to {book.limits.tensor_bytes:,}",
        )
        return None
    if needed != offsets[1] - offsets[0]:
        book.refuse(
            CHECK,
            file,
            place,
            f"{shown(offsets[1] - offsets[0])[1:-1]} bytes for {shown(shape)} of {dtype}",
            f"{needed:,} bytes",
        )
        return None
    return offsets[0], offsets[1]


def _naturals(values: Any) -> bool:
    return isinstance(values, list) and all(type(v) is int and v >= 0 for v in values)


def _tile(spans: list[tuple[int, int, str]], size: int, file: str, book: Book) -> None:
    """Check that the tensors cover the data from its first to its last byte."""
    reached = 0
    for start, end, name in spans:
        place = f"tensor {shown(name)}, offset {start}"
        if end > size:
            book.refuse(
                CHECK, file, place, f"ends at {end:,}, the data at {size:,}", "inside of the file"
            )
        if start < reached:
            book.refuse(
                CHECK,
                file,
                place,
                f"overlaps its neighbour, which ends at {reached:,}",
                "no byte twice",
            )
        elif start > reached:
            book.refuse(
                CHECK,
                file,
                place,
                f"{start - reached:,} bytes before it belong to no tensor",
                "no gap",
            )
        reached = max(reached, end)
    if reached < size:
        book.refuse(
            CHECK,
            file,
            f"offset {reached}",
            f"{size - reached:,} bytes after the last tensor",
            "nothing after it",
        )

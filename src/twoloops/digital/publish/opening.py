"""Open a published ONNX file without trusting it: what it holds is walked on the wire first.

Needs the base install only. `base vet` looks deeper, with the `onnx` package; a model that
twoloops published needs little: no data in other files, no functions, no domains of others.
Field numbers are those of onnx.proto (ONNX IR version 10).
"""

from collections.abc import Iterator

from twoloops.edge.runtime import Runtime
from twoloops.records.errors import UserError

LARGEST = (1 << 31) - 1
"""Bytes: protobuf itself ends there."""
DEEPEST = 40
"""Messages within messages: a subgraph takes three."""
DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")

# message → {field: message within}; what is not named here is not walked.
_WITHIN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 8: "opset", 20: "training", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
    "opset": {},
    "training": {},
    "function": {},
}
_REFUSED = {
    "training": "graphs for training",
    "function": "functions of its own",
}


def open_model(data: bytes) -> Runtime:
    """Return the model, ready to decide.

    Raises:
        UserError: It reaches outside itself, or is no model of twoloops.
    """
    if len(data) > LARGEST:
        raise UserError(f"the model has {len(data):,} bytes; an ONNX file ends at {LARGEST:,}")
    try:
        _walk(memoryview(data), "model", 0)
    except _MalformedError as error:
        raise UserError(
            f"the model is no whole ONNX file ({error}): get the folder again from its publisher"
        ) from error
    return Runtime(data)


class _MalformedError(Exception):
    pass


def _walk(data: memoryview, message: str, depth: int) -> None:
    if depth > DEEPEST:
        raise _MalformedError(f"more than {DEEPEST} messages within one another")
    within = _WITHIN[message]
    for field, value in _fields(data):
        if message == "tensor" and (field == 13 or (field == 14 and value != 0)):
            _refuse("data in other files")
        if message in ("node", "opset") and (field == 7 if message == "node" else field == 1):
            _domain(value)
        if field in within:
            inner = within[field]
            if inner in _REFUSED:
                _refuse(_REFUSED[inner])
            if isinstance(value, int):
                raise _MalformedError(f"a number where a {inner} stands")
            _walk(value, inner, depth + 1)


def _domain(value: int | memoryview) -> None:
    name = "" if isinstance(value, int) else bytes(value[:80]).decode("utf-8", "replace")
    if name not in DOMAINS:
        _refuse(f"operators of the domain {name!r}")


def _refuse(what: str) -> None:
    raise UserError(
        f"the model has {what}, which a model that twoloops published never has: it was not "
        "opened; look at it with  twoloops base vet FILE"
    )


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (field, value) of a message; lengths are checked before anything is cut."""
    place, end = 0, len(data)
    while place < end:
        key, place = _varint(data, place)
        field, kind = key >> 3, key & 7
        if kind == 0:
            number, place = _varint(data, place)
            yield field, number
            continue
        if kind == 2:
            size, place = _varint(data, place)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise _MalformedError(f"wire type {kind} at byte {place}")
        if size > end - place:
            raise _MalformedError(f"a field of {size:,} bytes where {end - place:,} are left")
        yield field, data[place : place + size]
        place += size


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise _MalformedError("it ends within a number")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise _MalformedError(f"a number of more than ten bytes before byte {place}")

"""Protobuf looked at on the wire, before a parser makes objects of it.

A message of two bytes takes over a hundred in memory, so what a file would become is counted
first. A field that may stand once but stands twice is refused: parsers merge, others take the
last, and so one file would be two models. The fields are those of the installed `onnx`.
"""

from typing import Any, NamedTuple

from twoloops.digital.vetting.limits import Limits

MESSAGE = 11
"""The descriptor's number for a message."""
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class Wire(NamedTuple):
    """What a file would become.

    Attributes:
        fields: How many fields, those of inner messages counted.
        unknown: Fields that the installed `onnx` does not know: `Message.number`, sorted.
    """

    fields: int
    unknown: tuple[str, ...]


class WireError(ValueError):
    """The bytes are no such message, or more of it than is read."""


def measure(data: bytes, descriptor: Any, limits: Limits) -> Wire:
    """Walk a serialised message.

    Args:
        data: Its bytes.
        descriptor: Of the message.
        limits: `onnx_fields` and `onnx_depth` cap it.

    Raises:
        WireError: It is cut off, no protobuf, beyond the caps, or a field that may stand once
            stands twice; with the offset.
    """
    unknown: set[str] = set()
    count = 0
    known: dict[str, dict[int, Any]] = {}
    todo: list[tuple[int, int, Any, int]] = [(0, len(data), descriptor, 1)]
    while todo:
        at, end, kind, depth = todo.pop()
        fields = known.setdefault(kind.full_name, dict(kind.fields_by_number))
        if depth > limits.onnx_depth:
            raise WireError(f"more than {limits.onnx_depth} messages in one another, offset {at}")
        once: set[int] = set()
        while at < end:
            start = at
            count += 1
            if count > limits.onnx_fields:
                raise WireError(f"more than {limits.onnx_fields:,} fields, offset {start}")
            key, at = _varint(data, at, end)
            number, wire = key >> 3, key & 7
            begin, at = _skip(data, at, end, wire, start)
            field = fields.get(number)
            if field is None:
                unknown.add(f"{kind.name}.{number}")
                continue
            if not field.is_repeated:
                if number in once:
                    raise WireError(f"{kind.name}.{field.name} twice, offset {start}")
                once.add(number)
            if field.type == MESSAGE:
                if wire != BYTES:
                    raise WireError(f"{kind.name}.{field.name} is no message, offset {start}")
                todo.append((begin, at, field.message_type, depth + 1))
    return Wire(count, tuple(sorted(unknown)))


def _skip(data: bytes, at: int, end: int, wire: int, start: int) -> tuple[int, int]:
    """Return where a field's content begins and where the next field does."""
    if wire == VARINT:
        return at, _varint(data, at, end)[1]
    if wire == BYTES:
        length, begin = _varint(data, at, end)
    elif wire in (FIXED64, FIXED32):
        begin, length = at, 8 if wire == FIXED64 else 4
    else:
        raise WireError(f"wire type {wire} at offset {start}")
    if begin + length > end:
        raise WireError(f"a field of {length:,} bytes ends outside, offset {start}")
    return begin, begin + length


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return a number of up to ten bytes and where it ends."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise WireError(f"a number is cut off, offset {at}")

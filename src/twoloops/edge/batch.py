"""A batch of observations as it goes over the network: one body, its size declared.

    "2LB1" · length of the packed batch (8 bytes, big-endian) · the batch in msgpack, by zlib
    "2LB0" · the same length · CRC-32 of it (4 bytes, big-endian) · the batch in msgpack as it is

Law: `unpack(pack(batch)) == batch`. Whatever bytes come in, `unpack` returns a batch or raises
`UserError`, and never holds more than the declared length, which has a limit, at once.
"""

import struct
import zlib
from typing import NamedTuple

import msgspec

from twoloops.edge.spoolrows import Missing, Spooled
from twoloops.records.errors import UserError

MEDIA_TYPE = "application/vnd.twoloops.batch"
MAGIC = b"2LB1"
PLAIN = b"2LB0"
HEADER = struct.Struct(">4sQ")
CHECK = struct.Struct(">I")
LARGEST = 40 * 1024 * 1024
"""Bytes of a packed batch, and of its body: the largest input (32 MB) fits."""
MOST = 500
"""Observations of one batch."""
MOST_MISSING = 10_000
LEVEL = 1  # of zlib: the slow ones cost an edge more than they save
AS_IT_IS = 0
"""Not compressed."""


class Batch(NamedTuple):
    """What an edge sends at once.

    Args:
        edge: The edge's name.
        epoch: Of its spool.
        observations: In the order of their numbers. An input without bytes went ahead in parts.
        missing: Stretches of numbers that nobody will send, and why.
        follows: The number that came just before and must be kept already, for this batch may
            overtake the one with it; 0: none.
    """

    edge: str
    epoch: str
    observations: tuple[Spooled, ...]
    missing: tuple[Missing, ...] = ()
    follows: int = 0


class Took(msgspec.Struct, frozen=True):
    """The server's answer, given after its own durable commit.

    Args:
        edge: Whose batch it was.
        epoch: Of its spool.
        upto: Every number of the batch up to this one is kept; 0 of a batch without observations.
        new: Observations that were not known.
        duplicates: Observations that were.
        quarantined: Observations that cannot be used; the server says why.
    """

    edge: str
    epoch: str
    upto: int
    new: int
    duplicates: int
    quarantined: int


class Uploaded(msgspec.Struct, frozen=True):
    """How many bytes the server has of a large input that goes ahead of its batch."""

    size: int


def pack(batch: Batch, level: int = LEVEL) -> bytes:
    """Return the body of a batch.

    Args:
        batch: What is sent.
        level: Of zlib; `AS_IT_IS` does not compress.

    Raises:
        UserError: It is larger than a batch may be.
    """
    packed = msgspec.msgpack.encode(batch)
    if len(packed) > LARGEST:
        raise UserError(
            f"a batch has at most {LARGEST:,} bytes: got {len(packed):,}; send fewer observations"
        )
    if level == AS_IT_IS:
        return HEADER.pack(PLAIN, len(packed)) + CHECK.pack(zlib.crc32(packed)) + packed
    return HEADER.pack(MAGIC, len(packed)) + zlib.compress(packed, level)


def unpack(body: bytes) -> Batch:
    """Return the batch of a body.

    Raises:
        UserError: It is none, is larger than declared or allowed, or holds numbers that are not
            in order, or another edge's.
    """
    if len(body) < HEADER.size:
        raise UserError(f"the batch is cut off: {len(body)} bytes")
    magic, declared = HEADER.unpack_from(body)
    if magic not in (MAGIC, PLAIN):
        raise UserError("the body is no batch of twoloops: it begins otherwise")
    if declared > LARGEST:
        raise UserError(f"the batch declares {declared:,} bytes, and at most {LARGEST:,} are taken")
    rest = memoryview(body)[HEADER.size :]
    packed = _inflate(rest, declared) if magic == MAGIC else _whole(rest, declared)
    try:
        batch = msgspec.msgpack.decode(packed, type=Batch)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"the batch cannot be read: {error}") from error
    _check(batch)
    return batch


def _whole(data: memoryview, declared: int) -> memoryview:
    if len(data) != declared + CHECK.size:
        raise UserError(
            f"the batch is not the {declared:,} bytes it declares: it is cut off, or more"
        )
    packed = data[CHECK.size :]
    if CHECK.unpack_from(data) != (zlib.crc32(packed),):
        raise UserError("the batch is damaged: its checksum is another")
    return packed


def _inflate(data: memoryview, declared: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        # One byte more than declared shows a bomb; no more than that is ever inflated.
        packed = stream.decompress(data, declared + 1)
    except zlib.error as error:
        raise UserError(f"the batch is damaged: {error}") from error
    if len(packed) != declared or not stream.eof or stream.unused_data:
        raise UserError(
            f"the batch is not the {declared:,} bytes it declares: it is cut off, or more"
        )
    return packed


def _check(batch: Batch) -> None:
    if len(batch.observations) > MOST or len(batch.missing) > MOST_MISSING:
        raise UserError(
            f"a batch has at most {MOST} observations and {MOST_MISSING:,} gaps: got "
            f"{len(batch.observations)} and {len(batch.missing)}"
        )
    last = 0
    for place in (one.observation.place for one in batch.observations):
        if (place.edge, place.epoch) != (batch.edge, batch.epoch):
            raise UserError(f"a batch of {batch.edge}/{batch.epoch} holds {_shown(place)}")
        if not last < place.counter < 1 << 62:
            raise UserError(f"the numbers of a batch are not in order at {_shown(place)}")
        last = place.counter
    for gap in batch.missing:
        if not 0 < gap.first <= gap.last < 1 << 62 or len(gap.reason) > 200:
            raise UserError(f"a batch holds a gap from {gap.first} to {gap.last}")


def _shown(place: object) -> str:
    return str(place)[:200]


def last_number(observations: tuple[Spooled, ...]) -> int:
    """Return the highest number of a batch; 0 where it has no observations."""
    return observations[-1].observation.place.counter if observations else 0

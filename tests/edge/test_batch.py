"""A batch comes back as it was packed; nothing else is taken for one, and no bomb is inflated."""

import contextlib
import struct
import tracemalloc
import zlib
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.edge.batch import AS_IT_IS, HEADER, LARGEST, LEVEL, MAGIC, Batch, pack, unpack
from twoloops.edge.spoolrows import Missing, Spooled
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.observation import Decision, Kept, Observation, Place

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
words = st.sampled_from(["", "leak", "größer 17 µm", "\x00"])
reasons = st.sampled_from(["uncertain", "novel", "routine"])
decisions = st.none() | st.builds(
    Decision,
    words,
    st.lists(st.floats(0, 1), min_size=1, max_size=3).map(tuple),
    st.just("sha256:0"),
    st.none() | st.floats(0, 1),
    st.floats(0, 1),
)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    numbers = sorted(draw(st.sets(st.integers(1, 1 << 40), max_size=5)))
    seen = []
    for number in numbers:
        data = draw(st.binary(max_size=50))
        observation = Observation(
            Place("press 4", "e1", number),
            "orders",
            digest_bytes(data),
            NOW,
            "incoming",
            draw(decisions),
            Kept(draw(reasons), 0.5),
            draw(st.none() | words),
        )
        seen.append(Spooled(observation, data))
    gaps = draw(st.lists(st.tuples(st.integers(1, 99), st.integers(0, 9)), max_size=3))
    missing = tuple(Missing(first, first + more, "power cut") for first, more in gaps)
    return Batch("press 4", "e1", tuple(seen), missing)


levels = st.sampled_from([AS_IT_IS, LEVEL])


@given(batches(), levels)
def test_what_is_packed_comes_back(batch: Batch, level: int) -> None:
    assert unpack(pack(batch, level)) == batch


@given(batches(), levels, st.data())
def test_a_batch_that_was_cut_or_changed_is_refused_or_whole(
    batch: Batch, level: int, data: st.DataObject
) -> None:
    body = bytearray(pack(batch, level))
    if data.draw(st.booleans()):
        del body[data.draw(st.integers(0, len(body) - 1)) :]
        with pytest.raises(UserError):
            unpack(bytes(body))
        return
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(UserError):
        assert unpack(bytes(body)) == batch  # a bit of zlib's header says nothing of the content


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(UserError):
        unpack(data)
    with pytest.raises(UserError):
        unpack(HEADER.pack(MAGIC, len(data)) + zlib.compress(data))


@pytest.mark.parametrize("declared", [1_000, LARGEST, LARGEST + 1, (1 << 64) - 1])
def test_a_bomb_is_not_inflated(declared: int) -> None:
    bomb = zlib.compress(bytes(3 * LARGEST))
    tracemalloc.start()
    with pytest.raises(UserError, match=r"declares|is not the"):
        unpack(HEADER.pack(MAGIC, declared) + bomb)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < (3 * LARGEST if declared == LARGEST else 1 << 20)


def one(place: Place) -> Spooled:
    seen = Observation(place, "orders", digest_bytes(b"x"), NOW, "", None, Kept("novel", 1.0))
    return Spooled(seen, b"x")


@pytest.mark.parametrize(
    "batch",
    [
        Batch("a", "e", (one(Place("b", "e", 1)),)),
        Batch("a", "e", (one(Place("a", "f", 1)),)),
        Batch("a", "e", (one(Place("a", "e", 2)), one(Place("a", "e", 1)))),
        Batch("a", "e", (one(Place("a", "e", 1)), one(Place("a", "e", 1)))),
        Batch("a", "e", (one(Place("a", "e", 0)),)),
        Batch("a", "e", (one(Place("a", "e", 1 << 62)),)),
        Batch("a", "e", (), (Missing(3, 2, "x"),)),
        Batch("a", "e", (), (Missing(0, 2, "x"),)),
        Batch("a", "e", (), (Missing(1, 2, "x" * 201),)),
    ],
)
def test_numbers_out_of_order_and_of_others_are_refused(batch: Batch) -> None:
    with pytest.raises(UserError):
        unpack(pack(batch))


def test_a_batch_over_the_limit_is_not_made() -> None:
    large = Spooled(one(Place("a", "e", 1)).observation, bytes(LARGEST))
    with pytest.raises(UserError, match="send fewer"):
        pack(Batch("a", "e", (large,)))


def test_what_is_after_the_end_is_refused() -> None:
    packed = msgspec.msgpack.encode(Batch("a", "e", ()))
    body = struct.pack(">4sQ", MAGIC, len(packed)) + zlib.compress(packed)
    assert unpack(body) == Batch("a", "e", ())
    with pytest.raises(UserError, match="or more"):
        unpack(body + b"x")

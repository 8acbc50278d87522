"""The full policy, by its laws; and in the spool: what is dropped is a gap with its reason."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from twoloops.edge.full import LOW, ORDER, priority, to_drop
from twoloops.edge.sources import Arrival
from twoloops.edge.spool import Spool
from twoloops.edge.spoolrows import Held, Missing
from twoloops.records.observation import Kept

NOW = datetime(2026, 1, 2, tzinfo=UTC)
helds = st.lists(
    st.tuples(st.sampled_from(["uncertain", "novel", "routine", "routine"]), st.integers(1, 100)),
    max_size=60,
).map(lambda rows: [Held(number, *row) for number, row in enumerate(rows, 1)])


@given(helds, st.integers(1, 3_000))
def test_the_least_goes_first_and_no_more_than_needed(held: Sequence[Held], limit: int) -> None:
    dropped = [n for _, numbers in to_drop("edge", "e", held, limit) for n in numbers]
    size = sum(one.size for one in held)
    left = [one for one in held if one.counter not in set(dropped)]
    assert len(set(dropped)) == len(dropped)
    if size <= limit:
        assert dropped == []
        return
    assert sum(one.size for one in left) <= LOW * limit
    rank = {one.counter: ORDER.index(priority("edge", "e", one)) for one in held}
    order = [(rank[number], number) for number in dropped]
    assert order == sorted(order)  # by priority, then the earliest first
    kept = sorted((rank[one.counter], one.counter) for one in left)
    assert not kept or not order or kept[0] > order[-1]
    last = next(one for one in held if one.counter == dropped[-1])
    assert sum(one.size for one in left) + last.size > LOW * limit  # without it, it did not fit


def test_a_tenth_of_the_routine_ones_is_the_audit_sample() -> None:
    found = [priority("edge", "e", Held(n, "routine", 1)) for n in range(10_000)]
    assert 850 < found.count("audit") < 1_150
    assert found.count("audit") + found.count("routine") == 10_000
    assert priority("edge", "e", Held(1, "novel", 1)) == "suspected"


def test_what_is_dropped_is_a_gap_that_outlives_the_process(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.db", "edge") as spool:
        for number in range(10):
            spool.append(Arrival(b"%d" % (number // 2), NOW, ""), "task", None, Kept("novel", 1.0))
        spool.flush()
        spool.drop([2, 3, 5], "full: routine")
        spool.drop([4, 99], "full: routine")
        spool.drop([7], "full: audit")
        left = [one.observation.place.counter for one in spool.pending(99)]
        assert left == [1, 6, 8, 9, 10]
        assert {one.input for one in spool.pending(99)} == {b"0", b"2", b"3", b"4"}
        assert [one.counter for one in spool.held()] == left
    with Spool(tmp_path / "spool.db", "edge") as spool:
        assert spool.missing == (Missing(2, 5, "full: routine"), Missing(7, 7, "full: audit"))
        spool.acknowledge(10)
        assert spool.depth == (0, 0)
        assert spool.missing == (Missing(2, 5, "full: routine"), Missing(7, 7, "full: audit"))


def test_a_batch_of_the_spool_has_its_bytes_limited_but_never_to_nothing(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.db", "edge") as spool:
        for size in (5_000, 10, 10):
            spool.append(Arrival(bytes(size), NOW, ""), "task", None, Kept("novel", 1.0))
        spool.flush()
        assert len(spool.pending(99, 100)) == 1
        spool.acknowledge(1)
        assert len(spool.pending(99, 10_000)) == 2


def test_a_source_is_taken_as_far_as_what_is_durable(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool.db", "edge") as spool:
        assert spool.taken("file:a") is None
        for number in (1, 2):
            arrival = Arrival(b"x", NOW, "")
            spool.append(arrival, "task", None, Kept("novel", 1.0), ("file:a", number))
        spool.flush()
        assert spool.taken("file:a") == 2
        spool.forget_taken("file:a")
        assert spool.taken("file:a") is None

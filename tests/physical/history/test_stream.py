"""A stream in another order keeps its sizes."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.physical.history.stream import History, Quarantined, Row, reorder
from twoloops.records.task import Task

START = datetime(2020, 1, 1, tzinfo=UTC)


def history(sizes: list[int]) -> History:
    number = iter(range(10_000))
    parts = [
        tuple(
            Row(
                input=f"text {(i := next(number))}".encode(),
                label=None if i % 5 == 4 else "ab"[i % 2],
                observed_at=START + timedelta(hours=i),
                period=f"part {part}",
                cost=float(i),
            )
            for _ in range(size)
        )
        for part, size in enumerate(sizes)
    ]
    return History(
        task=Task("t", "text", ("a", "b")),
        seed=parts[0],
        turns=tuple(parts[1:]),
        source="made up",
        labels_per_turn=5,
        command="twoloops replay made-up",
    )


sizes = st.lists(st.integers(0, 12), min_size=2, max_size=6)


@given(sizes, st.sampled_from(["time", "shuffled", "bootstrap"]), st.integers(0, 99))
@settings(deadline=None, max_examples=50)
def test_sizes_times_and_periods_stay(sizes: list[int], how: str, seed: int) -> None:
    before = history(sizes)
    after = reorder(before, how, seed)  # type: ignore[arg-type]
    assert [len(after.seed), *map(len, after.turns)] == sizes
    slots = [(row.observed_at, row.period) for row in before.rows()]
    assert [(row.observed_at, row.period) for row in after.rows()] == slots
    assert after == reorder(before, how, seed)  # type: ignore[arg-type]


@given(sizes, st.integers(0, 99))
@settings(deadline=None, max_examples=50)
def test_shuffling_loses_nothing(sizes: list[int], seed: int) -> None:
    before = history(sizes)
    content = [
        Counter((row.input, row.label, row.cost) for row in stream.rows())
        for stream in (before, reorder(before, "shuffled", seed))
    ]
    assert content[0] == content[1]


@given(sizes, st.integers(0, 99))
@settings(deadline=None, max_examples=50)
def test_the_bootstrap_draws_each_turn_from_itself(sizes: list[int], seed: int) -> None:
    before = history(sizes)
    after = reorder(before, "bootstrap", seed)
    for old, new in zip(before.turns, after.turns, strict=True):
        inputs = [row.input for row in old]
        places = [inputs.index(row.input) for row in new]
        assert places == sorted(places)


def test_another_order_is_said() -> None:
    assert reorder(history([2, 3]), "shuffled", 7).caveats == (
        "the rows were shuffled over all turns (seed 7): this is not their order",
    )
    assert reorder(history([2, 3]), "time", 7).caveats == ()


def test_the_share_scored_counts_labels_of_the_turns() -> None:
    assert history([5, 5, 5]).share_scored == pytest.approx(0.8)
    assert history([5, 0]).share_scored == 0.0


def test_what_is_quarantined_says_where_and_why() -> None:
    assert str(Quarantined("a.csv, line 3", "5 cells")) == "a.csv, line 3: 5 cells"

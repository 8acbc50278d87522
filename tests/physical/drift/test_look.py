"""A whole look: the budget over features and edges, what is unknown, what an alarm says."""

from datetime import UTC, datetime

import msgspec
import numpy as np
import pytest

from twoloops.physical.drift.finding import Finding
from twoloops.physical.drift.look import Audit, Decided, Inputs, decisions, inputs, look
from twoloops.physical.drift.watch import Series, Watched, watch
from twoloops.records.observation import Decision

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ("a", "b", "c", "d", "e")


def found(watched: list[Watched], audit: Audit | None = None, budget: float = 0.05) -> Finding:
    return look(
        "strip",
        "sha256:m",
        3,
        watched,
        audit,
        budget=budget,
        unseen=("new",),
        observations=9,
        at=NOW,
    )


def stream(rng: np.random.Generator, count: int, shift: float = 0.0) -> Series:
    values = rng.normal(size=(count, len(NAMES)))
    values[:, 1] += shift
    return Series(values, ["west" if at % 2 else "east" for at in range(count)])


def test_reports_without_drift_alarm_no_more_often_than_the_budget() -> None:
    alarms, runs = 0, 120
    for run in range(runs):
        rng = np.random.default_rng(run)
        one = watch("inputs", NAMES, stream(rng, 60), stream(rng, 100), seed=str(run))
        assert len(one.features) == 3 * len(NAMES)  # all together, and two edges
        alarms += bool(found([one], budget=0.1).alarms)
    # P(more than 21 of 120) at a chance of 0.1 is 0.4 %; seeds are fixed.
    assert alarms <= 21


def test_what_moved_is_named_with_when() -> None:
    rng = np.random.default_rng(0)
    one = watch("inputs", NAMES, stream(rng, 100), stream(rng, 200, 2.0), seed="s")
    said = found([one])
    assert said.verdict == "drift"
    assert {(alarm.name, alarm.edge) for alarm in said.alarms} == {
        ("b", None),
        ("b", "east"),
        ("b", "west"),
    }
    assert said.alarms[0].at is not None
    assert 1 < said.alarms[0].at < 40
    assert str(said.alarms[0]).startswith("inputs, b")
    assert said.reason.endswith("and 2 more")
    assert msgspec.json.decode(msgspec.json.encode(said), type=Finding) == said


def test_drift_of_one_edge_is_told_from_the_others() -> None:
    rng = np.random.default_rng(1)
    since = stream(rng, 300)
    since.values[1::2, 3] += 2.0  # west
    one = watch("inputs", NAMES, stream(rng, 200), since, seed="s")
    alarms = {(alarm.name, alarm.edge) for alarm in found([one]).alarms}
    assert ("d", "west") in alarms
    assert not any(edge == "east" for _, edge in alarms)


def test_neighbours_that_are_alike_are_no_witnesses() -> None:
    rng = np.random.default_rng(2)
    slow = np.repeat(rng.normal(size=(200, 1)), 10, axis=0) + 0.01 * rng.normal(size=(2000, 1))
    edges = ["e"] * 2000
    halves = Series(slow[:1200], edges[:1200]), Series(slow[1200:], edges[1200:])
    counted = watch("inputs", ("x",), *halves, seed="s", block=1)
    assert found([counted]).alarms  # the error that blocks avoid
    blocks = watch("inputs", ("x",), *halves, seed="s")
    assert blocks.part.block >= 25
    assert not found([blocks]).alarms


def test_too_little_is_unknown_and_says_why() -> None:
    rng = np.random.default_rng(3)
    few = watch("inputs", NAMES, stream(rng, 10), stream(rng, 50), seed="s")
    assert few.part.unknown == "the reference has 10 observations, 16 needed"
    none = watch("inputs", NAMES, stream(rng, 30), stream(rng, 0), seed="s")
    assert none.part.unknown == "0 observations since, 1 needed"
    walk = np.cumsum(rng.normal(size=(100, 1)), axis=0)
    alike = watch("inputs", ("x",), Series(walk, ["e"] * 100), Series(walk, ["e"] * 100), seed="s")
    assert "as neighbours are alike over" in alike.part.unknown
    said = found([few, alike])
    assert (said.verdict, said.features) == ("unknown", ())
    assert "16 needed" in said.reason


def test_embeddings_and_decisions_are_looked_at() -> None:
    rng = np.random.default_rng(6)

    def seen(count: int, shift: float) -> Inputs:
        return Inputs(rng.normal(size=(count, 12)) + shift, ["e"] * count)

    def made(count: int, fault: float) -> Decided:
        draws = rng.random(count) < fault
        said = [Decision("crack" if hit else "ok", (0.9, 0.1), "m", 0.5, 0.1) for hit in draws]
        return Decided(said, ["e"] * count)

    said = found(
        [
            inputs(seen(200, 0.0), seen(60, 3.0), seed="s"),
            decisions(("crack", "ok"), made(100, 0.05), made(100, 0.6), seed="s"),
        ]
    )
    names = {(alarm.kind, alarm.name) for alarm in said.alarms}
    assert ("inputs", "distance") in names
    assert ("decisions", "share of crack") in names
    assert ("decisions", "confidence") not in names
    assert said.unseen == ("new",)
    assert (
        inputs(seen(3, 0), seen(5, 0), seed="s").part.unknown == "the reference has 3 observations"
    )


def test_audit_error_stands_in_the_same_family() -> None:
    audit = Audit(40, 2, 20, 12, wealth=1e4, doubt=0.001)
    (error,) = found([], audit).alarms
    assert error.p == pytest.approx(1e-4 + 0.001)
    assert (error.before, error.after) == (0.05, 0.6)
    rng = np.random.default_rng(5)
    others = watch("inputs", NAMES, stream(rng, 60), stream(rng, 60), seed="s")
    assert len(found([others], audit).features) == 16
    weak = Audit(40, 2, 20, 12, wealth=100.0, doubt=0.001)
    assert not found([others], weak).alarms  # 0.011 is not below 0.05 / 16
    assert found([], Audit(0, 0, 0, 0, 1.0, 0.0, "no label")).verdict == "unknown"

"""What a system rests on, read from records: what the gate and a replay measured of other bases."""

from pathlib import Path

import numpy as np
import pytest

from twoloops.convergence.judging.gate import Comparison, judge
from twoloops.convergence.replays.outcome import TurnFigures
from twoloops.records.errors import UserError
from twoloops.wiring.system import _arms, _points, place_of


@pytest.mark.parametrize(("fixed", "points"), [(12, 12.0), (0, 0.0), (-7, -7.0)])
def test_the_points_of_a_verdict_are_those_the_gate_compared(fixed, points):
    """The candidate is right on `fixed` items more of 100 than the deployed model."""
    y = np.zeros(100, dtype=np.int64)
    deployed, candidate = y.copy(), y.copy()
    deployed[: 20 + max(fixed, 0)] = 1
    candidate[: 20 + max(-fixed, 0)] = 1
    verdict, _ = judge(
        Comparison(claim="better", y=y, candidate=candidate, deployed=deployed, latency_ms=1.0)
    )
    assert _points(verdict) == points


def test_another_claim_says_nothing_of_another_base():
    y = np.zeros(10, dtype=np.int64)
    verdict, _ = judge(Comparison(claim="not worse", y=y, candidate=y, deployed=y, latency_ms=1.0))
    assert _points(verdict) is None


def turn(number, base, accuracy, scored=10):
    return TurnFigures(
        turn=number,
        period="",
        observations=10,
        scored=scored,
        labels_total=0,
        accuracy=accuracy,
        base=base,
    )


class Result:
    """The two arms of a replay that are compared."""

    turns = (
        turn(1, "a", 0.5),
        turn(2, "b", 0.9),
        turn(3, "b", 0.8),
        turn(4, "b", None, 0),
    )
    data = (turn(1, "a", 0.5), turn(2, "a", 0.7), turn(3, "a", 0.7), turn(4, "a", 0.7))


def test_arms_are_compared_in_the_turns_in_which_their_bases_differ():
    (one,) = _arms(Result)
    assert (one.base, one.against, one.points, one.n) == ("b", "a", 15.0, 20)
    assert one.how == "measured by the replay: arms 'both' and 'data' in 2 turns (2, 3)"


def test_without_a_result_no_arm_is_compared():
    assert list(_arms(None)) == []


def test_a_folder_that_holds_neither_is_refused_with_the_ways_out(tmp_path: Path):
    with pytest.raises(UserError, match="neither a workspace nor the folder of a replay"):
        place_of(tmp_path)

"""How differently two models may decide: as the gate saw, of whom, and against which."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from twoloops.convergence.rollouts import machine
from twoloops.convergence.rollouts.evidence import upper
from twoloops.convergence.rollouts.judge import ENOUGH, allowed
from twoloops.convergence.rollouts.plan import Plan, Stage
from twoloops.convergence.rollouts.state import State
from twoloops.convergence.turns.differing import Weighed, weighed

STAGE = Stage(kind="canary", groups=("a",), disagreement_margin=0.05)
HALF = Weighed(differed=50.0, weight=100.0, squares=100.0)
NONE_OF = Weighed(differed=0.0, weight=100.0, squares=100.0)


def opened(**known: dict[str, Weighed]) -> State:
    return machine.opened(
        task="fan",
        number=1,
        model="sha256:1",
        turn=3,
        before="sha256:0",
        plan=Plan(stages=(STAGE,)),
        share=0.1,
        share_of=400,
        at=datetime(2026, 3, 1, tzinfo=UTC),
        **known,
    )[0]


def test_a_plan_may_say_how_much() -> None:
    assert allowed(opened(), replace(STAGE, disagreement=0.3)) == 0.3


def test_without_a_share_of_the_gate_nothing_is_said() -> None:
    assert allowed(replace(opened(), share=None), STAGE) is None


def test_it_is_what_the_gate_saw_on_what_these_edges_sent() -> None:
    state = opened(gate={"edge-a": HALF, "edge-b": NONE_OF})
    assert allowed(state, STAGE, ["edge-a"]) == pytest.approx(upper(0.5, 100) + 0.05)
    assert allowed(state, STAGE, ["edge-b"]) == pytest.approx(upper(0.0, 100) + 0.05)
    assert allowed(state, STAGE, ["edge-a", "edge-b"]) == pytest.approx(upper(0.25, 200) + 0.05)


def test_where_these_sent_too_little_it_is_that_of_all_and_else_the_gates_share() -> None:
    little = weighed([("edge-a", 1.0, True)] * (ENOUGH - 1))
    state = opened(gate={**little, "edge-b": NONE_OF})
    count = 100 + ENOUGH - 1
    share = (ENOUGH - 1) / count
    assert allowed(state, STAGE, ["edge-a"]) == pytest.approx(upper(share, count) + 0.05)
    assert allowed(state, STAGE, ["edge-c"]) == pytest.approx(upper(share, count) + 0.05)
    assert allowed(opened(), STAGE, ["edge-a"]) == pytest.approx(upper(0.1, 400) + 0.05)


def test_what_the_models_floor_and_best_differ_by_is_added() -> None:
    state = opened(gate={"edge-a": NONE_OF}, between={"edge-a": HALF})
    expected = upper(0.0, 100) + upper(0.5, 100) + 0.05
    assert allowed(state, STAGE, ["edge-a"]) == pytest.approx(expected)
    both = opened(gate={"edge-a": HALF}, between={"edge-a": HALF})
    assert allowed(both, STAGE, ["edge-a"]) == 0.99


def test_unequal_weights_tell_less() -> None:
    found = weighed([("a", 1.0, True), ("a", 0.1, False)])["a"]
    assert found.share == pytest.approx(1 / 11)
    assert found.count == 1

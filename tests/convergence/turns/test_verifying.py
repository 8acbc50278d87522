from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.turns.evidence import Contender, evidence_of
from twoloops.convergence.turns.loop import Workbench
from twoloops.convergence.turns.state import TurnState
from twoloops.convergence.turns.turn import start
from twoloops.digital.base import Base
from twoloops.digital.catalogue import Offer
from twoloops.physical.history.stream import History

MakeArm = Callable[..., Arm]
MakeHistory = Callable[..., History]


@pytest.fixture
def make(
    make_arm: MakeArm,
    make_history: MakeHistory,
    base: Callable[[str], Base],
    first: Callable[[Base], None],
    tmp_path: Path,
) -> Callable[..., Arm]:
    """Make an arm in whose turns two bases that differ much are compared."""
    first(base("weak"))
    bench = Workbench([Offer("constant", 1, lambda _: base("constant"))], tmp_path)
    history = make_history(turns=2, per_turn=40, seed_rows=60)
    return lambda **policy: make_arm(history, workbench=bench, **policy)


def test_it_asks_a_random_draw_from_where_the_two_differ(make: Callable[..., Arm]) -> None:
    arm = make(data=False)  # no candidate on the same base
    states = arm.run()
    loop, turn = arm.loop, states[1]
    (drawn,) = [one for one in turn.verifying if one.base == "constant"]
    asked = {q.observation: q for q in loop.store.questions.of_turn("orders", 1)}
    others = {place for place, q in asked.items() if q.purpose != "verify"}
    evidence = evidence_of(loop, turn)
    (candidate,) = [one for one in turn.candidates if one.base == "constant"]
    mine, theirs = evidence.candidate(candidate), evidence.same_base(turn)
    differing = {
        evidence.observations[i].place
        for i in np.flatnonzero(evidence.differ(mine, theirs))
        if evidence.observations[i].place not in others
    }
    assert set(drawn.observations) <= differing
    for place in drawn.observations:
        assert asked[place].purpose == "verify"
        assert asked[place].probability == len(drawn.observations) / len(differing)


def test_it_keeps_to_its_share_and_is_answered_before_the_gate_speaks(
    make: Callable[..., Arm],
) -> None:
    arm = make(data=False)
    states = arm.run()
    loop = arm.loop
    for state in states[1:]:
        asked = loop.store.questions.of_turn("orders", state.number)
        verified = [q for q in asked if q.purpose == "verify"]
        assert len(verified) <= loop.policy.verify_labels()
        assert len(verified) == sum(len(one.observations) for one in state.verifying)
        assert not loop.store.questions.open("orders", state.number)
    (candidate,) = [one for one in states[1].candidates if one.base == "constant"]
    (drawn,) = [one for one in states[1].verifying if one.base == "constant"]
    assert candidate.verdict is not None
    judged = len(evidence_of(loop, states[1]).items)
    assert candidate.verdict.labels == judged + len(drawn.observations)


def test_its_labels_train_from_the_next_turn_on_and_judge_no_more(make: Callable[..., Arm]) -> None:
    arm = make()
    arm.run()
    store = arm.loop.store
    places = [q.observation for q in store.questions.of_turn("orders", 1) if q.purpose == "verify"]
    assert places
    inputs = {one.input for one in store.observations.find(places).values()}
    frozen = {turn: store.datasets.get(d) for turn, d in store.datasets.of_task("orders")}
    assert not inputs & {item.input for item in frozen[1].items}
    later = [item for item in frozen[2].items if item.input in inputs]
    assert len(later) == len(inputs)
    assert {item.judges for item in later} == {False}
    assert {item.split for item in later} <= {"train", "audit"}


def test_nothing_is_asked_where_the_gate_is_convinced_already(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    arm = make_arm(make_history(turns=2, per_turn=60, seed_rows=60))
    states = arm.run()
    for state in states[1:]:
        evidence = evidence_of(arm.loop, state)
        for candidate in state.candidates:
            assert candidate.verdict is not None
            if not any(one.base == candidate.base for one in state.verifying):
                mine = evidence.candidate(candidate)
                assert candidate.verdict.released or not _deployed_before_differs(
                    arm, state, evidence.differ, mine
                )


def _deployed_before_differs(
    arm: Arm, state: TurnState, differ: Callable[..., np.ndarray], mine: Contender
) -> bool:
    """Whether the model deployed before the turn decides anything differently."""
    loop = arm.loop
    earlier = [one for one in loop.store.releases.all("orders") if one.turn < state.number]
    card = loop.store.models.find(earlier[-1].model).card
    made = loop.specialised(loop.base(card.base), loop.store.datasets.get(card.dataset))
    return bool(differ(mine, Contender(made, card.threshold)).any())


def test_without_a_deployed_model_or_a_gate_nothing_is_verified(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    history = make_history(turns=1, per_turn=20, seed_rows=30)
    free = make_arm(history, gate=False)
    free.run()
    seed = make_arm(history)
    turn = seed._run_turn(start(seed.loop, 0, "turn 0"))
    assert turn.verifying == ()
    asked = free.loop.store.questions.of_task("orders")
    assert "verify" not in {one.purpose for one in asked}

"""What is rare or odd does no harm: empty turns, unknown labels, forgotten inputs."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.replays.figures import turn_figures
from twoloops.convergence.turns.loop import Workbench
from twoloops.convergence.turns.state import TurnState
from twoloops.convergence.turns.turn import advance, start
from twoloops.physical.history.stream import History
from twoloops.records.dataset import Dataset

MakeArm = Callable[..., Arm]
MakeHistory = Callable[..., History]


def datasets(arm: Arm) -> dict[int, Dataset]:
    return {
        turn: arm.loop.store.datasets.get(digest)
        for turn, digest in arm.loop.store.datasets.of_task("orders")
    }


def released(states: list[TurnState]) -> list[int]:
    return [state.number for state in states if state.released is not None]


def test_an_empty_turn_and_one_of_one_observation_do_no_harm(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    arm = make_arm(make_history(sizes=(0, 1, 0, 24), seed_rows=20))
    states = arm.run()
    assert [state.stage for state in states] == ["closed"] * 5
    empty, one, _, full = [turn_figures(arm, state) for state in states[1:]]
    assert (empty.observations, empty.accuracy, empty.period) == (0, None, "turn 1")
    assert (one.observations, one.scored, one.labels_total) == (1, 1, 21)
    assert full.accuracy is not None
    assert full.accuracy > 0.7


def test_a_turn_without_any_known_label_is_observed_and_never_scored(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    history = make_history(turns=2, per_turn=20, seed_rows=20)
    unknown = tuple(replace(row, label=None) for row in history.turns[0])
    arm = make_arm(dataclasses.replace(history, turns=(unknown, history.turns[1])))
    states = arm.run()
    figures = [turn_figures(arm, state) for state in states[1:]]
    assert (figures[0].observations, figures[0].scored, figures[0].accuracy) == (20, 0, None)
    assert figures[0].labels_total == 20
    assert figures[1].scored == 20


def test_a_label_never_seen_before_is_learned(make_arm: MakeArm, make_history: MakeHistory) -> None:
    history = make_history(turns=4, per_turn=60, seed_rows=30, novel_from=2)
    arm = make_arm(history, labels_per_turn=25)
    states = arm.run()
    cards = {one.turn: one.card for one in arm.loop.store.models.of_task("orders")}
    assert "overheat" not in cards[1].labels
    assert "overheat" in cards[2].labels
    said = arm.said(4)
    hot = [
        (row.label, decided)
        for row, decided in zip(history.turns[3], said.decided, strict=True)
        if row.label == "overheat"
    ]
    assert hot
    assert np.mean([decided == label for label, decided in hot]) > 0.8
    assert released(states)[-1] >= 2


def test_probabilities_of_exactly_0_and_1_do_no_harm(
    make_arm: MakeArm, make_history: MakeHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twoloops.convergence.recipes.head.calibrated", lambda *_: 1e-6)
    arm = make_arm(make_history(turns=2, per_turn=24, seed_rows=20), real_edge=True)
    states = arm.run()
    said = arm.said(2)
    assert set(said.p_fault) <= {0.0, 1.0}
    assert set(said.margin) == {1.0}
    assert states[2].stage == "closed"
    assert arm.loop.store.questions.of_turn("orders", 2)


def test_a_forgotten_input_is_left_out_of_all_that_follows(
    make_arm: MakeArm, make_history: MakeHistory, tmp_path: Path
) -> None:
    """After a restart nothing of it is left, neither its bytes nor its embedding."""
    history = make_history(turns=2, per_turn=24, seed_rows=30)
    arm = make_arm(dataclasses.replace(history, turns=history.turns[:1]))
    arm.run()
    store = arm.loop.store
    frozen = datasets(arm)[1]
    gone = [
        frozen.split("train")[0].input,
        frozen.split("golden")[0].input,
        frozen.split("audit")[0].input,
    ]
    for digest in gone:
        store.forget(digest, datetime(2024, 7, 1, tzinfo=UTC))
    again = make_arm(history, store=store, workbench=Workbench((), tmp_path / "none"))
    states = again.run()
    assert states[2].stage == "closed"
    assert not {item.input for item in datasets(again)[2].items} & set(gone)


@pytest.mark.parametrize("stage", ["select", "freeze", "specialise", "judge", "roll out"])
def test_forgetting_between_two_stages_does_no_harm(
    make_arm: MakeArm, make_history: MakeHistory, tmp_path: Path, stage: str
) -> None:
    history = make_history(turns=1, per_turn=24, seed_rows=30)
    arm = make_arm(dataclasses.replace(history, turns=()), gate=False)
    arm.run()
    arm = make_arm(history, store=arm.loop.store, gate=False)
    turn = start(arm.loop, 1, "turn 1")
    arm._observe(turn)
    while turn.stage != stage:
        arm._answer(turn)
        outcome = advance(arm.loop, turn)
        assert isinstance(outcome, TurnState)
        turn = outcome
    store = arm.loop.store
    asked = [q.observation for q in store.questions.of_turn("orders", 1)]
    gone = [one.input for one in store.observations.find(asked).values()][:3]
    gone += [one.input for one in store.observations.of_turn("orders", 1)][:2]
    gone += [item.input for item in datasets(arm)[0].split("train")[:2]]
    for digest in gone:
        store.forget(digest, datetime(2024, 7, 1, tzinfo=UTC))
    again = make_arm(history, store=store, workbench=Workbench((), tmp_path / "none"), gate=False)
    assert again.run()[1].stage == "closed"

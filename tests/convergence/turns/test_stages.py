"""What the stages ask, freeze, try and release."""

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
import pytest
from msgspec.structs import replace

from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.replays.figures import turn_figures
from twoloops.convergence.turns.anchor import BEST, best_release, was_refused
from twoloops.convergence.turns.evidence import Evidence
from twoloops.convergence.turns.state import TurnState
from twoloops.physical.history.stream import History
from twoloops.records.dataset import Dataset

MakeArm = Callable[..., Arm]
MakeHistory = Callable[..., History]


def relabel(history: History, parts: set[int], seed: int = 0) -> History:
    """Deal the labels of some parts (0 is the seed) to their rows at random."""
    rng = np.random.default_rng(seed)
    out = []
    for number, rows in enumerate((history.seed, *history.turns)):
        if number in parts:
            labels = rng.choice(history.task.labels, len(rows))
            rows = tuple(replace(r, label=str(n)) for r, n in zip(rows, labels, strict=True))
        out.append(rows)
    return dataclasses.replace(history, seed=out[0], turns=tuple(out[1:]))


def datasets(arm: Arm) -> dict[int, Dataset]:
    return {
        turn: arm.loop.store.datasets.get(digest)
        for turn, digest in arm.loop.store.datasets.of_task("orders")
    }


def released(states: list[TurnState]) -> list[int]:
    return [state.number for state in states if state.released is not None]


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"data": False},
        {"labels_per_turn": 3, "audit_share": 0.5, "verify_share": 0.5},
        {"labels_per_turn": 0},
        {"gate": False, "strategy": "random"},
    ],
)
def test_labels_never_exceed_the_budget(
    make_arm: MakeArm, make_history: MakeHistory, policy: dict[str, object]
) -> None:
    history = make_history(turns=2, per_turn=24, seed_rows=20)
    arm = make_arm(history, **policy)
    states = arm.run()
    for state in states[1:]:
        spent = turn_figures(arm, state).labels_total
        assert spent <= 20 + arm.loop.policy.labels_per_turn * state.number
    paid = arm.loop.store.journal.costs("orders", "labels paid")
    assert sum(one.amount for costs in paid.values() for one in costs) == spent


def test_what_is_not_needed_to_verify_is_spent_in_the_next_turn(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    arm = make_arm(make_history(turns=2, per_turn=24, seed_rows=20))
    states = arm.run()
    totals = [turn_figures(arm, state).labels_total for state in states[1:]]
    verified = [q for q in arm.loop.store.questions.of_task("orders") if q.purpose == "verify"]
    assert totals[0] == 20 + 8 + sum(q.turn == 1 for q in verified)
    kept = arm.loop.policy.verify_labels(refused=states[1].released is None)
    assert totals[1] == 20 + 20 - kept + sum(q.turn == 2 for q in verified)


def test_after_a_refusal_more_labels_verify(make_arm: MakeArm, make_history: MakeHistory) -> None:
    arm = make_arm(make_history(turns=3, per_turn=60, seed_rows=30), labels_per_turn=20)
    states = arm.run()
    questions = arm.loop.store.questions.of_task("orders")
    for before, after in itertools.pairwise(states[1:]):
        refused = before.released is None
        assert was_refused(arm.loop, after) == refused
        selected = sum(q.turn == after.number and q.purpose == "selected" for q in questions)
        least = 20 - arm.loop.policy.audit_labels - arm.loop.policy.verify_labels(refused=refused)
        assert selected >= least
    assert any(state.released is None for state in states[1:-1])


def test_audit_labels_judge_first_and_train_from_the_next_turn_on(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    arm = make_arm(make_history(turns=3, per_turn=16, seed_rows=20), audit_share=0.5)
    arm.run()
    questions = arm.loop.store.questions.of_task("orders")
    inputs = {
        q.observation: arm.loop.store.observations.get(q.observation).input for q in questions
    }
    frozen = datasets(arm)
    assert set(frozen) == {0, 1, 2, 3}
    audits = [q for q in questions if q.purpose == "audit"]
    assert len(audits) == 15
    for question in audits:
        for turn, dataset in frozen.items():
            (*found,) = [i for i in dataset.items if i.input == inputs[question.observation]]
            if turn < question.turn:
                assert not found
            else:
                (item,) = found
                assert item.split == ("audit" if turn == question.turn else "train")
                assert item.judges
                assert item.probability == question.probability
        assert question.probability is not None
        assert 0 < question.probability <= 1
    for question in questions:
        if question.purpose == "selected":
            assert question.probability is None
            (item,) = [i for i in frozen[3].items if i.input == inputs[question.observation]]
            assert (item.judges, item.split) == (False, "train")


def test_the_golden_set_never_trains(make_arm: MakeArm, make_history: MakeHistory) -> None:
    arm = make_arm(make_history(turns=2, per_turn=16, seed_rows=30), golden=30)
    arm.run()
    golden = [item.input for item in datasets(arm)[0].split("golden")]
    assert len(golden) == 7  # a quarter of a small seed at most
    for dataset in datasets(arm).values():
        assert [item.input for item in dataset.split("golden")] == golden
        groups = {item.group for item in dataset.split("golden")}
        assert not groups & {item.group for item in dataset.split("train")}
    asked = arm.loop.store.questions.of_task("orders")
    assert {q.turn for q in asked if q.purpose == "golden"} == {0}


def test_groups_never_straddle_train_and_audit_of_the_turn(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    history = make_history(turns=2, per_turn=40, seed_rows=20)
    turns = tuple(
        tuple(replace(row, origin=f"part {i % 9}") for i, row in enumerate(rows))
        for rows in history.turns
    )
    arm = make_arm(dataclasses.replace(history, turns=turns), labels_per_turn=20)
    arm.run()
    for dataset in datasets(arm).values():
        train = {item.group for item in dataset.split("train")}
        assert not train & {item.group for item in dataset.split("audit")}


def test_a_group_keeps_its_name_when_it_grows(make_arm: MakeArm, make_history: MakeHistory) -> None:
    """Else a model would be asked about what it has learned as if it had not."""
    history = make_history(turns=2, per_turn=24, seed_rows=20)
    parts = [
        tuple(replace(row, origin=f"part {i % 6}") for i, row in enumerate(rows))
        for rows in (history.seed, *history.turns)
    ]
    arm = make_arm(dataclasses.replace(history, seed=parts[0], turns=tuple(parts[1:])))
    arm.run()
    names: dict[str, str] = {}
    for dataset in datasets(arm).values():
        for item in dataset.items:
            assert names.setdefault(item.input, item.group) == item.group


def test_a_turn_of_wrong_labels_is_refused_and_the_model_stays(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    history = relabel(make_history(turns=2, per_turn=90, seed_rows=60), {2})
    arm = make_arm(history, labels_per_turn=60)
    states = arm.run()
    assert released(states)[0] == 0
    assert 2 not in released(states)
    assert states[2].candidates
    assert states[2].reason.startswith("refused: ")
    deployed = arm.loop.store.releases.deployed("orders")
    assert deployed is not None
    assert deployed.turn < 2
    facts = arm.loop.store.journal.facts("orders", turn=2, kind="gate refused")
    assert [fact.body["reason"] for fact in facts] == [states[2].reason]


def test_a_first_model_must_beat_the_majority_and_comes_when_labels_get_right(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    history = relabel(make_history(turns=3, per_turn=60, seed_rows=24), {0})
    arm = make_arm(history, labels_per_turn=50, audit_share=0.6)
    states = arm.run()
    assert states[0].released is None
    assert "against the majority class" in states[0].reason
    first = turn_figures(arm, states[1])
    assert (first.accuracy, first.base, first.detection_rate) == (0.0, "", 0.0)
    assert first.false_reject_rate == 0.0  # what is not decided is no fault called
    assert released(states)
    last = turn_figures(arm, states[3])
    assert last.accuracy is not None
    assert last.accuracy > 0.8


def test_everything_labels_all(make_arm: MakeArm, make_history: MakeHistory) -> None:
    arm = make_arm(make_history(turns=2, per_turn=24, seed_rows=20), everything=True, gate=False)
    states = arm.run()
    assert [turn_figures(arm, state).labels_total for state in states[1:]] == [44, 68]
    assert released(states) == [0, 1, 2]


def test_without_a_gate_all_is_taken(make_arm: MakeArm, make_history: MakeHistory) -> None:
    history = relabel(make_history(turns=2, per_turn=24, seed_rows=20), {0, 1, 2})
    states = make_arm(history, gate=False).run()
    assert released(states) == [0, 1, 2]
    assert {state.reason for state in states} == {"taken without a gate"}


def test_more_data_is_compared_with_the_best_release_so_far(
    make_arm: MakeArm, make_history: MakeHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not with the one before it, or quality could slide by the margin every turn."""
    # As if each release were a little worse than the one before.
    quality = iter([0.8, 0.9, 0.7, 0.9])
    monkeypatch.setattr(Evidence, "accuracy", lambda *_: next(quality))
    arm = make_arm(make_history(turns=2, per_turn=30, seed_rows=40), gate=False)
    states = arm.run()
    releases = arm.loop.store.releases.all("orders")
    assert [one.turn for one in releases] == [0, 1, 2]
    kept = arm.loop.store.evidence.history("orders", BEST, str)
    assert kept == {0: releases[0].model}
    best = best_release(arm.loop, replace(states[2], number=3))
    assert best is not None
    assert best.made.dataset == states[0].dataset
    assert best_release(arm.loop, states[0]) is None

"""What the stages ask, freeze, try and release."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from twoloops.convergence.arm import Arm
from twoloops.convergence.figures import turn_figures
from twoloops.convergence.loop import Loop, Workbench
from twoloops.convergence.state import TurnState
from twoloops.digital.base import Base
from twoloops.digital.catalogue import Offer
from twoloops.physical.history.stream import History
from twoloops.records.dataset import Dataset
from twoloops.records.errors import UserError

MakeArm = Callable[..., Arm]
MakeHistory = Callable[..., History]
Bases = Callable[[str], Base]


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


def workbench(cache: Path, *bases: Base, turn: int = 2) -> Workbench:
    offers = [Offer(base.card.name, turn, lambda _, base=base: base) for base in bases]
    return Workbench(offers, cache)


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
    assert sum(cost.amount for cost in paid.values()) == spent


def test_what_is_not_needed_to_verify_is_spent_in_the_next_turn(
    make_arm: MakeArm, make_history: MakeHistory
) -> None:
    arm = make_arm(make_history(turns=2, per_turn=24, seed_rows=20))
    totals = [turn_figures(arm, state).labels_total for state in arm.run()[1:]]
    verified = [q for q in arm.loop.store.questions.of_task("orders") if q.purpose == "verify"]
    assert totals[0] == 20 + 8 + sum(q.turn == 1 for q in verified)
    assert totals[1] == 20 + 18 + sum(q.turn == 2 for q in verified)


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


def test_a_better_base_is_adopted_when_it_comes(
    make_arm: MakeArm,
    make_history: MakeHistory,
    base: Bases,
    first: Callable[[Base], None],
    tmp_path: Path,
) -> None:
    first(base("weak"))
    arm = make_arm(
        make_history(turns=3, per_turn=60, seed_rows=60),
        workbench=workbench(tmp_path, base("strong")),
        labels_per_turn=20,
        real_edge=True,
    )
    states = arm.run()
    assert [state.bases for state in states] == [
        ("weak",),
        ("weak",),
        ("weak", "strong"),
        ("strong",),
    ]
    assert states[2].base_note == "base adopted: strong"
    assert states[2].reason.startswith("released: better than the deployed model")
    before, after = turn_figures(arm, states[2]), turn_figures(arm, states[3])
    assert (before.base, after.base) == ("weak", "strong")
    assert before.accuracy is not None
    assert after.accuracy is not None
    assert after.accuracy > before.accuracy + 0.1


def test_a_useless_base_is_refused_with_the_reason(
    make_arm: MakeArm, make_history: MakeHistory, base: Bases, tmp_path: Path
) -> None:
    arm = make_arm(
        make_history(turns=2, per_turn=30, seed_rows=24),
        workbench=workbench(tmp_path, base("constant"), turn=1),
    )
    states = arm.run()
    for state in states[1:]:
        assert state.bases == ("builtin/char-ngram", "constant")
        assert state.base_note.startswith("refused: constant: ")
        assert "labelled disagreements" in state.base_note
    assert turn_figures(arm, states[2]).base == "builtin/char-ngram"


def test_where_the_first_base_is_useless_another_one_makes_the_first_release(
    make_arm: MakeArm,
    make_history: MakeHistory,
    base: Bases,
    first: Callable[[Base], None],
    tmp_path: Path,
) -> None:
    first(base("constant"))
    arm = make_arm(
        make_history(turns=2, per_turn=16, seed_rows=40),
        workbench=workbench(tmp_path, base("strong"), turn=1),
    )
    states = arm.run()
    assert released(states)[:1] == [1], states[1].base_note
    assert states[1].base_note == "base adopted: strong"
    assert "against the majority class" in states[1].reason
    assert turn_figures(arm, states[2]).base == "strong"


def test_a_base_that_cannot_be_had_is_said(
    make_arm: MakeArm, make_history: MakeHistory, tmp_path: Path
) -> None:
    def missing(_: Path) -> Base:
        raise UserError("the package is not installed")

    bench = Workbench([Offer("rare", 1, missing)], tmp_path)
    states = make_arm(make_history(turns=1, per_turn=20), workbench=bench).run()
    assert states[1].unavailable == {"rare": "rare is not available: the package is not installed"}
    assert states[1].base_note == "rare is not available: the package is not installed"
    assert states[1].bases == ("builtin/char-ngram",)


def test_a_deployed_base_that_is_gone_is_said_in_one_sentence(
    make_arm: MakeArm,
    make_history: MakeHistory,
    base: Bases,
    first: Callable[[Base], None],
    tmp_path: Path,
) -> None:
    first(base("constant"))
    history = make_history(turns=1, per_turn=10, seed_rows=40)
    arm = make_arm(history, workbench=workbench(tmp_path, base("strong"), turn=0))
    arm.run()
    again = make_arm(history, store=arm.loop.store, workbench=Workbench((), tmp_path))
    with pytest.raises(UserError, match="stands on base strong: strong is not available"):
        again.loop.deployed()


def test_neither_keeps_its_first_model_and_learns_from_nothing_new(
    make_arm: MakeArm, make_history: MakeHistory, base: Bases, tmp_path: Path
) -> None:
    arm = make_arm(
        make_history(turns=3, per_turn=30, seed_rows=24),
        workbench=workbench(tmp_path, base("strong"), turn=1),
        data=False,
        models=False,
    )
    states = arm.run()
    assert released(states) == [0]
    frozen = datasets(arm)
    for turn, dataset in frozen.items():
        assert dataset.split("train") == frozen[0].split("train")
        assert len(dataset.split("audit")) == 2 * turn
    asked = [q for q in arm.loop.store.questions.of_task("orders") if q.turn > 0]
    assert {q.purpose for q in asked} == {"audit"}
    assert [len(state.candidates) for state in states[1:]] == [0, 0, 0]


def test_models_alone_asks_only_audit_and_verifying_labels(
    make_arm: MakeArm,
    make_history: MakeHistory,
    base: Bases,
    first: Callable[[Base], None],
    tmp_path: Path,
) -> None:
    first(base("weak"))
    arm = make_arm(
        make_history(turns=2, per_turn=60, seed_rows=60),
        workbench=workbench(tmp_path, base("strong"), turn=1),
        data=False,
    )
    states = arm.run()
    asked = [q for q in arm.loop.store.questions.of_task("orders") if q.turn > 0]
    assert {q.purpose for q in asked} == {"audit", "verify"}
    for dataset in datasets(arm).values():
        assert {item.turn for item in dataset.split("train")} == {0}
    assert states[-1].bases[0] == "strong"


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


def test_without_a_gate_the_likeliest_base_is_taken(
    make_arm: MakeArm,
    make_history: MakeHistory,
    base: Bases,
    first: Callable[[Base], None],
    tmp_path: Path,
) -> None:
    first(base("weak"))
    arm = make_arm(
        make_history(turns=1, per_turn=24, seed_rows=40),
        workbench=workbench(tmp_path, base("strong"), base("constant"), turn=1),
        gate=False,
    )
    assert arm.run()[1].base_note == "base adopted: strong"


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
    monkeypatch.setattr("twoloops.convergence.head._temperature", lambda *_: 1e-6)
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
    make_arm: MakeArm,
    make_history: MakeHistory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
) -> None:
    class Stopped(Exception):
        pass

    save = Loop.save

    def stop(loop: Loop, turn: TurnState) -> None:
        save(loop, turn)
        if (turn.number, turn.stage) == (1, stage):
            monkeypatch.setattr(Loop, "save", save)
            raise_after.append(True)

    raise_after: list[bool] = []
    history = make_history(turns=1, per_turn=24, seed_rows=30)
    arm = make_arm(history, gate=False)
    monkeypatch.setattr(Loop, "save", stop)
    arm.loop.note = _stopping(arm.loop, raise_after, Stopped)  # type: ignore[method-assign]
    with pytest.raises(Stopped):
        arm.run()
    store = arm.loop.store
    seen = store.observations.of_turn("orders", 1)
    asked = [q.observation for q in store.questions.of_task("orders")]
    gone = [one.input for one in seen if one.place in asked][:3] or [seen[0].input]
    gone += [item.input for item in datasets(arm)[0].split("train")[:2]]
    for digest in gone:
        store.forget(digest, datetime(2024, 7, 1, tzinfo=UTC))
    again = make_arm(history, store=store, workbench=Workbench((), tmp_path / "none"), gate=False)
    assert again.run()[1].stage == "closed"


def _stopping(loop: Loop, flag: list[bool], error: type[Exception]) -> Callable[..., None]:
    """Note as before, but stop at the first note after the flag was set."""
    note = loop.note

    def noting(*given: object, **named: str) -> None:
        if flag:
            raise error
        note(*given, **named)  # type: ignore[arg-type]

    return noting

"""Bases that come, are tried, adopted and refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.replays.figures import turn_figures
from twoloops.convergence.turns.loop import Workbench
from twoloops.convergence.turns.state import TurnState
from twoloops.digital.base import Base
from twoloops.digital.catalogue import Offer
from twoloops.physical.history.stream import History
from twoloops.records.dataset import Dataset
from twoloops.records.errors import UserError

MakeArm = Callable[..., Arm]
MakeHistory = Callable[..., History]
Bases = Callable[[str], Base]


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

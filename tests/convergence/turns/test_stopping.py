"""Labels that are worth less than they cost are not asked for, where the policy says so."""

from pathlib import Path

import pytest
from turned import NOW, arrive, euros, turned, wait

from twoloops.convergence.turns.loop import Loop, Workbench
from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.stages import label, select_questions
from twoloops.convergence.turns.state import Waiting
from twoloops.convergence.turns.stopping import do_without, forgone, stop, stopped
from twoloops.convergence.turns.verifying import verify
from twoloops.physical.labelling.questions import open_questions
from twoloops.records.label import Label
from twoloops.store.workspace import Store

WORTHLESS = {"escapes": [2] * 8, "costs": euros("5", "1", "10")}
WORTHY = {"escapes": [16, 10, 6, 4]}


def loop_of(store: Store, folder: Path, **policy: object) -> Loop:
    bench = Workbench([], folder)
    return Loop(store, "strip", Policy(**policy), bench, lambda: NOW)  # type: ignore[arg-type]


@pytest.fixture
def store():
    with Store.in_memory() as made:
        yield made


def test_a_turn_asks_for_audit_labels_only_while_others_are_worthless(store, tmp_path) -> None:
    task = turned(store, **WORTHLESS)
    turn = arrive(store, task, 9, 30)
    loop = loop_of(store, tmp_path, stop_when_worthless=True, labels_per_turn=60)
    select_questions(loop, turn)
    asked = store.questions.of_turn("strip", 9)
    assert {one.purpose for one in asked} == {"audit"}
    assert len(asked) == loop.policy.audit_labels
    why = stopped(loop, turn)
    assert why is not None
    assert "are worth less than they cost" in why.reason
    facts = [one for one in store.journal.facts() if one.kind == "questions asked"]
    assert facts[-1].body["stopped"] == why.reason
    # Nothing is asked to tell candidates apart either.
    assert verify(loop, turn) is turn


def test_a_later_turn_does_not_make_up_for_what_was_forgone(store, tmp_path) -> None:
    task = turned(store, **WORTHLESS)
    turn = arrive(store, task, 9, 30)
    loop = loop_of(store, tmp_path, stop_when_worthless=True)
    assert stop(loop, turn, 32)
    assert forgone(loop, turn) == 0
    later = arrive(store, task, 10, 30)
    assert forgone(loop, later) == 32


@pytest.mark.parametrize(
    ("history", "policy"),
    [
        (WORTHLESS, {}),
        (WORTHY, {"stop_when_worthless": True}),
        ({"escapes": [1, 1]}, {"stop_when_worthless": True}),  # unknown: labels go on
    ],
)
def test_labels_go_on_where_they_pay_are_unknown_or_nobody_said_stop(
    store, tmp_path, history, policy
) -> None:
    task = turned(store, **history)
    turn = arrive(store, task, len(history["escapes"]) + 1, 30)
    loop = loop_of(store, tmp_path, **policy)
    assert not stop(loop, turn, 32)
    assert stopped(loop, turn) is None


def test_questions_that_only_teach_can_be_taken_back(store, tmp_path) -> None:
    task = turned(store, **WORTHY)
    turn = wait(store, task, 5, audits=3, teaching=7)
    loop = loop_of(store, tmp_path)
    assert isinstance(label(loop, turn), Waiting)
    answered = store.questions.of_turn("strip", 5)[-1].observation
    given = Label(answered, "ok", "person:ann", NOW, task.costs.label)
    store.labels.add_many("strip", [given])
    assert do_without(loop, turn) == 6
    assert answered in {one.observation for one in store.questions.of_turn("strip", 5)}
    assert [one.purpose for one in open_questions(store, "strip", 5)] == ["audit"] * 3
    assert do_without(loop, turn) == 0
    why = stopped(loop, turn)
    assert why is not None
    assert why.forgone == 6 + Policy().verify_labels()
    assert store.journal.verify() == []

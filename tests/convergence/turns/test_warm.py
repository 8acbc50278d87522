"""Computing before a stage changes nothing of what the stage makes."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from twoloops.convergence.turns import workspace_turn
from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.state import TurnState
from twoloops.convergence.turns.warm import warm
from twoloops.convergence.turns.workspace_turn import current, go_on, keep_policy
from twoloops.physical.labelling.answers import answer
from twoloops.physical.labelling.questions import open_questions
from twoloops.records.label import Label
from twoloops.records.observation import Kept, Observation, Place
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import loop, now

START = now()


def bring(store: Store, turn: int, count: int) -> None:
    rows = []
    for i in range(count):
        label = ("leak", "ok", "crack")[i % 3]
        data = f"{label} at part {i * 7919 % 101} order {turn}-{i}".encode()
        digest = store.inputs.put(data, "text")
        place = Place("e", f"{turn:04x}", i + 1)
        rows.append(
            Observation(place, "t", digest, START, f"turn {turn}", None, Kept("novel", 1.0))
        )
    store.observations.add_many(rows)


def label_all(store: Store) -> None:
    asked = open_questions(store, "t")
    seen = store.observations.find(one.observation for one in asked)
    said = [
        Label(
            one.observation,
            store.inputs.get(seen[one.observation].input).decode().split()[0],
            "person:a",
            START,
            store.tasks.get("t").costs.label,
        )
        for one in asked
    ]
    answer(store, "t", said, at=START, new_labels=False)


def run(folder: Path) -> tuple[list[TurnState], list[str]]:
    """Two turns; returns their states without timings, and the digests of all models."""
    with Store.open(folder) as store:
        store.tasks.put(Task("t", "text", ("crack", "leak", "ok"), normal="ok"))
        keep_policy(store, "t", Policy(models=False, seed_labels=24, labels_per_turn=8))
        states = []
        for turn in range(2):
            bring(store, turn, 30)
            two = loop(store, store.tasks.get("t"))
            state, waiting = go_on(two, current(two))
            while waiting is not None:
                label_all(store)
                state, waiting = go_on(two, state)
            states.append(state)
        return states, [one.digest for one in store.models.of_task("t")]


def test_results_are_the_same_to_the_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    states, models = run(tmp_path / "warm")
    monkeypatch.setattr(workspace_turn, "warm", lambda loop, turn: None)
    plain_states, plain_models = run(tmp_path / "plain")
    assert models == plain_models
    assert len(models) >= 1
    assert [replace(one, candidates=()) for one in states] == [
        replace(one, candidates=()) for one in plain_states
    ]


def test_it_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def watched(two, turn: TurnState) -> None:
        before = two.store.journal.head(), two.store.turns.all("t")
        database = two.store._database

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("a warming stage writes")

        with monkeypatch.context() as patch:
            patch.setattr(database, "transaction", refuse)
            warm(two, turn)
        assert (two.store.journal.head(), two.store.turns.all("t")) == before
        seen.append(turn.stage)

    monkeypatch.setattr(workspace_turn, "warm", watched)
    run(tmp_path)
    assert {"select", "freeze", "specialise", "judge", "publish back"} <= set(seen)

"""The scheduler: goes on when labels are in, opens turns by schedule, never two, tells failures."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import drifting
import pytest
from drifting import STRANGE, released, texts
from msgspec.structs import replace
from serving_workspace import Served, client_of, make_workspace

from twoloops.convergence.turns.drifted import last_finding
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.stages import observe
from twoloops.convergence.turns.state import TurnState
from twoloops.convergence.turns.workspace_turn import keep_policy
from twoloops.physical.labelling.answers import answer
from twoloops.physical.labelling.questions import open_questions
from twoloops.records.errors import UserError
from twoloops.records.label import Label
from twoloops.records.task import Task
from twoloops.server import scheduler as module
from twoloops.server.app import Options
from twoloops.server.scheduler import Schedule, Scheduler
from twoloops.store.lock import workspace_lock
from twoloops.store.workspace import Store
from twoloops.wiring.arriving import Door, Sent
from twoloops.wiring.workspace import now

NAME = "orders"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as store:
        store.tasks.put(Task(NAME, "text", ("leak", "ok"), normal="ok"))
        keep_policy(store, NAME, Policy(models=False, seed_labels=12, labels_per_turn=4))
        yield store


def bring(store: Store, folder: Path, count: int, first: int = 0) -> None:
    texts = [f"{'oil leak' if i % 2 else 'all fine'} {i}" for i in range(first, first + count)]
    sent = [Sent(text.encode()) for text in texts]
    Door(folder).arrive(store, store.tasks.get(NAME), "test", sent)


def label_all(store: Store) -> None:
    asked = open_questions(store, NAME)
    seen = store.observations.find(one.observation for one in asked)
    price = store.tasks.get(NAME).costs.label
    said = [
        Label(
            one.observation,
            "leak" if b"leak" in store.inputs.get(seen[one.observation].input) else "ok",
            "person:a",
            now(),
            price,
        )
        for one in asked
    ]
    answer(store, NAME, said, at=now(), new_labels=False)


def look(one: Scheduler, store: Store, most: int = 40) -> None:
    """Look until nothing can be done."""
    while one._look(store):
        most -= 1
        assert most, "it never ends"


def stage(store: Store) -> str | None:
    row = store.turns.last(NAME)
    return row and row.read(TurnState).stage


def test_by_default_no_turn_is_opened(store: Store, tmp_path: Path) -> None:
    bring(store, tmp_path, 20)
    look(Scheduler(tmp_path, Schedule()), store)
    assert stage(store) is None


def test_a_turn_opens_after_so_many_observations_and_goes_on_with_its_labels(
    store: Store, tmp_path: Path
) -> None:
    one = Scheduler(tmp_path, Schedule(after=10))
    bring(store, tmp_path, 9)
    look(one, store)
    assert stage(store) is None
    bring(store, tmp_path, 5, 100)
    look(one, store)
    assert stage(store) == "label"
    look(one, store)
    assert stage(store) == "label"
    label_all(store)
    look(one, store)
    assert stage(store) == "closed"
    assert one.trouble(NAME) is None
    look(one, store)  # nothing new came in: no further turn
    assert store.turns.last(NAME).number == 0
    bring(store, tmp_path, 10, 200)
    look(one, store)
    assert store.turns.last(NAME).number == 1


def test_a_turn_opens_so_long_after_the_last_one_if_anything_came_in(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "advance", finish)
    one = Scheduler(tmp_path, Schedule(every=timedelta(hours=24)))
    look(one, store)
    assert stage(store) is None
    bring(store, tmp_path, 4)
    look(one, store)
    assert stage(store) == "closed"
    bring(store, tmp_path, 6, 100)
    look(one, store)
    assert store.turns.last(NAME).number == 0  # it is too early
    later = now() + timedelta(hours=25)
    monkeypatch.setattr(module, "now", lambda: later)
    look(one, store)
    assert store.turns.last(NAME).number == 1


def finish(two: Loop, turn: TurnState) -> TurnState:
    """Close a turn at once: claim its observations, and nothing else."""
    claimed = observe(two, turn) if turn.stage == "observe" else turn
    closed = replace(claimed, stage="closed")
    two.save(closed)
    return closed


def test_what_is_asked_for_is_done_without_a_schedule(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Scheduler(tmp_path, None)
    bring(store, tmp_path, 14)
    look(one, store)
    assert stage(store) is None
    one._asked.add(NAME)
    look(one, store)
    assert stage(store) == "label"
    label_all(store)
    look(one, store)
    assert stage(store) == "label"  # it was asked for once
    one._asked.add(NAME)
    monkeypatch.setattr(module, "advance", finish)
    look(one, store)
    assert stage(store) == "closed"


def test_a_failing_stage_is_told_and_tried_again_later(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(store, tmp_path, 14)
    one = Scheduler(tmp_path, Schedule(after=10))
    at = [now()]
    monkeypatch.setattr(module, "now", lambda: at[0])
    with monkeypatch.context() as patch:
        patch.setattr(module, "advance", _fail)
        waits = []
        for tries in range(1, 4):
            assert not one._look(store)
            trouble = one.trouble(NAME)
            assert trouble is not None
            assert (trouble.stage, trouble.what, trouble.tries) == ("observe", "no disk", tries)
            waits.append((trouble.again_at - at[0]).total_seconds())
            assert not one._look(store)  # not before its time
            assert one.trouble(NAME) == trouble
            at[0] = trouble.again_at
    assert waits == [5, 10, 20]
    look(one, store)
    assert stage(store) == "label"
    assert one.trouble(NAME) is None


def _fail(*_: object) -> None:
    raise UserError("no disk")


def test_a_workspace_in_use_is_no_failure(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(store, tmp_path, 14)
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    one = Scheduler(tmp_path, Schedule(after=10))
    with workspace_lock(tmp_path, "twoloops turn", now()):
        assert not one._look(store)
    assert one.trouble(NAME) is None
    assert stage(store) is None
    look(one, store)
    assert stage(store) == "label"


def test_the_lock_is_free_while_a_stage_computes(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(store, tmp_path, 14)
    one = Scheduler(tmp_path, Schedule(after=10))
    computed = []

    def while_it_computes(loop: object, turn: TurnState) -> None:
        with workspace_lock(tmp_path, "twoloops ingest", now(), wait=0):
            computed.append(turn.stage)

    monkeypatch.setattr(module, "warm", while_it_computes)
    look(one, store)
    assert computed == ["observe", "select"]


def test_a_stage_the_command_line_has_done_is_not_done_twice(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from twoloops.convergence.turns.workspace_turn import current, go_on
    from twoloops.wiring.workspace import loop

    bring(store, tmp_path, 14)
    one = Scheduler(tmp_path, Schedule(after=10))

    def faster(_: object, turn: TurnState) -> None:
        two = loop(store, store.tasks.get(NAME))
        go_on(two, current(two))

    monkeypatch.setattr(module, "warm", faster)
    look(one, store)
    assert stage(store) == "label"
    facts = [fact.kind for fact in store.journal.facts(NAME)]
    assert facts.count("questions asked") == 1


def test_other_tasks_go_on_beside_one_that_fails(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.tasks.put(Task("another", "text", ("a", "b")))
    bring(store, tmp_path, 14)
    one = Scheduler(tmp_path, Schedule(after=10))
    due = one._due
    monkeypatch.setattr(
        one, "_due", lambda store, task: due(store, task) if task.name == NAME else _fail()
    )
    look(one, store)
    assert stage(store) == "label"
    assert one.trouble("another").stage == "open"


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return make_workspace(tmp_path / "served")


def test_over_http_a_turn_is_begun_and_its_state_told(served: Served) -> None:
    admin = served.bearer("admin")
    with client_of(served.folder, Options(rate=0, schedule=Schedule(poll=0.05))) as client:
        path = f"/api/v1/tasks/{NAME}"
        texts = [{"text": f"oil leak {i}"} for i in range(6)]
        client.post(f"{path}/observations/batch", json={"observations": texts}, headers=admin)
        before = client.get(f"{path}/turns", headers=admin).json()
        assert (before["open"], before["new_observations"]) == (None, 6)
        assert client.post(f"{path}/turn", json={}, headers=admin).status_code == 202
        until = time.monotonic() + 60
        while time.monotonic() < until:
            opened = client.get(f"{path}/turns", headers=admin).json()["open"]
            # Stage and questions are read one after the other, while the turn goes on.
            if opened and opened["stage"] == "label" and opened["open_questions"]:
                break
        assert (opened["stage"], opened["open_questions"]) == ("label", 6)


def test_an_empty_turn_is_opened_only_when_it_is_asked_for(store: Store, tmp_path: Path) -> None:
    token = store.tokens.add("a", "admin", now())[1]
    headers = {"Authorization": f"Bearer {token}"}
    store.turns.put(NAME, 0, "closed", TurnState(number=0, period="turn 0"), closed=True)
    with client_of(tmp_path) as client:
        path = f"/api/v1/tasks/{NAME}/turn"
        refused = client.post(path, json={}, headers=headers)
        assert refused.status_code == 422
        assert "nothing new came in" in refused.json()["detail"]
        assert client.post(path, json={"empty": True}, headers=headers).status_code == 202


def test_drift_is_looked_for_as_observations_come_in(tmp_path: Path) -> None:
    policy = Policy(models=False, seed_labels=40, labels_per_turn=10, drift_opens="turn")
    with Store.open(tmp_path) as store:
        released(store, tmp_path, policy)
        one = Scheduler(tmp_path, Schedule())
        look(one, store)
        drifting.bring(store, tmp_path, texts(module.LOOK_EVERY - 5, 2, STRANGE))
        look(one, store)
        early = last_finding(store, drifting.NAME)
        assert early is not None
        assert early.observations == 0  # too few came in for another look
        drifting.bring(store, tmp_path, texts(150, 3, STRANGE))
        look(one, store)
        found = last_finding(store, drifting.NAME)
        assert found is not None
        assert found.verdict == "drift"
        row = store.turns.last(drifting.NAME)
        assert row is not None
        assert (row.number, row.stage) == (1, "label")
        assert open_questions(store, drifting.NAME)

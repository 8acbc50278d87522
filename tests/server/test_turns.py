"""Where a task's turns stand is told as it was at one moment."""

from pathlib import Path

import pytest
from served import questions

from twoloops.convergence.turns.state import TurnState
from twoloops.physical.labelling.answers import answer
from twoloops.records.label import Label
from twoloops.records.task import Task
from twoloops.server.api.turns import standing
from twoloops.server.scheduler import Schedule, Scheduler
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import now

TASK = Task("orders", "text", ("leak", "ok"))


def test_a_stage_and_its_questions_are_of_one_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = questions(tmp_path, TASK, [b"oil", b"leak"])
    with Store.open(tmp_path) as other, Store.open(tmp_path) as store:
        other.turns.put("orders", 1, "label", TurnState(number=1, period="turn 1", stage="label"))
        read = store.turns.all

        def overtaken(task: str) -> list:
            """While the turns are read, somebody answers and the turn goes on."""
            rows = read(task)
            price = TASK.costs.label
            said = [Label(place, "leak", "person:a", now(), price) for place in places]
            answer(other, "orders", said, at=now())
            gone = TurnState(number=1, period="turn 1", stage="freeze")
            other.turns.put("orders", 1, "freeze", gone)
            return rows

        monkeypatch.setattr(store.turns, "all", overtaken)
        scheduler = Scheduler(tmp_path, Schedule())
        found = standing(store, scheduler, "orders").open
        assert (found.stage, found.open_questions) == ("label", 2)
        monkeypatch.setattr(store.turns, "all", read)
        found = standing(store, scheduler, "orders").open
        assert (found.stage, found.open_questions) == ("freeze", 0)

"""Roll-outs in the catalog: one open at a time, transitions numbered; releases taken back."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from twoloops.records.base import ModelCard
from twoloops.records.gate import Verdict
from twoloops.records.task import Task
from twoloops.store.models import REINSTATED, WITHDRAWN
from twoloops.store.rows import Rollout
from twoloops.store.workspace import Store

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def store():
    with Store.in_memory() as made:
        made.tasks.put(Task("fan", "signal", ("crack", "good"), "good", shape=(2, 1)))
        yield made


def test_of_a_task_one_is_open_at_most(store) -> None:
    one = Rollout(task="fan", number=1, model="m", status="running", open=True, state="{}")
    two = replace(one, number=2)
    store.rollouts.put(one)
    with pytest.raises(ValueError, match="has roll-out 1 open"):
        store.rollouts.put(two)
    store.rollouts.put(replace(one, status="done", open=False))
    store.rollouts.put(two)
    assert store.rollouts.open("fan") == two
    assert [row.number for row in store.rollouts.all("fan")] == [1, 2]
    assert store.rollouts.open("pump") is None


def test_transitions_are_numbered_in_their_roll_out(store) -> None:
    for number in (1, 2):
        store.rollouts.put(
            Rollout(task="fan", number=number, model="m", status="done", open=False, state="{}")
        )
    store.rollouts.moved("fan", 1, "opened", -1, AT, {"why": "x"})
    store.rollouts.moved("fan", 1, "done", 0, AT, {"why": "y"})
    store.rollouts.moved("fan", 2, "opened", -1, AT, {"why": "z"})
    kept = store.rollouts.moves("fan", 1)
    assert [(one.number, one.what, one.read(dict)["why"]) for one in kept] == [
        (1, "opened", "x"),
        (2, "done", "y"),
    ]
    assert store.rollouts.moves("fan", 2)[0].number == 1


def test_a_withdrawn_release_is_not_in_force_until_it_is_reinstated(store) -> None:
    made = []
    for turn in (1, 2):
        card = ModelCard("fan", ("crack", "good"), "good", None, "base", "b", "head", "d")
        made.append(store.models.put(f"model {turn}".encode(), card, turn))
        verdict = Verdict(True, "first", "released: better", 1.0, 0, 0.0)
        store.releases.approve("fan", turn, made[-1], verdict, AT)

    def note(kind: str, times: int) -> None:
        store.journal.append(
            kind,
            task="fan",
            turn=-1,
            key=f"{kind}/{times}",
            at=AT,
            body={"model": made[1], "turn": "2"},
        )

    note(WITHDRAWN, 1)
    assert store.releases.deployed("fan").model == made[0]
    assert store.releases.withdrawn("fan") == {(2, made[1])}
    assert len(store.releases.all("fan")) == 2
    note(REINSTATED, 1)
    assert store.releases.deployed("fan").model == made[1]
    note(WITHDRAWN, 2)
    assert [one.model for one in store.releases.holding("fan")] == [made[0]]

"""What is on record about drift of each task: of the release in force alone."""

from floored import AT, finding
from turned import turned

from twoloops.convergence.turns.drifted import DRIFT
from twoloops.convergence.turns.drifting import OPENED
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring.drift import last_looks


def test_a_task_without_a_release_or_a_look_is_there() -> None:
    with Store.in_memory() as store:
        assert last_looks(store) == ()
        store.tasks.put(Task("new", "text", ("a", "b")))
        turned(store, [1])
        new, strip = last_looks(store)
        assert (new.task, new.deployed, new.finding, new.opens) == ("new", None, None, "never")
        assert strip.deployed == store.releases.all("strip")[-1].model
        assert (strip.finding, strip.opened) == (None, None)


def test_a_look_at_an_earlier_release_is_not_shown_as_one_at_this() -> None:
    with Store.in_memory() as store:
        turned(store, [1])
        before, now = (one.model for one in store.releases.all("strip"))
        old = finding([1e-6], before, turn=0)
        store.evidence.put("strip", DRIFT, 0, old)
        store.journal.append(
            OPENED, task="strip", turn=1, key=f"strip/{OPENED}/{before}", at=AT, body={}
        )
        assert last_looks(store)[0].finding is None
        assert last_looks(store)[0].opened is None
        seen = finding([1e-6], now, turn=1)
        store.evidence.put("strip", DRIFT, 1, seen)
        store.journal.append(
            OPENED, task="strip", turn=2, key=f"strip/{OPENED}/{now}", at=AT, body={}
        )
        (look,) = last_looks(store)
        assert (look.finding, look.opened, look.opened_at) == (seen, 2, AT)

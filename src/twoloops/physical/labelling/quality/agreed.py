"""What the labels in a workspace stand for: one label an observation, by consensus."""

from collections.abc import Iterable
from datetime import datetime

from twoloops.physical.labelling.quality.consensus import Consensus, consensus
from twoloops.physical.labelling.teaching.left_out import usable
from twoloops.records.label import Label
from twoloops.records.observation import Place
from twoloops.store.workspace import Store


def agreed(store: Store, task: str, places: Iterable[Place]) -> dict[Place, Consensus]:
    """Return what the labels of some observations stand for; those without one are absent.

    How reliable labellers are is learned from all labels of the task, so that an observation means
    the same whichever others are asked about with it.

    Args:
        store: Where labels lie.
        task: The task's name.
        places: Any number of its observations.
    """
    wanted = usable(store, store.labels.find(places))
    if all(len(labels) == 1 for labels in wanted.values()):
        return consensus(wanted)
    every = consensus(usable(store, by_place(store, task)), doubted_at(store, task))
    return {place: every[place] for place in wanted}


def by_place(store: Store, task: str) -> dict[Place, list[Label]]:
    """Return every label of a task by its place."""
    given: dict[Place, list[Label]] = {}
    for one in store.labels.of_task(task):
        given.setdefault(one.observation, []).append(one)
    return given


def doubted_at(store: Store, task: str) -> dict[Place, datetime]:
    """Return when a second look at a place was first asked for."""
    asked: dict[Place, datetime] = {}
    for look in store.second_looks.of_task(task):
        asked[look.observation] = min(look.asked_at, asked.get(look.observation, look.asked_at))
    return asked

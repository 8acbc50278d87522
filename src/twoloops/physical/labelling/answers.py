"""Take in labels: what may be said, by whom, once, and what it costs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from twoloops.physical.labelling.questions import complain, stranger
from twoloops.records.digests import Digest, digest_record
from twoloops.records.label import Label
from twoloops.records.money import Money
from twoloops.records.observation import Observation, Place
from twoloops.records.task import Task
from twoloops.store.labels import conflict
from twoloops.store.workspace import Store

ADDED, REMOVED = "labels added", "labels removed"
"""Kinds of facts about a task's labels; they belong to no turn."""
_LABELLER = re.compile(r"history|(person|teacher|outcome):\S.*")


class Answered(NamedTuple):
    """What became of answers.

    Args:
        new: Labels that were not there yet.
        repeated: Labels that were.
        added: Labels the task did not have and has now.
        cost: What the new ones cost, or `None` where there were none.
        blank: Lines of an imported file without an answer.
    """

    new: int
    repeated: int
    added: tuple[str, ...]
    cost: Money | None
    blank: int = 0


def answer(
    store: Store, task: str, labels: Sequence[Label], *, at: datetime, new_labels: bool = False
) -> Answered:
    """Take in labels; the same answer again changes and costs nothing.

    What the new ones cost is one fact in the journal for each turn that asked (-1 where none
    did).

    Args:
        store: Where they go.
        task: The task's name.
        labels: Any number, of any labellers.
        at: Now, for the journal.
        new_labels: Whether a label the task does not have is added to it, or refused.

    Raises:
        UserError: With every problem: an unknown observation, a label the task does not have,
            a labeller who contradicts an earlier answer. Nothing is taken in then.
    """
    with store.transaction():
        kind = store.tasks.get(task)
        known = store.observations.find(one.observation for one in labels)
        earlier = earlier_answers(store, labels)
        problems = [
            problem
            for one in labels
            if (problem := problem_of(one, kind, known, earlier, new_labels)) is not None
        ]
        complain("these labels cannot be taken in", problems)
        return take_in(store, kind, labels, at)


def take_in(store: Store, task: Task, labels: Sequence[Label], at: datetime) -> Answered:
    """Take in labels that were found right; inside a transaction."""
    added = tuple(sorted({one.label for one in labels} - set(task.labels)))
    if added:
        grown = tuple(sorted((*task.labels, *added)))
        store.tasks.put(msgspec.structs.replace(task, labels=grown))
        store.journal.append(
            ADDED,
            task=task.name,
            turn=-1,
            key=_key(store, ADDED, task.name, grown),
            at=at,
            body={"added": ", ".join(added), "labels": ", ".join(grown)},
        )
    new = store.labels.add_many(task.name, labels)
    store.second_looks.settle((one.observation for one in labels), at)
    cost = _pay(store, task, new, at)
    return Answered(len(new), len(labels) - len(new), added, cost)


def drop_unused(store: Store, task: str, label: str, at: datetime) -> None:
    """Take a label out of a task where an answer that was taken back had brought it in.

    It stays where anybody else gives it, where the task had it before anybody answered so, and
    where a dataset was frozen since: models may know it. Inside a transaction.
    """
    facts = store.journal.facts(task)
    brought = [
        fact.sequence
        for fact in facts
        if fact.kind == ADDED and label in (fact.body["added"], *fact.body["added"].split(", "))
    ]
    frozen = [fact.sequence for fact in facts if fact.kind.startswith("dataset frozen")]
    kind = store.tasks.get(task)
    if not brought or max(frozen, default=0) > brought[-1] or label not in kind.labels:
        return
    if store.labels.gives(task, label):
        return
    left = tuple(one for one in kind.labels if one != label)
    store.tasks.put(msgspec.structs.replace(kind, labels=left))
    store.journal.append(
        REMOVED,
        task=task,
        turn=-1,
        key=_key(store, REMOVED, task, left),
        at=at,
        body={"removed": label, "labels": ", ".join(left)},
    )


def _key(store: Store, what: str, task: str, labels: tuple[str, ...]) -> str:
    """Name a change of a task's labels: what was removed may be added again."""
    times = len(store.journal.facts(task, kind=REMOVED))
    return f"{what}/{task}/{digest_record(labels)}" + (f"/{times}" if times else "")


def earlier_answers(store: Store, labels: Sequence[Label]) -> dict[tuple[Place, str], Label]:
    """Return what labellers have said before of the same observations."""
    found = store.labels.find(one.observation for one in labels)
    return {(old.observation, old.labeller): old for olds in found.values() for old in olds}


def problem_of(
    one: Label,
    task: Task,
    known: dict[Place, Observation],
    earlier: dict[tuple[Place, str], Label],
    new_labels: bool,
) -> str | None:
    """Say why a label cannot be taken in, or note it in `earlier` and return `None`."""
    problem = stranger(one.observation, task.name, known)
    if problem is not None:
        return problem
    if not one.label.strip():
        return f"{one.observation}: the label is empty"
    if one.label not in task.labels and not new_labels:
        return (
            f"{one.observation}: {one.label!r} is no label of task {task.name!r}: choose one of "
            f"{list(task.labels)}, or allow new labels"
        )
    if not _LABELLER.fullmatch(one.labeller):
        return (
            f"{one.observation}: labeller {one.labeller!r} is not  history, person:NAME, "
            "teacher:NAME or outcome:SOURCE"
        )
    old = earlier.setdefault((one.observation, one.labeller), one)
    return conflict(old, one.label) if old.label != one.label else None


def _pay(store: Store, task: Task, new: Sequence[Label], at: datetime) -> Money | None:
    """Note what labels cost, a fact for each turn that asked; returns the sum."""
    turns = store.questions.turns_of(one.observation for one in new)
    by_turn: dict[int, list[Label]] = {}
    for one in new:
        by_turn.setdefault(turns.get(one.observation, -1), []).append(one)
    total: Money | None = None
    again = store.withdrawn.find(one.observation for one in new)
    for turn, paid in sorted(by_turn.items()):
        cost = _sum(one.cost for one in paid)
        # A label given again after it was taken back is no further label, and time may be paid.
        first = sum((one.observation, one.labeller) not in again for one in paid)
        if not first and not cost.amount:
            continue
        content = _content(paid, again)
        store.journal.append(
            "labels paid",
            task=task.name,
            turn=turn,
            key=f"labels paid/{task.name}/{turn}/{content}",
            at=at,
            body={
                "labels": str(first),
                "labellers": ", ".join(sorted({one.labeller for one in paid})),
                "content": content,
            },
            cost=cost,
        )
        total = cost if total is None else total + cost
    return total


def _content(paid: Sequence[Label], again: Mapping[tuple[Place, str], Sequence[Label]]) -> Digest:
    """Name labels by what they say; one given again after it was taken back is another one."""
    said = sorted((one.observation, one.labeller, one.label) for one in paid)
    times = {
        f"{place} {who}": len(again[place, who]) for place, who, _ in said if (place, who) in again
    }
    return digest_record((said, times) if times else said)


def _sum(costs: Iterable[Money]) -> Money:
    first, *rest = costs
    for cost in rest:
        first = first + cost
    return first

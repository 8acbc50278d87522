"""The desk: questions handed to people one by one, and what they say of them.

Each call is one transaction: an answer, a pass or a lease is there whole, or not at all. A call
repeated (after a lost connection, a reload) changes and costs nothing.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from twoloops.physical.labelling.answers import answer, drop_unused
from twoloops.physical.labelling.policy import LabellingPolicy, labelling_of
from twoloops.physical.labelling.questions import stranger
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.records.label import Label, Lease, Note, Pass
from twoloops.records.money import Money, Sums, or_nothing
from twoloops.records.observation import Decision, Place
from twoloops.store.labels import conflict
from twoloops.store.workspace import Store

LONGEST = 3600.0
"""Seconds on one item that are believed: who takes longer was away."""

ASKING = {"verify": ("verify", "confirm")}
"""Stages of a turn, by purpose, in which what it asked may still be answered differently."""

COMMENT = 2_000
"""Characters of a comment."""


class Item(msgspec.Struct, frozen=True):
    """A question as a labeller sees it: not why it is asked, nor what the model said.

    Args:
        observation: Which one.
        turn: The turn that asks.
        input: Digest of the input.
        until: Until when it is kept from the others.
        second_look: Whether a label is there already and is doubted.
    """

    observation: Place
    turn: int
    input: Digest
    until: datetime
    second_look: bool


class Reply(msgspec.Struct, frozen=True):
    """A labeller's answer to one item.

    Args:
        observation: Which one.
        label: The answer.
        note: Time, comment, and whether the model's opinion was seen.
        new_label: Whether the label may be one that the task does not have.
    """

    observation: Place
    label: str
    note: Note = Note()
    new_label: bool = False


class Progress(msgspec.Struct, frozen=True):
    """How far the open questions of a task are.

    Args:
        turn: The turn that asks; `None` where none does.
        asked: Its questions.
        open: Those that still want a label.
        passed: Observations of it of which somebody could not tell.
        mine: Answers of the labeller to it.
        seconds: Time of the labeller's answers to it.
        cost: What its labels have cost, by currency.
        leased: Items that other labellers have before them now.
    """

    turn: int | None
    asked: int
    open: int
    passed: int
    mine: int
    seconds: float
    cost: Sums
    leased: int


def next_items(
    store: Store, task: str, labeller: str, *, at: datetime, ahead: int = 1
) -> list[Item]:
    """Lease a labeller the best open questions; those they have before them come first.

    Args:
        store: Where questions lie.
        task: The task's name.
        labeller: `person:NAME`.
        at: Now.
        ahead: How many, so that the next ones can be loaded early.
    """
    policy = labelling_of(store, task)
    until = at + timedelta(minutes=policy.lease_minutes)
    with store.transaction():
        name = store.tasks.get(task).name
        leased = store.leases.take(name, labeller, policy.wanted, ahead, at, until)
        seen = store.observations.find(one.question.observation for one in leased)
    return [_item(one, seen[one.question.observation].input) for one in leased]


def answer_item(
    store: Store, task: str, labeller: str, reply: Reply, *, at: datetime
) -> Money | None:
    """Take in one answer; returns what it cost, `None` where it was known already.

    Raises:
        UserError: It cannot be taken in; the item stays the labeller's.
    """
    with store.transaction():
        kind = store.tasks.get(task)
        place = reply.observation
        policy = labelling_of(store, task)
        known = store.observations.find([place])
        problem = stranger(place, task, known)
        if problem is not None:
            raise UserError(problem)
        old = _said(store, place, labeller)
        if old is None and store.questions.last_about(place) is None:
            raise UserError(
                f"{place}: no turn of task {task!r} asked about it: label what "
                "the label page, or  twoloops label export , asks for"
            )
        if old is not None and old.label != reply.label:
            if not store.questions.doubted(place):
                raise UserError(conflict(old, reply.label))
            store.withdrawn.move(task, old, at)
            _note_withdrawn(store, task, old, at)
        note = _believed(reply.note)
        cost = _price(store, policy, kind.costs.label, place, labeller, note.seconds)
        label = Label(place, reply.label, labeller, at, cost)
        done = answer(store, task, [label], at=at, new_labels=reply.new_label)
        if old is not None and old.label != reply.label:
            drop_unused(store, task, old.label, at)
        store.passes.remove(place, labeller)
        if done.new:
            store.notes.put(place, labeller, note)
        store.leases.give_back(labeller, [place])
    # Given again after it was taken back, it may cost nothing, and is an answer all the same.
    return (done.cost or Money(Decimal(0), cost.currency)) if done.new else None


def pass_item(
    store: Store, task: str, labeller: str, place: Place, *, why: str, seconds: float, at: datetime
) -> bool:
    """Note that a labeller cannot tell; returns whether that is new.

    The time it took costs as a label's does where time costs; a flat price is paid for labels
    only.

    Raises:
        UserError: The observation is none of the task's, or has this labeller's label.
    """
    with store.transaction():
        kind = store.tasks.get(task)
        problem = stranger(place, task, store.observations.find([place]))
        if problem is not None:
            raise UserError(problem)
        old = _said(store, place, labeller)
        if old is not None:
            raise UserError(f"{place}: {labeller} already said {old.label!r}: take that back first")
        policy = labelling_of(store, task)
        note = _believed(Note(seconds, comment=why))
        nothing = Money(Decimal(0), kind.costs.label.currency)
        cost = policy.price(nothing, note.seconds)
        new = store.passes.put(task, Pass(place, labeller, note.comment, note.seconds, cost, at))
        if new and cost.amount:
            store.journal.append(
                "could not tell",
                task=task,
                turn=store.questions.turns_of([place]).get(place, -1),
                key=f"could not tell/{place}/{labeller}/{at.isoformat()}",
                at=at,
                body={"observation": str(place), "labeller": labeller},
                cost=cost,
            )
        store.leases.give_back(labeller, [place])
    return new


def take_back(store: Store, task: str, labeller: str, place: Place, *, at: datetime) -> str:
    """Take back a labeller's answer or pass; returns the label, or `""` of a pass.

    The item is theirs again, unless others have it by now. A label that the answer had brought into
    the task goes with it, where nothing else uses it. What a label cost stays paid: the time
    was spent.

    Raises:
        UserError: There is nothing to take back, or its turn has gone on.
    """
    with store.transaction():
        old = _said(store, place, labeller)
        if old is None and not any(one.labeller == labeller for one in store.passes.find([place])):
            raise UserError(f"{place}: {labeller} has said nothing of it that could be taken back")
        if not still_open(store, task, place):
            raise UserError(
                f"{place}: its turn has frozen its labels; a doubted label can be given anew "
                "when it is sent back for a second look"
            )
        if old is None:
            store.passes.remove(place, labeller)
        else:
            store.withdrawn.move(task, old, at)
            _note_withdrawn(store, task, old, at)
            drop_unused(store, task, old.label, at)
        _hold(store, task, labeller, place, at)
    return "" if old is None else old.label


def opinion(store: Store, task: str, place: Place) -> Decision | None:
    """Return what the deployed model decided when the observation came; `None` where none was.

    Raises:
        UserError: The observation is none of the task's.
    """
    known = store.observations.find([place])
    problem = stranger(place, store.tasks.get(task).name, known)
    if problem is not None:
        raise UserError(problem)
    return known[place].decision


def give_back(store: Store, labeller: str, places: Collection[Place]) -> None:
    """End a labeller's leases, so that others get the items at once."""
    store.leases.give_back(labeller, places)


def progress(store: Store, task: str, labeller: str, *, at: datetime) -> Progress:
    """Say how far the questions of the open turn are."""
    kind = store.tasks.get(task)
    currency = kind.costs.label.currency
    row = store.turns.open(task)
    if row is None:
        return Progress(None, 0, 0, 0, 0, 0.0, or_nothing((), currency), 0)
    wanted = labelling_of(store, task).wanted
    found = store.questions.tally(task, row.number, wanted, labeller)
    paid = store.journal.costs(task, "labels paid", row.number)
    held = store.leases.count(task, at) - len(store.leases.of(task, labeller, at))
    return Progress(
        turn=row.number,
        asked=found.asked,
        open=found.open,
        passed=found.passed,
        mine=found.mine,
        seconds=found.seconds,
        cost=or_nothing(paid.get(row.number, ()), currency),
        leased=held,
    )


def still_open(store: Store, task: str, place: Place) -> bool:
    """Whether the turn that asked about an observation has not frozen its labels yet."""
    asked = store.questions.last_about(place)
    row = None if asked is None else store.turns.get(task, asked.turn)
    if asked is None or row is None or row.closed:
        return False
    # A turn's row names the stage to perform next.
    return row.stage in ASKING.get(asked.purpose, ("select", "label"))


def _item(lease: Lease, digest: Digest) -> Item:
    question = lease.question
    return Item(question.observation, question.turn, digest, lease.until, lease.second_look)


def _said(store: Store, place: Place, labeller: str) -> Label | None:
    said = store.labels.find([place]).get(place, ())
    return next((one for one in said if one.labeller == labeller), None)


def _hold(store: Store, task: str, labeller: str, place: Place, at: datetime) -> None:
    """Lease an item to who took an answer back, where its question has room for them."""
    policy = labelling_of(store, task)
    asked = store.questions.last_about(place)
    assert asked is not None
    taken = {one.labeller for one in store.labels.find([place]).get(place, ())}
    taken |= set(store.leases.holder(place, at)) - {labeller}
    if len(taken) < policy.wanted.of(asked.purpose):
        until = at + timedelta(minutes=policy.lease_minutes)
        store.leases.hold(task, labeller, place, until)


def _believed(note: Note) -> Note:
    seconds = min(max(note.seconds, 0.0), LONGEST)
    return Note(seconds, note.opinion_shown, note.comment.strip()[:COMMENT])


def _price(
    store: Store,
    policy: LabellingPolicy,
    flat: Money,
    place: Place,
    labeller: str,
    seconds: float,
) -> Money:
    """A flat price is paid once for an observation, however often the answer was changed."""
    before = store.withdrawn.find([place]).get((place, labeller))
    if before and policy.hourly_rate is None:
        return Money(Decimal(0), flat.currency)
    return policy.price(flat, seconds)


def _note_withdrawn(store: Store, task: str, old: Label, at: datetime) -> None:
    place = old.observation
    times = len(store.withdrawn.find([place])[place, old.labeller])
    store.journal.append(
        "label withdrawn",
        task=task,
        turn=store.questions.turns_of([place]).get(place, -1),
        key=f"label withdrawn/{place}/{old.labeller}/{times}",
        at=at,
        body={"observation": str(place), "labeller": old.labeller, "label": old.label},
    )

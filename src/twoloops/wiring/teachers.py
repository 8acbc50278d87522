"""Teachers of a workspace: attached with their terms, asked through the real client."""

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal

import msgspec

from twoloops.convergence.turns import terms
from twoloops.convergence.turns.terms import Standing
from twoloops.physical.labelling.teaching import asking, book, choosing, prompt
from twoloops.physical.labelling.teaching.left_out import left_out
from twoloops.physical.labelling.teaching.port import Endpoint
from twoloops.records.digests import digest_record, short
from twoloops.records.errors import MissingExtraError, UserError
from twoloops.records.finding import Purpose
from twoloops.records.label import Purpose as Why
from twoloops.records.label import Question
from twoloops.records.money import Money
from twoloops.records.obligations import Confirmation
from twoloops.records.task import Task
from twoloops.records.teacher import PREFIX, Call, Price, Teacher
from twoloops.store.workspace import Store
from twoloops.wiring.lineage import confirm as keep_word
from twoloops.wiring.workspace import now

ATTACHED, DROPPED = "teacher attached", "teacher dropped"
"""Kinds of the journal's facts."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A teacher as it stands.

    Args:
        teacher: Its record.
        dropped: Whether it is asked no more.
        standing: Its terms, for its own purpose.
        left_out: Whether its labels are no longer learned from.
        labels: Labels it gave.
        calls: Calls by state.
        paid: What they are booked as having cost.
        held: The most they may have cost.
        available: What is left of the limit; `None` where it is free.
        unknown: Calls of unknown outcome.
        people: Items it did not answer, by the reason.
    """

    teacher: Teacher
    dropped: bool
    standing: Standing
    left_out: bool
    labels: int
    calls: dict[str, int]
    paid: Money
    held: Money
    available: Money | None
    unknown: tuple[Call, ...]
    people: dict[str, int]


def listed_price(model: str, at: datetime) -> Price | None:
    """Return the list price of a model in the package `model-prices`, with its date and source."""
    try:
        import model_prices
    except ImportError:
        return None
    rates = model_prices.rates(model, at)
    if rates is None:
        return None
    data = model_prices.data_as_of().date()
    read, written = Decimal(str(rates.input)), Decimal(str(rates.output))
    source = f"list price of {rates.model} ({rates.provider}), {rates.source}"
    return Price(read=read, written=written, as_of=data, source=source)


def attach(store: Store, teacher: Teacher, word: Confirmation | None, at: datetime) -> Standing:
    """Attach a teacher unless its terms forbid it; returns how it stands with them.

    Where a person's word is needed and there is none it is attached, and not asked until there
    is one.

    Raises:
        UserError: Its terms stand against its purpose, or it is paid in another currency than
            before under this name.
    """
    with store.transaction():
        if teacher.currency is not None:
            store.calls.held(teacher.name, teacher.currency)  # refuses where currencies differ
        store.teachers.attach(teacher, at)
        if word is not None:
            confirm(store, teacher.name, word, at)
        found = standing_of(store, teacher.name, at.date(), teacher.purpose)
        if found.is_forbidden:
            raise UserError(
                f"teacher {teacher.name!r} is not attached: "
                + "; ".join([*map(terms.said, found.blocked), terms.ways_out(teacher.name, found)])
            )
        body = _described(teacher, found)
        store.journal.append(
            ATTACHED,
            task="",
            turn=-1,
            key=f"{ATTACHED}/{teacher.name}/{at.isoformat()}/{short(digest_record(body))}",
            at=at,
            body=body,
        )
    return found


def _described(teacher: Teacher, found: Standing) -> dict[str, str]:
    price = teacher.price
    return {
        "teacher": teacher.name,
        "model": teacher.model,
        "url": teacher.url,
        "price": "free" if price is None else f"as of {price.as_of}: {price.source}",
        "limit": str(teacher.limit or "none"),
        "asked": "not before a person's word" if found.blocked else "yes",
        "terms": "; ".join(map(terms.said, (*found.blocked, *found.others))) or "nothing asked",
    }


def confirm(store: Store, name: str, word: Confirmation, at: datetime) -> None:
    """Keep a person's word on the terms of a teacher, attached or known by its labels.

    Raises:
        UserError: Nobody knows the teacher, or the word says nothing.
    """
    if store.teachers.find(name) is None and not _labels(store, name):
        store.teachers.get(name)  # says what there is
    keep_word(store, terms.thing_of(store, name), word, at)


def standing_of(store: Store, name: str, today: date, purpose: Purpose) -> Standing:
    """Return how it stands with a teacher's terms."""
    return terms.standing(terms.thing_of(store, name), purpose, today)


def drop(store: Store, name: str, at: datetime, *, without_labels: bool) -> int:
    """Ask a teacher no more, or learn no more from its labels either; returns how many it gave.

    Raises:
        UserError: Nobody knows the teacher.
    """
    with store.transaction():
        if store.teachers.find(name) is not None or not _labels(store, name):
            store.teachers.drop(name, at)
            store.journal.append(
                DROPPED,
                task="",
                turn=-1,
                key=f"{DROPPED}/{name}/{at.isoformat()}",
                at=at,
                body={"teacher": name},
            )
        return terms.leave_out(store, name, at) if without_labels else _labels(store, name)


def show(store: Store, name: str, at: datetime) -> Shown:
    """Return a teacher as it stands.

    Raises:
        UserError: There is none of that name.
    """
    stored = store.teachers.get(name)
    teacher = stored.teacher
    calls = store.calls.of_teacher(name)
    currency = teacher.currency or (calls[-1].held.currency if calls else "USD")
    states: dict[str, int] = {}
    for call in calls:
        states[call.state] = states.get(call.state, 0) + 1
    people: dict[str, int] = {}
    for task in store.tasks.all():
        for fate in store.calls.fates(name, task.name).values():
            why = "in a call of unknown outcome" if "unknown" in fate else fate
            people[why] = people.get(why, 0) + 1
    return Shown(
        teacher=teacher,
        dropped=stored.dropped_at is not None,
        standing=standing_of(store, name, at.date(), teacher.purpose),
        left_out=name in left_out(store),
        labels=_labels(store, name),
        calls=states,
        paid=store.calls.paid(name, currency),
        held=store.calls.held(name, currency),
        available=book.left(store, teacher),
        unknown=tuple(call for call in calls if call.state in ("sent", "unknown")),
        people=people,
    )


def _labels(store: Store, name: str) -> int:
    labeller = PREFIX + name
    return sum(
        one.labeller == labeller
        for task in store.tasks.all()
        for one in store.labels.of_task(task.name)
    )


def purposes(which: str, *, judges: bool) -> tuple[Why, ...]:
    """Return the purposes of the questions that a teacher is asked."""
    taught = choosing.SEEDS if which == "all" else choosing.TEACHES
    return (*taught, *choosing.JUDGES) if judges else taught


def open_turn(store: Store, task: Task) -> int | None:
    """Return the open turn, whose questions are asked; `None` where none is open."""
    found = store.turns.open(task.name)
    return None if found is None else found.number


def may_be_asked(store: Store, name: str, task: Task) -> Teacher:
    """Return a teacher that is attached, with what it can be shown looked at.

    Raises:
        UserError: It was dropped, or cannot be shown the task's inputs.
    """
    stored = store.teachers.get(name)
    if stored.dropped_at is not None:
        raise UserError(
            f"teacher {name!r} was dropped on {stored.dropped_at.date()}: attach it again with  "
            "twoloops teacher add"
        )
    prompt.check_kinds(stored.teacher, task)
    return stored.teacher


def ask(
    store: Store,
    task: Task,
    teacher: Teacher,
    questions: Sequence[Question],
    *,
    money: Money | None = None,
    heard: Callable[[Call], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
    environ: Mapping[str, str] = os.environ,
) -> asking.Told:
    """Ask a teacher through the real client.

    Raises:
        UserError: Its terms stand in the way, its key is not at hand, or the task counts in
            another currency.
        MissingExtraError: The client is not installed.
    """

    def permitted() -> None:
        found = standing_of(store, teacher.name, now().date(), teacher.purpose)
        terms.refuse(teacher.name, found)

    permitted()
    with endpoint(teacher, environ) as client:
        means = asking.Means(client, permitted, now, sleep, heard)
        return asking.ask(store, task, teacher, questions, means, money=money)


@contextmanager
def endpoint(teacher: Teacher, environ: Mapping[str, str] = os.environ) -> Iterator[Endpoint]:
    """Open a teacher's endpoint; its key is read from the environment and kept nowhere.

    Raises:
        UserError: The variable that should hold the key is empty.
        MissingExtraError: The client is not installed.
    """
    key = ""
    if teacher.key_env and not (key := environ.get(teacher.key_env, "").strip()):
        raise UserError(
            f"teacher {teacher.name!r} needs its key in the environment variable "
            f"{teacher.key_env}, which is empty: set it and run again"
        )
    try:
        from twoloops.physical.labelling.teaching.openai_chat import OpenAIChat
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("openai", "httpx2"):
            raise MissingExtraError("asking a teacher", "teachers") from error
        raise
    with OpenAIChat(teacher, key) as client:
        yield client

"""Ask a teacher: a call is booked, sent, read and settled; what it cannot answer goes to people."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from twoloops.physical.labelling.answers import answer
from twoloops.physical.labelling.questions import open_questions
from twoloops.physical.labelling.teaching import book, prompt
from twoloops.physical.labelling.teaching.choosing import Item, batches, items_of
from twoloops.physical.labelling.teaching.port import (
    Endpoint,
    NoEffectError,
    Reply,
    UnknownOutcomeError,
)
from twoloops.physical.labelling.teaching.reading import Fate, read
from twoloops.records.digests import digest_bytes, digest_record, short
from twoloops.records.errors import UserError
from twoloops.records.label import Label, Question
from twoloops.records.money import Money
from twoloops.records.task import Task
from twoloops.records.teacher import Call, Teacher
from twoloops.store.workspace import Store

FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds before a second try, doubled each time; an endpoint that asks for more is left alone."""
MEANWHILE = "people took it up meanwhile"
UNKNOWN_IN_A_ROW, USELESS_IN_A_ROW = 2, 5
"""Calls in a row of unknown outcome, or without an answer, after which asking ends."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the questions.

    Args:
        asked: Questions that were to be asked.
        answered: Those that have a label now.
        people: Those left to people, by the reason.
        unasked: Those that were not sent.
        unknown: Those in calls of unknown outcome.
        calls: Calls sent; failed ones too.
        failed: Those without effect or without an answer.
        paid: What is booked.
        held: The most that the calls of this run may have cost.
        stopped: Why asking ended early; empty where it did not.
        passing: Whether the reason may pass.
    """

    asked: int
    answered: int = 0
    people: dict[str, int] = {}
    unasked: int = 0
    unknown: int = 0
    calls: int = 0
    failed: int = 0
    paid: Money
    held: Money
    stopped: str = ""
    passing: bool = False


class Means(NamedTuple):
    """What asking needs of the world.

    Args:
        endpoint: Who answers.
        permitted: Called before each call; raises where the teacher's terms stand against it.
        clock: Gives the present time, UTC.
        sleep: Waits some seconds.
        heard: Told each call that ended.
    """

    endpoint: Endpoint
    permitted: Callable[[], None]
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    heard: Callable[[Call], None] = lambda _: None


class _StopError(Exception):
    """Asking ends, and what was not asked stays open."""

    def __init__(self, why: str, *, passing: bool = False) -> None:
        self.why, self.passing = why, passing
        super().__init__(why)


def ask(
    store: Store,
    task: Task,
    teacher: Teacher,
    questions: Sequence[Question],
    means: Means,
    *,
    money: Money | None = None,
) -> Told:
    """Ask a teacher, batch by batch; what it leaves out of a batch is asked once more, alone.

    Killed anywhere nothing is paid twice: what was answered has its label, and what was sent
    without an answer is not asked again.

    Args:
        store: The workspace's, held for writing; no transaction is open.
        task: The task.
        teacher: Who is asked.
        questions: Which.
        means: Endpoint, clock and so on.
        money: The most this run may cost.

    Raises:
        UserError: The teacher cannot be shown this kind of input, is paid in another currency
            than the task's labels, or its terms stand against it before the first call.
    """
    prompt.check_kinds(teacher, task)
    run = _Run(store, task, teacher, means, money)
    book.find_dead(store, teacher, means.clock())
    means.permitted()
    waiting = deque(batches(items_of(store, questions), teacher.batch))
    stopped, passing = "", False
    try:
        while waiting:
            waiting.extend([one] for one in run.batch(waiting))
    except _StopError as stop:
        stopped, passing = stop.why, stop.passing
    return Told(
        asked=len(questions),
        answered=run.answered,
        people=dict(run.people),
        unasked=len(questions) - run.answered - sum(run.people.values()) - run.unknown,
        unknown=run.unknown,
        calls=run.calls,
        failed=run.failed,
        paid=run.paid,
        held=run.held,
        stopped=stopped,
        passing=passing,
    )


class _Run:
    """One run: counts, and what it may still cost."""

    def __init__(
        self, store: Store, task: Task, teacher: Teacher, means: Means, money: Money | None
    ) -> None:
        self.store, self.task, self.teacher, self.means = store, task, teacher, means
        labels = task.costs.label.currency
        self.currency = book.currency_of(teacher, labels)
        for other in (labels, money.currency if money else labels):
            if other != self.currency:
                raise UserError(
                    f"teacher {teacher.name!r} is paid in {self.currency} and task {task.name!r} "
                    f"counts in {other}: give its price and limit in {other}"
                )
        self.money = money
        self.paid = self.held = book.free(self.currency)
        self.people: Counter[str] = Counter()
        self.answered = self.unknown = self.calls = self.failed = 0
        self.lost = self.useless = 0

    def batch(self, waiting: deque[list[Item]]) -> list[Item]:
        """Ask the next batch; returns the items that are worth asking alone."""
        items = self._still_open(waiting.popleft())
        if not items:
            return []
        try:
            call, reply = self._sent(items)
        except book.MoneyError as error:
            if len(items) == 1:
                raise _StopError(str(error)) from None
            half = len(items) // 2
            waiting.extendleft([items[half:], items[:half]])
            return []
        except _NoCallError as error:
            alone = self._without(items, [Fate(None, error.why, again=True)] * len(items))
            if error.useless:
                self._useless(error.why)
            return alone
        if reply is None:
            self._count_unknown(len(items), call)
            return []
        fates = read(reply, self.task.labels, prompt.unsure(self.task), len(items))
        done = self._settle(call, items, fates, reply)
        alone = self._without(items, fates)
        if too_much := book.overcharged(done):
            raise _StopError(too_much)
        if done.state == "failed" and len(items) == 1 and fates[0].again:
            self._useless(fates[0].why)
        return alone

    def _still_open(self, items: Sequence[Item]) -> list[Item]:
        """Leave out what people have answered, or have before them, since the run began."""
        turn = items[0].question.turn
        asked = {one.observation for one in open_questions(self.store, self.task.name, turn)}
        at, left = self.means.clock(), []
        for one in items:
            place = one.question.observation
            if place in asked and not self.store.leases.holder(place, at):
                left.append(one)
            else:
                self.people[MEANWHILE] += 1
        return left

    def _sent(self, items: Sequence[Item]) -> tuple[Call, Reply | None]:
        """Send a batch, again while it certainly had no effect; no reply: nobody knows."""
        name, places = self.teacher.name, [str(one.question.observation) for one in items]
        data = [one.data for one in items]
        inputs = [digest_bytes(one) for one in data]
        key = short(digest_record([name, self.teacher.model, self.task.name, places, inputs]))
        try:
            request = prompt.request(self.teacher, self.task, data, f"twoloops-{key}")
        except UserError as error:
            raise _NoCallError(str(error), useless=False) from None
        for left in reversed(range(self.teacher.tries)):
            self._permitted()
            call = book.reserve(
                self.store,
                self.teacher,
                request,
                task=self.task.name,
                turn=items[0].question.turn,
                items=[one.question.observation for one in items],
                currency=self.currency,
                at=self.means.clock(),
                room=self._room(),
            )
            self.calls += 1
            try:
                return call, self.means.endpoint.ask(request)
            except UnknownOutcomeError as error:
                done = book.unknown(call, str(error), self.means.clock())
                self._end(done)
                return done, None
            except NoEffectError as error:
                self._end(book.no_effect(call, error.why, self.means.clock()))
                self.failed += 1
                self._again_or_stop(error, left, self.teacher.tries - left)
        raise AssertionError("the last try returns or raises")

    def _again_or_stop(self, error: NoEffectError, left: int, tried: int) -> None:
        """Wait before the next try, or raise."""
        if error.fatal:
            raise _StopError(error.why)
        if not error.passing:
            raise _NoCallError(error.why)
        pause = FIRST_WAIT * 2 ** (tried - 1) if error.wait is None else error.wait
        if not left or pause > LONGEST_WAIT:
            asks = f"; it asks to wait {pause:g} s" if error.wait is not None else ""
            raise _StopError(f"{error.why}, after {tried} tries{asks}", passing=True)
        self.means.sleep(min(max(pause, 0.0), LONGEST_WAIT))

    def _settle(
        self, call: Call, items: Sequence[Item], fates: Sequence[Fate], reply: Reply
    ) -> Call:
        """Book a call and take in its labels, together."""
        at = self.means.clock()
        whys = {one.question.observation: fate.why for one, fate in zip(items, fates, strict=True)}
        done = book.ended(call, self.teacher, reply.usage, whys, at)
        given = [
            (one.question.observation, fate.label)
            for one, fate in zip(items, fates, strict=True)
            if fate.label is not None
        ]
        costs = book.shares(done.paid, len(given)) if given else []
        labels = [
            Label(place, label, self.teacher.labeller, at, cost)
            for (place, label), cost in zip(given, costs, strict=True)
        ]
        with self.store.transaction():
            answer(self.store, self.task.name, labels, at=at)
            self.store.calls.end(done)
            book.lost(self.store, done, at)
        self._heard(done)
        self.answered += len(labels)
        self.lost = 0
        if labels:
            self.useless = 0
        else:
            self.failed += 1
        return done

    def _without(self, items: Sequence[Item], fates: Sequence[Fate]) -> list[Item]:
        """Count items that go to people; returns those that are asked once more, alone."""
        alone = []
        for one, fate in zip(items, fates, strict=True):
            if fate.label is None and fate.again and len(items) > 1:
                alone.append(one)
            elif fate.label is None:
                self.people[fate.why] += 1
        return alone

    def _count_unknown(self, items: int, call: Call) -> None:
        self.unknown += items
        self.lost += 1
        if self.lost >= UNKNOWN_IN_A_ROW:
            raise _StopError(
                f"{self.lost} calls in a row have an unknown outcome ({call.why})", passing=True
            )

    def _useless(self, why: str) -> None:
        self.useless += 1
        if self.useless >= USELESS_IN_A_ROW:
            raise _StopError(f"{self.useless} calls in a row told nothing ({why})")

    def _permitted(self) -> None:
        try:
            self.means.permitted()
        except UserError as error:
            raise _StopError(str(error)) from None

    def _room(self) -> Money | None:
        if self.money is None:
            return None
        return Money(self.money.amount - self.held.amount, self.currency)

    def _end(self, call: Call) -> None:
        self.store.calls.end(call)
        self._heard(call)

    def _heard(self, call: Call) -> None:
        self.held, self.paid = self.held + call.held, self.paid + call.paid
        self.means.heard(call)


class _NoCallError(Exception):
    """A batch cannot be sent, or is turned away for good.

    Args:
        why: In words.
        useless: Whether it was sent.
    """

    def __init__(self, why: str, *, useless: bool = True) -> None:
        self.why, self.useless = why, useless
        super().__init__(why)

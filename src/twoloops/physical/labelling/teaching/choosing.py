"""Which questions go to a teacher, and what asking them may cost at the most."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from twoloops.physical.labelling.questions import open_questions
from twoloops.physical.labelling.teaching import book, prompt
from twoloops.records.errors import UserError
from twoloops.records.label import Purpose, Question
from twoloops.records.money import Money
from twoloops.records.observation import Observation
from twoloops.records.task import Task
from twoloops.records.teacher import Teacher
from twoloops.store.workspace import Store

TEACHES: tuple[Purpose, ...] = ("selected",)
SEEDS: tuple[Purpose, ...] = ("selected", "seed")
JUDGES: tuple[Purpose, ...] = ("golden", "audit", "verify")
"""Purposes of questions whose labels judge models, and nothing else at first."""

LARGEST = 400_000
"""Bytes of texts in one call; a batch ends before it is passed."""


class Chosen(msgspec.Struct, frozen=True):
    """Questions for a teacher.

    Args:
        questions: The best first.
        left: How many open questions are not asked, by reason.
    """

    questions: tuple[Question, ...]
    left: dict[str, int]


class Plan(msgspec.Struct, frozen=True):
    """What asking would come to.

    Args:
        items: Questions.
        calls: Calls, if none has to be repeated.
        read: Most tokens read by them.
        written: Most tokens written.
        most: The most these calls may cost; an item that is left out is asked again alone.
        available: What is left of the teacher's limit; `None` where it is free.
    """

    items: int
    calls: int
    read: int
    written: int
    most: Money
    available: Money | None


class Item(msgspec.Struct, frozen=True):
    """A question with its input at hand."""

    question: Question
    observation: Observation
    data: bytes


def choose(
    store: Store,
    task: str,
    teacher: Teacher,
    *,
    at: datetime,
    turn: int | None = None,
    purposes: Sequence[Purpose] = TEACHES,
    again: bool = False,
    limit: int | None = None,
) -> Chosen:
    """Return the open questions that a teacher is to be asked.

    Left out are those it has answered, those that a person has before them now, and, unless
    `again` is given, those it was asked and could not answer or whose call has an unknown outcome.

    Args:
        store: Where they lie.
        task: The task's name.
        teacher: Who is to be asked.
        at: Now.
        turn: Of one turn only.
        purposes: Those asked why.
        again: Whether what it was asked before is asked again.
        limit: Most questions.
    """
    fates = {} if again else store.calls.fates(teacher.name, task)
    asked = open_questions(store, task, turn)
    said = store.labels.find(one.observation for one in asked)
    chosen: list[Question] = []
    left: dict[str, int] = {}
    for one in asked:
        why = ""
        if one.purpose not in purposes:
            why = f"asked of people: {one.purpose}"
        elif any(label.labeller == teacher.labeller for label in said.get(one.observation, ())):
            why = "answered by it"
        elif fate := fates.get(one.observation):
            why = "its call has an unknown outcome" if "unknown" in fate else "it did not answer"
        elif store.leases.holder(one.observation, at):
            why = "a person has it before them now"
        elif limit is not None and len(chosen) >= limit:
            why = "over the limit"
        if why:
            left[why] = left.get(why, 0) + 1
        else:
            chosen.append(one)
    return Chosen(tuple(chosen), left)


def items_of(store: Store, questions: Sequence[Question]) -> list[Item]:
    """Return questions with their inputs."""
    seen = store.observations.find(one.observation for one in questions)
    data = store.inputs.get_many([seen[one.observation].input for one in questions])
    return [
        Item(one, seen[one.observation], data[seen[one.observation].input]) for one in questions
    ]


def batches(items: Sequence[Item], most: int) -> list[list[Item]]:
    """Cut items into batches of one turn each, by number and by bytes; an order stays."""
    made: list[list[Item]] = []
    size = 0
    for one in items:
        last = made[-1] if made else []
        fits = len(last) < most and size + len(one.data) <= LARGEST
        if last and fits and last[0].question.turn == one.question.turn:
            last.append(one)
            size += len(one.data)
        else:
            made.append([one])
            size = len(one.data)
    return made


def plan(store: Store, task: Task, teacher: Teacher, questions: Sequence[Question]) -> Plan:
    """Return what asking these questions may come to; nothing is sent.

    Raises:
        UserError: The teacher cannot be shown this kind of input.
    """
    prompt.check_kinds(teacher, task)
    currency = book.currency_of(teacher, task.costs.label.currency)
    most, read, written, calls = book.free(currency), 0, 0, 0
    for batch in batches(items_of(store, questions), teacher.batch):
        try:
            made = prompt.request(teacher, task, [one.data for one in batch], "")
        except UserError:  # no picture: said when it is asked, one by one
            continue
        calls += 1
        read, written = read + made.read, written + made.written
        most = most + book.most(teacher, made, currency)
    return Plan(len(questions), calls, read, written, most, book.left(store, teacher))

"""Questions put to labellers, and the labels that came back."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    Table,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy import Row as Fetched

from twoloops.records.errors import UserError
from twoloops.records.label import JUDGING, Label, Question, Wanted
from twoloops.records.money import Money
from twoloops.records.observation import Place
from twoloops.store.database import Database, Row, stamp
from twoloops.store.observations import at_places, place_columns
from twoloops.store.schema import label_notes, labels, passes, questions, second_looks

ranked = (
    questions.c.turn,
    questions.c.rank,
    questions.c.edge,
    questions.c.epoch,
    questions.c.counter,
)


class Tally(NamedTuple):
    """How far a turn's questions are.

    Args:
        asked: How many there are.
        open: Those that still want a label.
        passed: Those of which somebody could not tell.
        mine: Those with a label of one labeller.
        seconds: That labeller's time on the turn's labels.
    """

    asked: int
    open: int
    passed: int
    mine: int
    seconds: float


class Questions:
    """Questions by turn; lists come by turn, then rank, then place."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_many(self, task: str, new: Sequence[Question]) -> None:
        """Put questions; putting one twice is putting it once.

        Raises:
            ValueError: If a turn asks about an observation twice in different ways.
        """
        with self._database.transaction():
            known = {
                (old.observation, old.turn): old
                for condition in at_places(questions, (one.observation for one in new))
                for old in self._list(condition)
            }
            fresh: dict[tuple[Place, int], Question] = {}
            for one in new:
                key = (one.observation, one.turn)
                if (known.get(key) or fresh.setdefault(key, one)) != one:
                    raise ValueError(f"turn {one.turn} asks about {one.observation} in two ways")
            self._database.insert(
                questions,
                [
                    {
                        **place_columns(one.observation),
                        "task": task,
                        "turn": one.turn,
                        "purpose": one.purpose,
                        "probability": one.probability,
                        "rank": one.rank,
                    }
                    for one in fresh.values()
                ],
            )

    def of_turn(self, task: str, turn: int) -> list[Question]:
        """Return a turn's questions."""
        return self._list(questions.c.task == task, questions.c.turn == turn)

    def of_task(self, task: str) -> list[Question]:
        """Return every question of a task."""
        return self._list(questions.c.task == task)

    def open(
        self, task: str, turn: int | None = None, wanted: Wanted | None = None
    ) -> list[Question]:
        """Return the questions (of a turn) that are not answered yet.

        Args:
            task: The task's name.
            turn: One turn only.
            wanted: When a question is answered.  [default: by one label, or one "can't tell"]
        """
        conditions = [questions.c.task == task, is_open(wanted or Wanted())]
        if turn is not None:
            conditions.append(questions.c.turn == turn)
        return self._list(*conditions)

    def tally(self, task: str, turn: int, wanted: Wanted, labeller: str) -> Tally:
        """Count a turn's questions in the catalog: a page asks after every answer."""
        given = {"task": task, "turn": turn, "labeller": labeller}
        with self._database.reading() as connection:
            row = connection.execute(_tally(wanted), given).one()
        asked, left, passed, said, seconds = row
        return Tally(asked, int(left), int(passed), int(said), float(seconds))

    def take_back(self, task: str, turn: int) -> int:
        """Take back a turn's questions that only teach and that nobody has answered or passed.

        What judges has a known chance, and taking it back would bias the estimate. Returns how
        many were taken back.
        """
        statement = delete(questions).where(
            questions.c.task == task,
            questions.c.turn == turn,
            questions.c.purpose == "selected",
            count_at(labels) == 0,
            count_at(passes) == 0,
        )
        with self._database.transaction() as connection:
            return connection.execute(statement).rowcount

    def doubted(self, place: Place) -> bool:
        """Say whether an observation waits for a second look."""
        query = select(questions.c.turn).where(*at_places(questions, [place]), again()).limit(1)
        with self._database.reading() as connection:
            return connection.scalar(query) is not None

    def last_about(self, place: Place) -> Question | None:
        """Return the question that last asked about an observation, or `None`."""
        found = self._list(*at_places(questions, [place]))
        return found[-1] if found else None

    def turns_of(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return the turn that last asked about each place; places never asked are absent."""
        found: dict[Place, int] = {}
        for condition in at_places(questions, places):
            for one in self._list(condition):
                found[one.observation] = one.turn
        return found

    def _list(self, *conditions: Any) -> list[Question]:
        query = select(questions).where(*conditions).order_by(*ranked)
        with self._database.reading() as connection:
            return [
                Question(
                    Place(row.edge, row.epoch, row.counter),
                    row.turn,
                    row.purpose,
                    row.probability,
                    row.rank,
                )
                for row in connection.execute(query)
            ]


class Labels:
    """Labels; several of one observation are normal, by different labellers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_many(self, task: str, new: Sequence[Label]) -> list[Label]:
        """Add labels; returns those that were not there yet.

        The same answer of the same labeller again changes nothing, whatever its time.

        Raises:
            UserError: If a labeller has said something else of the same observation.
        """
        with self._database.transaction():
            known = {
                (old.observation, old.labeller): old
                for olds in self.find(one.observation for one in new).values()
                for old in olds
            }
            fresh: dict[tuple[Place, str], Label] = {}
            for one in new:
                key = (one.observation, one.labeller)
                old = known.get(key) or fresh.setdefault(key, one)
                if old.label != one.label:
                    raise UserError(conflict(old, one.label))
            self._database.insert(labels, [label_row(task, one) for one in fresh.values()])
            return list(fresh.values())

    def find(self, places: Iterable[Place]) -> dict[Place, list[Label]]:
        """Return labels by place, by labeller; places without a label are absent."""
        found: dict[Place, list[Label]] = {}
        for condition in at_places(labels, places):
            for one in self._list(condition):
                found.setdefault(one.observation, []).append(one)
        return found

    def of_task(self, task: str) -> list[Label]:
        """Return all labels of a task, by place and labeller."""
        return self._list(labels.c.task == task)

    def of_turn(self, task: str, turn: int) -> list[Label]:
        """Return the labels of the observations a turn asked about."""
        asked = exists().where(
            and_(
                questions.c.edge == labels.c.edge,
                questions.c.epoch == labels.c.epoch,
                questions.c.counter == labels.c.counter,
                questions.c.turn == turn,
            )
        )
        return self._list(labels.c.task == task, asked)

    def count(self, task: str) -> int:
        """Count a task's labels."""
        query = select(func.count()).select_from(labels).where(labels.c.task == task)
        with self._database.reading() as connection:
            return connection.scalar(query) or 0

    def gives(self, task: str, label: str) -> bool:
        """Whether anybody gives a label to any observation of a task."""
        query = select(labels.c.task).where(labels.c.task == task, labels.c.label == label)
        with self._database.reading() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def _list(self, *conditions: Any) -> list[Label]:
        query = (
            select(labels)
            .where(*conditions)
            .order_by(labels.c.edge, labels.c.epoch, labels.c.counter, labels.c.labeller)
        )
        with self._database.reading() as connection:
            return [read_label(row) for row in connection.execute(query)]


@lru_cache  # built once: it is asked after every answer
def _tally(wanted: Wanted) -> Select[Any]:
    """Return the query that counts the questions of `task` and `turn` for a `labeller`."""
    who: BindParameter[str] = bindparam("labeller")
    mine = (same_place(label_notes), label_notes.c.labeller == who)
    seconds = select(func.sum(label_notes.c.seconds)).where(*mine).scalar_subquery()
    said = exists().where(same_place(labels), labels.c.labeller == who)
    passed = exists().where(same_place(passes))
    conditions = (is_open(wanted), passed, said)
    counts = [func.coalesce(func.sum(case((x, 1), else_=0)), 0) for x in conditions]
    return select(func.count(), *counts, func.coalesce(func.sum(seconds), 0.0)).where(
        questions.c.task == bindparam("task"), questions.c.turn == bindparam("turn")
    )


def is_open(wanted: Wanted) -> ColumnElement[bool]:
    """Return the condition that a question still wants a label.

    It has fewer labels than wanted and fewer passes than close it; or its label is to be looked
    at again, and nobody has.
    """
    many = case((questions.c.purpose.in_(JUDGING), wanted.per_judge), else_=wanted.per_item)
    wants = and_(count_at(labels) < many, count_at(passes) < wanted.passes)
    return or_(wants, again())


def again() -> ColumnElement[bool]:
    """Return the condition that a question's observation waits for a second look."""
    return exists().where(same_place(second_looks), second_looks.c.settled_at.is_(None))


def count_at(table: Table, *conditions: ColumnElement[bool]) -> ColumnElement[int]:
    """Return how many rows of a table are about a question's observation."""
    return (
        select(func.count())
        .select_from(table)
        .where(same_place(table), *conditions)
        .scalar_subquery()
    )


def same_place(table: Table) -> ColumnElement[bool]:
    """Return the condition that a row is about a question's observation."""
    return and_(
        table.c.edge == questions.c.edge,
        table.c.epoch == questions.c.epoch,
        table.c.counter == questions.c.counter,
    )


def conflict(old: Label, label: str) -> str:
    """Say that a labeller has answered differently before."""
    return (
        f"{old.observation}: {old.labeller} already said {old.label!r} and now says {label!r}; "
        "give a second opinion under another labeller's name"
    )


def label_row(task: str, one: Label) -> Row:
    """Return a label as the columns of every table that keeps labels."""
    return {
        **place_columns(one.observation),
        "labeller": one.labeller,
        "task": task,
        "label": one.label,
        "labelled_at": stamp(one.labelled_at),
        "amount": str(one.cost.amount),
        "currency": one.cost.currency,
    }


def read_label(row: Fetched[Any]) -> Label:
    """Return the label that a row of those columns keeps."""
    return Label(
        Place(row.edge, row.epoch, row.counter),
        row.label,
        row.labeller,
        datetime.fromisoformat(row.labelled_at),
        Money(Decimal(row.amount), row.currency),
    )

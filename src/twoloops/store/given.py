"""How labels were given: notes beside them, "can't tell" instead, labels taken back."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Row as Fetched
from sqlalchemy import delete, func, select

from twoloops.records.label import Label, Note, Pass
from twoloops.records.money import Money
from twoloops.records.observation import Place
from twoloops.store.database import Database, Row, stamp
from twoloops.store.labels import label_row, read_label
from twoloops.store.observations import at_places, place_columns
from twoloops.store.schema import label_notes, labels, passes, withdrawn


class Notes:
    """Time, comment and circumstances of each label."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, place: Place, labeller: str, note: Note) -> None:
        """Keep a note; a labeller's time on an observation adds up over answers taken back."""
        with self._database.transaction():
            before = self.find([place]).get((place, labeller), Note())
            self._database.upsert(
                label_notes,
                {
                    **place_columns(place),
                    "labeller": labeller,
                    "seconds": before.seconds + note.seconds,
                    # Once seen it cannot be unseen.
                    "opinion_shown": before.opinion_shown or note.opinion_shown,
                    "comment": note.comment,
                },
            )

    def find(self, places: Iterable[Place]) -> dict[tuple[Place, str], Note]:
        """Return notes by place and labeller."""
        found: dict[tuple[Place, str], Note] = {}
        for condition in at_places(label_notes, places):
            with self._database.reading() as connection:
                for row in connection.execute(select(label_notes).where(condition)):
                    place = Place(row.edge, row.epoch, row.counter)
                    note = Note(row.seconds, row.opinion_shown, row.comment)
                    found[place, row.labeller] = note
        return found


class Passes:
    """Observations of which a labeller could not tell."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, task: str, one: Pass) -> bool:
        """Keep a pass; returns whether it is new (a labeller passes an observation once)."""
        with self._database.transaction():
            if any(old.labeller == one.labeller for old in self.find([one.observation])):
                return False
            self._database.insert(passes, [_pass_row(task, one)])
            return True

    def remove(self, place: Place, labeller: str) -> bool:
        """Take a pass back; returns whether there was one."""
        with self._database.transaction() as connection:
            done = connection.execute(
                delete(passes).where(*at_places(passes, [place]), passes.c.labeller == labeller)
            )
            return done.rowcount > 0

    def find(self, places: Iterable[Place]) -> list[Pass]:
        """Return the passes of observations, by place and labeller."""
        return [one for at in at_places(passes, places) for one in self._list(at)]

    def of_task(self, task: str) -> list[Pass]:
        """Return every pass of a task."""
        return self._list(passes.c.task == task)

    def _list(self, *conditions: Any) -> list[Pass]:
        query = (
            select(passes)
            .where(*conditions)
            .order_by(passes.c.edge, passes.c.epoch, passes.c.counter, passes.c.labeller)
        )
        with self._database.reading() as connection:
            return [_pass(row) for row in connection.execute(query)]


class Withdrawn:
    """Labels taken back; what was paid for them stays paid."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def move(self, task: str, label: Label, at: datetime) -> None:
        """Take a label back: it goes from the labels to those withdrawn.

        Raises:
            ValueError: If it is not among the labels.
        """
        with self._database.transaction() as connection:
            done = connection.execute(
                delete(labels).where(
                    *at_places(labels, [label.observation]),
                    labels.c.labeller == label.labeller,
                    labels.c.label == label.label,
                )
            )
            if done.rowcount != 1:
                raise ValueError(f"no such label: {label}")
            row = label_row(task, label) | {"withdrawn_at": stamp(at)}
            self._database.insert(withdrawn, [row])

    def find(self, places: Iterable[Place]) -> dict[tuple[Place, str], list[Label]]:
        """Return labels taken back by place and labeller, the earliest first."""
        found: dict[tuple[Place, str], list[Label]] = {}
        for condition in at_places(withdrawn, places):
            query = select(withdrawn).where(condition).order_by(withdrawn.c.number)
            with self._database.reading() as connection:
                for row in connection.execute(query):
                    one = read_label(row)
                    found.setdefault((one.observation, one.labeller), []).append(one)
        return found

    def count(self, task: str) -> int:
        """Count those of a task."""
        query = select(func.count()).select_from(withdrawn).where(withdrawn.c.task == task)
        with self._database.reading() as connection:
            return connection.scalar(query) or 0


def _pass_row(task: str, one: Pass) -> Row:
    return {
        **place_columns(one.observation),
        "labeller": one.labeller,
        "task": task,
        "why": one.why,
        "seconds": one.seconds,
        "amount": str(one.cost.amount),
        "currency": one.cost.currency,
        "passed_at": stamp(one.passed_at),
    }


def _pass(row: Fetched[Any]) -> Pass:
    return Pass(
        Place(row.edge, row.epoch, row.counter),
        row.labeller,
        row.why,
        row.seconds,
        Money(Decimal(row.amount), row.currency),
        datetime.fromisoformat(row.passed_at),
    )

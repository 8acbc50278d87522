"""Teachers that were attached, and the book of what was asked of them and may have cost money."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Row as Fetched
from sqlalchemy import select, update

from twoloops.records.digests import canonical
from twoloops.records.errors import UserError
from twoloops.records.money import Money
from twoloops.records.observation import Place
from twoloops.records.teacher import Call, CallState, Teacher
from twoloops.store.database import Database, Row, stamp
from twoloops.store.schema import teacher_calls, teachers

_records = msgspec.json.Decoder(Teacher)
_calls = msgspec.json.Decoder(Call)

OPEN: tuple[CallState, ...] = ("sent", "unknown")
"""States of a call that nobody knows the outcome of."""


class StoredTeacher(msgspec.Struct, frozen=True):
    """A teacher, since when it is attached, and since when it no longer is."""

    teacher: Teacher
    attached_at: datetime
    dropped_at: datetime | None


class Teachers:
    """Teachers by name. A name keeps its calls and labels, whatever is attached under it later."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def attach(self, teacher: Teacher, at: datetime) -> None:
        """Attach a teacher, in place of one of the same name."""
        row = {
            "name": teacher.name,
            "body": canonical(teacher).decode(),
            "attached_at": stamp(at),
            "dropped_at": None,
        }
        self._database.upsert(teachers, row)

    def drop(self, name: str, at: datetime) -> None:
        """Ask a teacher no more; what it said and cost stays.

        Raises:
            UserError: There is none of that name.
        """
        with self._database.transaction() as connection:
            self.get(name)
            connection.execute(
                update(teachers)
                .where(teachers.c.name == name, teachers.c.dropped_at.is_(None))
                .values(dropped_at=stamp(at))
            )

    def all(self) -> list[StoredTeacher]:
        """Return every teacher, dropped ones too, by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select(teachers).order_by(teachers.c.name))
            return [_stored(row) for row in rows]

    def find(self, name: str) -> StoredTeacher | None:
        """Return a teacher, or `None`."""
        with self._database.reading() as connection:
            row = connection.execute(select(teachers).where(teachers.c.name == name)).first()
        return None if row is None else _stored(row)

    def get(self, name: str) -> StoredTeacher:
        """Return a teacher.

        Raises:
            UserError: There is none of that name.
        """
        found = self.find(name)
        if found is None:
            names = [one.teacher.name for one in self.all()]
            raise UserError(
                f"no teacher {name!r} is attached: "
                + (f"there are {names}" if names else "attach one with  twoloops teacher add")
            )
        return found


class Calls:
    """The call book.

    Laws: a call is noted before it is sent, in a transaction of its own; its key never comes to
    name another call; what may have cost money counts until somebody knows better.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, call: Call) -> None:
        """Note a call that is about to be sent; durable when this returns.

        Raises:
            RuntimeError: Inside a transaction it would not be durable before it is sent.
        """
        if self._database.in_transaction:
            raise RuntimeError("a call is noted in a transaction of its own, before it is sent")
        self._database.insert(teacher_calls, [_row(call)])

    def end(self, call: Call) -> None:
        """Note what became of a call."""
        with self._database.transaction():
            self.get(call.key)
            self._database.upsert(teacher_calls, _row(call))

    def find(self, key: str) -> Call | None:
        """Return a call, or `None`."""
        found = self._list(teacher_calls.c.key == key)
        return found[0] if found else None

    def get(self, key: str) -> Call:
        """Return a call.

        Raises:
            UserError: There is none of that key.
        """
        found = self.find(key)
        if found is None:
            raise UserError(f"no call {key!r}: see  twoloops teacher show NAME")
        return found

    def of_teacher(self, name: str, states: Iterable[CallState] = ()) -> list[Call]:
        """Return the calls of a teacher (in some states), the first one first."""
        conditions = [teacher_calls.c.teacher == name]
        if wanted := tuple(states):
            conditions.append(teacher_calls.c.state.in_(wanted))
        return self._list(*conditions)

    def of_task(self, task: str) -> list[Call]:
        """Return the calls about a task, the first one first."""
        return self._list(teacher_calls.c.task == task)

    def held(self, name: str, currency: str) -> Money:
        """Return the most that a teacher's calls may have cost so far.

        Raises:
            UserError: Some were paid in another currency.
        """
        return self._sum(name, currency, teacher_calls.c.held)

    def paid(self, name: str, currency: str) -> Money:
        """Return what a teacher's calls are booked as having cost.

        Raises:
            UserError: Some were paid in another currency.
        """
        return self._sum(name, currency, teacher_calls.c.paid)

    def fates(self, name: str, task: str) -> dict[Place, str]:
        """Return what last became of each item a teacher was asked about and did not answer.

        Items of a call that had no effect are absent: they may be asked again.
        """
        found: dict[Place, str] = {}
        for call in self.of_teacher(name):
            if call.task != task:
                continue
            for place in call.items:
                if call.state in OPEN:
                    found[place] = f"asked in call {call.key}, whose outcome is unknown"
                elif (fate := call.fates.get(str(place))) is not None:
                    found[place] = fate
        return {place: fate for place, fate in found.items() if fate}

    def _sum(self, name: str, currency: str, column: Any) -> Money:
        query = select(column, teacher_calls.c.currency).where(teacher_calls.c.teacher == name)
        total = Money(Decimal(0), currency)
        with self._database.reading() as connection:
            for amount, paid_in in connection.execute(query):
                if Decimal(amount):
                    total = total + Money(Decimal(amount), paid_in)
        return total

    def _list(self, *conditions: Any) -> list[Call]:
        query = (
            select(teacher_calls.c.body)
            .where(*conditions)
            .order_by(teacher_calls.c.begun_at, teacher_calls.c.key)
        )
        with self._database.reading() as connection:
            return [_calls.decode(body) for body in connection.scalars(query)]


def _row(call: Call) -> Row:
    return {
        "key": call.key,
        "teacher": call.teacher,
        "task": call.task,
        "turn": call.turn,
        "state": call.state,
        "held": str(call.held.amount),
        "paid": str(call.paid.amount),
        "currency": call.held.currency,
        "body": canonical(call).decode(),
        "begun_at": stamp(call.begun_at),
        "ended_at": None if call.ended_at is None else stamp(call.ended_at),
    }


def _stored(row: Fetched[Any]) -> StoredTeacher:
    return StoredTeacher(
        _records.decode(row.body),
        datetime.fromisoformat(row.attached_at),
        None if row.dropped_at is None else datetime.fromisoformat(row.dropped_at),
    )

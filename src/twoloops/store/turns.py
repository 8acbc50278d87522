"""Where each turn stands, and the small documents that the gate carries from turn to turn."""

from typing import Any, TypeVar

import msgspec
from sqlalchemy import func, select

from twoloops.records.digests import canonical
from twoloops.store.database import Database
from twoloops.store.rows import Turn
from twoloops.store.schema import evidence, turns

T = TypeVar("T")


class Turns:
    """The turns of each task, and the stage each is in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self, task: str, number: int, stage: str, state: Any = None, *, closed: bool = False
    ) -> None:
        """Note the stage a turn is in, with that stage's state (any JSON-able record)."""
        self._database.upsert(
            turns,
            {
                "task": task,
                "number": number,
                "stage": stage,
                "closed": closed,
                "state": canonical(state).decode(),
            },
        )

    def get(self, task: str, number: int) -> Turn | None:
        """Return a turn, or `None`."""
        found = self._list(turns.c.task == task, turns.c.number == number)
        return found[0] if found else None

    def all(self, task: str) -> list[Turn]:
        """Return a task's turns, the first one first."""
        return self._list(turns.c.task == task)

    def last(self, task: str) -> Turn | None:
        """Return the turn with the highest number, or `None`."""
        latest = select(func.max(turns.c.number)).where(turns.c.task == task).scalar_subquery()
        found = self._list(turns.c.task == task, turns.c.number == latest)
        return found[0] if found else None

    def open(self, task: str) -> Turn | None:
        """Return the turn that is not closed yet (the earliest of them), or `None`."""
        found = self._list(turns.c.task == task, turns.c.closed.is_(False))
        return found[0] if found else None

    def _list(self, *conditions: Any) -> list[Turn]:
        query = select(turns).where(*conditions).order_by(turns.c.number)
        with self._database.reading() as connection:
            return [
                Turn(row.task, row.number, row.stage, row.closed, row.state)
                for row in connection.execute(query)
            ]


class Evidence:
    """Small JSON documents by task, name and turn."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, task: str, name: str, turn: int, record: Any) -> None:
        """Keep a document, in place of the turn's earlier one of that name."""
        self._database.upsert(
            evidence,
            {"task": task, "name": name, "turn": turn, "body": canonical(record).decode()},
        )

    def get(self, task: str, name: str, type_: type[T], turn: int | None = None) -> T | None:
        """Return a turn's document, or the last turn's when no turn is named; or `None`."""
        query = select(evidence.c.body).where(evidence.c.task == task, evidence.c.name == name)
        if turn is not None:
            query = query.where(evidence.c.turn == turn)
        query = query.order_by(evidence.c.turn.desc()).limit(1)
        with self._database.reading() as connection:
            body = connection.scalar(query)
        return None if body is None else msgspec.json.decode(body, type=type_)

    def following(self, task: str, name: str) -> int:
        """Return the turn after the last one that has a document of a name; 0 where none has."""
        query = select(func.max(evidence.c.turn))
        query = query.where(evidence.c.task == task, evidence.c.name == name)
        with self._database.reading() as connection:
            last = connection.scalar(query)
        return 0 if last is None else int(last) + 1

    def history(self, task: str, name: str, type_: type[T]) -> dict[int, T]:
        """Return the documents of a name by turn, the first turn first."""
        query = (
            select(evidence.c.turn, evidence.c.body)
            .where(evidence.c.task == task, evidence.c.name == name)
            .order_by(evidence.c.turn)
        )
        with self._database.reading() as connection:
            return {
                turn: msgspec.json.decode(body, type=type_)
                for turn, body in connection.execute(query)
            }

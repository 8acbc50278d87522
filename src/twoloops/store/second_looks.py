"""Labelled observations that are put to a labeller once more."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update

from twoloops.records.label import SecondLook
from twoloops.records.observation import Place
from twoloops.store.database import Database, stamp
from twoloops.store.observations import at_places, place_columns
from twoloops.store.schema import second_looks

_ranked = (
    second_looks.c.turn,
    second_looks.c.rank,
    second_looks.c.edge,
    second_looks.c.epoch,
    second_looks.c.counter,
)


class SecondLooks:
    """Second looks by turn; lists come by turn, then rank, then place."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_many(self, task: str, new: Sequence[SecondLook]) -> None:
        """Ask for second looks; one that its turn has asked for already stays as it is."""
        self._database.insert_absent(
            second_looks,
            [
                {
                    **place_columns(one.observation),
                    "task": task,
                    "turn": one.turn,
                    "why": one.why,
                    "rank": one.rank,
                    "asked_at": stamp(one.asked_at),
                }
                for one in new
            ],
        )

    def of_task(self, task: str) -> list[SecondLook]:
        """Return all of a task."""
        return self._list(second_looks.c.task == task)

    def of_turn(self, task: str, turn: int) -> list[SecondLook]:
        """Return those a turn has asked for."""
        return self._list(second_looks.c.task == task, second_looks.c.turn == turn)

    def open(self, task: str, turn: int | None = None) -> list[SecondLook]:
        """Return those (of a turn) that nobody has answered since."""
        conditions = [second_looks.c.task == task, second_looks.c.settled_at.is_(None)]
        if turn is not None:
            conditions.append(second_looks.c.turn == turn)
        return self._list(*conditions)

    def settle(self, places: Iterable[Place], at: datetime) -> int:
        """Note that places were answered, with a new label or the same; returns how many.

        What was asked for later than `at` stays open.
        """
        settled = 0
        with self._database.transaction() as connection:
            for condition in at_places(second_looks, places):
                statement = (
                    update(second_looks)
                    .where(
                        condition,
                        second_looks.c.settled_at.is_(None),
                        second_looks.c.asked_at <= stamp(at),
                    )
                    .values(settled_at=stamp(at))
                )
                settled += connection.execute(statement).rowcount
        return settled

    def _list(self, *conditions: Any) -> list[SecondLook]:
        query = select(second_looks).where(*conditions).order_by(*_ranked)
        with self._database.reading() as connection:
            return [
                SecondLook(
                    Place(row.edge, row.epoch, row.counter),
                    row.turn,
                    row.why,
                    row.rank,
                    datetime.fromisoformat(row.asked_at),
                )
                for row in connection.execute(query)
            ]

"""Leases: a question shown to one labeller is kept from the others until the lease expires.

Laws: no observation is ever leased to more labellers than labels are wanted of it; an expired
lease keeps nothing from anybody.
"""

from collections.abc import Collection
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    or_,
    select,
    update,
)
from sqlalchemy import Row as Fetched

from twoloops.records.label import JUDGING, Lease, Question, Wanted
from twoloops.records.observation import Place
from twoloops.store.database import Database, stamp
from twoloops.store.labels import again, count_at, is_open, ranked, same_place
from twoloops.store.observations import at_places, place_columns
from twoloops.store.schema import inputs, labels, leases, observations, passes, questions


class Leases:
    """Who has which question before them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(
        self, task: str, labeller: str, wanted: Wanted, count: int, at: datetime, until: datetime
    ) -> list[Lease]:
        """Lease the best open questions to a labeller, those leased to them before first.

        Leases that have expired end; those of the labeller are renewed.

        Args:
            task: The task's name.
            labeller: `person:NAME`.
            wanted: When a question is answered.
            count: How many to have in all; what is held beyond that stays held.
            at: Now.
            until: When the leases expire.
        """
        with self._database.transaction() as connection:
            connection.execute(delete(leases).where(leases.c.until <= stamp(at)))
            given = {"task": task, "labeller": labeller}
            found = self._list(_held(wanted), given, until)
            connection.execute(
                update(leases)
                .where(leases.c.labeller == labeller, leases.c.task == task)
                .values(until=stamp(until))
            )
            missing = count - len(found)
            if missing > 0:
                held = {one.question.observation for one in found}
                limit = {"limit": missing + len(held)}
                free = self._list(_free(wanted), given | limit, until)
                # Two turns may ask about one observation: it is one item to a labeller.
                fresh = {
                    one.question.observation: one
                    for one in reversed(free)
                    if one.question.observation not in held
                }
                taken = sorted(fresh.values(), key=free.index)[:missing]
                self._database.insert(
                    leases,
                    [
                        {
                            **place_columns(one.question.observation),
                            "labeller": labeller,
                            "task": task,
                            "until": stamp(until),
                        }
                        for one in taken
                    ],
                )
                found += taken
        return found

    def hold(self, task: str, labeller: str, place: Place, until: datetime) -> None:
        """Lease one observation to a labeller, whatever the others have."""
        row = {**place_columns(place), "labeller": labeller, "task": task, "until": stamp(until)}
        self._database.upsert(leases, row)

    def of(self, task: str, labeller: str, at: datetime) -> list[Place]:
        """Return the observations a labeller has before them."""
        query = (
            select(leases.c.edge, leases.c.epoch, leases.c.counter)
            .where(leases.c.task == task, leases.c.labeller == labeller)
            .where(leases.c.until > stamp(at))
            .order_by(leases.c.edge, leases.c.epoch, leases.c.counter)
        )
        with self._database.reading() as connection:
            return [Place(*row) for row in connection.execute(query)]

    def holder(self, place: Place, at: datetime) -> list[str]:
        """Return who has an observation before them, by name."""
        query = (
            select(leases.c.labeller)
            .where(*at_places(leases, [place]), leases.c.until > stamp(at))
            .order_by(leases.c.labeller)
        )
        with self._database.reading() as connection:
            return list(connection.scalars(query))

    def count(self, task: str, at: datetime) -> int:
        """Count the leases of a task that have not expired."""
        query = select(leases.c.labeller).where(leases.c.task == task, leases.c.until > stamp(at))
        with self._database.reading() as connection:
            return len(connection.scalars(query).all())

    def give_back(self, labeller: str, places: Collection[Place]) -> None:
        """End a labeller's leases of observations."""
        with self._database.transaction() as connection:
            for condition in at_places(leases, places):
                connection.execute(delete(leases).where(condition, leases.c.labeller == labeller))

    def _list(self, query: Select[Any], given: dict[str, Any], until: datetime) -> list[Lease]:
        with self._database.reading() as connection:
            rows = connection.execute(query, given)
            return [_lease(row, given["labeller"], until) for row in rows]


@lru_cache  # built once: somebody asks every few seconds
def _held(wanted: Wanted) -> Select[Any]:
    """Return the query of the open questions of `task` that `labeller` has already."""
    mine = and_(same_place(leases), leases.c.labeller == bindparam("labeller"))
    return _questions(exists().where(mine), is_open(wanted))


@lru_cache
def _free(wanted: Wanted) -> Select[Any]:
    """Return the query of `limit` questions of `task` that `labeller` may be leased now."""
    labeller: BindParameter[str] = bindparam("labeller")
    many = case((questions.c.purpose.in_(JUDGING), wanted.per_judge), else_=wanted.per_item)
    # A second look is taken by one labeller at a time, and may be by the one who labelled.
    room = or_(
        and_(again(), count_at(leases) == 0),
        and_(~again(), count_at(labels) + count_at(leases) < many),
    )
    said = exists().where(same_place(labels), labels.c.labeller == labeller)
    passed = exists().where(same_place(passes), passes.c.labeller == labeller)
    gone = exists().where(
        same_place(observations),
        inputs.c.digest == observations.c.input,
        inputs.c.forgotten_at.is_not(None),
    )
    query = _questions(is_open(wanted), room, or_(again(), ~said), ~passed, ~gone)
    return query.limit(bindparam("limit"))


def _questions(*conditions: ColumnElement[bool]) -> Select[Any]:
    return (
        select(questions, again().label("again"))
        .where(questions.c.task == bindparam("task"), *conditions)
        .order_by(*ranked)
    )


def _lease(row: Fetched[Any], labeller: str, until: datetime) -> Lease:
    question = Question(
        Place(row.edge, row.epoch, row.counter), row.turn, row.purpose, row.probability, row.rank
    )
    return Lease(question, labeller, until, bool(row.again))

"""Observations, by place, time, period and turn."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from sqlalchemy import ColumnElement, Table, and_, func, select, tuple_, update

from twoloops.records.digests import Digest, canonical
from twoloops.records.errors import UserError
from twoloops.records.observation import Observation, Place
from twoloops.store.database import CHUNK, Database, Row, chunks, one_of, stamp
from twoloops.store.schema import observations

_decoder = msgspec.json.Decoder(Observation)
_order = (
    observations.c.observed_at,
    observations.c.edge,
    observations.c.epoch,
    observations.c.counter,
)


def at_places(table: Table, places: Iterable[Place]) -> Iterator[ColumnElement[bool]]:
    """Yield conditions that together select the rows at the places, a chunk each."""
    counters: dict[tuple[str, str], set[int]] = {}
    for place in places:
        counters.setdefault((place.edge, place.epoch), set()).add(place.counter)
    for (edge, epoch), numbers in sorted(counters.items()):
        for chunk in chunks(sorted(numbers)):
            first, last = chunk[0], chunk[-1]
            # What an edge sends follows one another.
            gapless = last - first + 1 == len(chunk)
            there = table.c.counter
            at = there.between(first, last) if gapless else one_of(there, chunk)
            yield and_(table.c.edge == edge, table.c.epoch == epoch, at)


def place_columns(place: Place) -> Row:
    """Return a place as the three columns every table about observations has."""
    return {"edge": place.edge, "epoch": place.epoch, "counter": place.counter}


class Observations:
    """The kept observations; lists come in order of time, then place."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_many(self, new: Sequence[Observation]) -> None:
        """Add observations; one whose place is taken is left out. Their inputs come first."""
        self._database.insert_absent(
            observations,
            [
                {
                    **place_columns(one.place),
                    "task": one.task,
                    "input": one.input,
                    "period": one.period,
                    "observed_at": stamp(one.observed_at),
                    "body": canonical(one).decode(),
                }
                for one in new
            ],
        )

    def find(self, places: Iterable[Place]) -> dict[Place, Observation]:
        """Return observations by place; unknown places are absent."""
        found: dict[Place, Observation] = {}
        for condition in at_places(observations, places):
            for one in self._list(condition):
                found[one.place] = one
        return found

    def get(self, place: Place) -> Observation:
        """Return one observation.

        Raises:
            UserError: If there is none at that place.
        """
        found = self.find([place])
        if place not in found:
            raise UserError(
                f"no observation {place}: a place is EDGE/EPOCH/COUNTER, as  twoloops "
                "label export  prints it"
            )
        return found[place]

    def of_task(self, task: str) -> list[Observation]:
        """Return all of a task."""
        return self._list(observations.c.task == task)

    def of_period(self, task: str, period: str) -> list[Observation]:
        """Return those of a period."""
        return self._list(observations.c.task == task, observations.c.period == period)

    def of_turn(self, task: str, turn: int) -> list[Observation]:
        """Return those a turn has claimed."""
        return self._list(observations.c.task == task, observations.c.turn == turn)

    def after_turn(self, task: str, turn: int) -> list[Observation]:
        """Return those that a later turn has claimed, or none yet."""
        since = observations.c.turn.is_(None) | (observations.c.turn > turn)
        return self._list(observations.c.task == task, since)

    def of_input(self, digest: Digest) -> list[Observation]:
        """Return those with exactly these bytes."""
        return self._list(observations.c.input == digest)

    def iterate(self, task: str, page: int = CHUNK) -> Iterator[Observation]:
        """Yield all of a task, a page in memory at a time; writing meanwhile is allowed."""
        after: tuple[str, str, str, int] | None = None
        while True:
            conditions = [observations.c.task == task]
            if after is not None:
                conditions.append(tuple_(*_order) > after)
            found = self._list(*conditions, limit=page)
            yield from found
            if len(found) < page:
                return
            last = found[-1]
            after = (stamp(last.observed_at), *msgspec.structs.astuple(last.place))

    def turns_of(self, places: Iterable[Place]) -> dict[Place, int]:
        """Return the turn that has claimed each; those that none has are absent."""
        found: dict[Place, int] = {}
        for condition in at_places(observations, places):
            query = select(
                observations.c.edge,
                observations.c.epoch,
                observations.c.counter,
                observations.c.turn,
            ).where(condition, observations.c.turn.is_not(None))
            with self._database.reading() as connection:
                for edge, epoch, counter, turn in connection.execute(query):
                    found[Place(edge, epoch, counter)] = turn
        return found

    def count(self, task: str, *, period: str | None = None, turn: int | None = None) -> int:
        """Count those of a task, or of one period or turn of it."""
        query = select(func.count()).select_from(observations).where(observations.c.task == task)
        if period is not None:
            query = query.where(observations.c.period == period)
        if turn is not None:
            query = query.where(observations.c.turn == turn)
        with self._database.reading() as connection:
            return connection.scalar(query) or 0

    def periods(self, task: str) -> dict[str, int]:
        """Return how many observations each period has, in order of their first times."""
        query = (
            select(observations.c.period, func.count())
            .where(observations.c.task == task)
            .group_by(observations.c.period)
            .order_by(func.min(observations.c.observed_at), observations.c.period)
        )
        with self._database.reading() as connection:
            return {period: count for period, count in connection.execute(query)}

    def per_edge(self) -> dict[str, int]:
        """Return how many observations each edge has."""
        query = select(observations.c.edge, func.count()).group_by(observations.c.edge)
        with self._database.reading() as connection:
            return {edge: count for edge, count in connection.execute(query)}

    def latest(self, task: str, edge: str, limit: int) -> list[Observation]:
        """Return the latest of an edge, at most so many."""
        query = (
            select(observations.c.body)
            .where(observations.c.task == task, observations.c.edge == edge)
            .order_by(observations.c.observed_at.desc(), observations.c.counter.desc())
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [_decoder.decode(body) for body in connection.scalars(query)]

    def unclaimed(self, task: str) -> int:
        """Count those no turn has claimed."""
        query = select(func.count()).where(
            observations.c.task == task, observations.c.turn.is_(None)
        )
        with self._database.reading() as connection:
            return connection.scalar(query) or 0

    def claim(self, task: str, turn: int, period: str | None = None) -> int:
        """Give a turn every observation (of a period) that no turn has yet; counts them."""
        statement = update(observations).where(
            observations.c.task == task, observations.c.turn.is_(None)
        )
        if period is not None:
            statement = statement.where(observations.c.period == period)
        with self._database.transaction() as connection:
            return connection.execute(statement.values(turn=turn)).rowcount

    def _list(
        self, *conditions: ColumnElement[bool], limit: int | None = None
    ) -> list[Observation]:
        query = select(observations.c.body).where(*conditions).order_by(*_order).limit(limit)
        with self._database.reading() as connection:
            return [_decoder.decode(body) for body in connection.scalars(query)]

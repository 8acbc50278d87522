"""What arrived from each edge's epoch, what never did, and what was unusable."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, select

from twoloops.store.database import Database, chunks, stamp
from twoloops.store.rows import Gap, Quarantined, Reason
from twoloops.store.schema import gaps, marks, quarantine


class Marks:
    """The highest counter seen of each epoch, and the gaps below it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def last(self, edge: str, epoch: str) -> int | None:
        """Return the highest counter seen, or `None`."""
        query = select(marks.c.last).where(marks.c.edge == edge, marks.c.epoch == epoch)
        with self._database.reading() as connection:
            return connection.scalar(query)

    def gaps(self, edge: str | None = None, epoch: str | None = None) -> list[Gap]:
        """Return the gaps (of an edge, of an epoch)."""
        query = select(gaps).order_by(gaps.c.edge, gaps.c.epoch, gaps.c.first)
        if edge is not None:
            query = query.where(gaps.c.edge == edge)
        if epoch is not None:
            query = query.where(gaps.c.epoch == epoch)
        with self._database.reading() as connection:
            return [
                Gap(row.edge, row.epoch, row.first, row.last) for row in connection.execute(query)
            ]

    def put(self, edge: str, epoch: str, last: int, missing: Sequence[Gap]) -> None:
        """Note the highest counter of an epoch and all its gaps."""
        with self._database.transaction(savepoint=False) as connection:
            self._database.upsert(marks, {"edge": edge, "epoch": epoch, "last": last})
            connection.execute(delete(gaps).where(gaps.c.edge == edge, gaps.c.epoch == epoch))
            self._database.insert(
                gaps,
                [
                    {"edge": edge, "epoch": epoch, "first": gap.first, "last": gap.last}
                    for gap in missing
                ],
            )


class Quarantine:
    """Unusable inputs, each with its reason."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, source: str, place: str, reason: str, at: datetime) -> None:
        """Note one; noting a place of a source twice keeps the first."""
        self.add_many([Quarantined(source, place, reason, at)])

    def add_many(self, new: Sequence[Quarantined]) -> None:
        """Note several."""
        self._database.insert_absent(
            quarantine,
            [
                {
                    "source": one.source,
                    "place": one.place,
                    "reason": one.reason,
                    "quarantined_at": stamp(one.at),
                }
                for one in new
            ],
        )

    def all(self, source: str | None = None) -> list[Quarantined]:
        """Return everything quarantined (of a source), by source and place."""
        query = select(quarantine).order_by(quarantine.c.source, quarantine.c.place)
        if source is not None:
            query = query.where(quarantine.c.source == source)
        with self._database.reading() as connection:
            return [_quarantined(row) for row in connection.execute(query)]

    def latest(self, limit: int, *, skip: int = 0, source: str | None = None) -> list[Quarantined]:
        """Return a page of what is quarantined (of a source), the newest first."""
        query = (
            select(quarantine)
            .order_by(quarantine.c.quarantined_at.desc(), quarantine.c.source, quarantine.c.place)
            .limit(limit)
            .offset(skip)
        )
        if source is not None:
            query = query.where(quarantine.c.source == source)
        with self._database.reading() as connection:
            return [_quarantined(row) for row in connection.execute(query)]

    def reasons(self) -> list[Reason]:
        """Count by source and reason."""
        count, last = func.count(), func.max(quarantine.c.quarantined_at)
        query = select(quarantine.c.source, quarantine.c.reason, count, last).group_by(
            quarantine.c.source, quarantine.c.reason
        )
        with self._database.reading() as connection:
            return [
                Reason(source, reason, number, datetime.fromisoformat(at))
                for source, reason, number, at in connection.execute(query)
            ]

    def holds(self, source: str, places: Sequence[str]) -> set[str]:
        """Return those places of a source that are quarantined."""
        found: set[str] = set()
        for chunk in chunks(places):
            query = select(quarantine.c.place).where(
                quarantine.c.source == source, quarantine.c.place.in_(chunk)
            )
            with self._database.reading() as connection:
                found.update(connection.scalars(query))
        return found

    def count(self, source: str | None = None) -> int:
        """Count what is quarantined (of a source)."""
        query = select(func.count()).select_from(quarantine)
        if source is not None:
            query = query.where(quarantine.c.source == source)
        with self._database.reading() as connection:
            return connection.scalar(query) or 0


def _quarantined(row: Row[Any]) -> Quarantined:
    at = datetime.fromisoformat(row.quarantined_at)
    return Quarantined(row.source, row.place, row.reason, at)

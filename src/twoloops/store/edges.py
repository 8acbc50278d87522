"""Edges: whose token is whose, how each stands, and why some of their numbers never come."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, delete, select, update

from twoloops.edge.home import Standing
from twoloops.records.errors import UserError
from twoloops.store.database import Database, stamp
from twoloops.store.rows import Gap
from twoloops.store.schema import edge_epochs, edge_gaps, edges


class Enrolment(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an edge.

    Args:
        name: Its name.
        task: The task it decides.
        group: Its group of devices.
        token: Id of its own token.
        enrolled_with: Id of the token it was exchanged for, until its own was used.
        enrolled_at: UTC.
        last_seen: When it was heard last, or `None`.
        skew: Seconds by which its clock is before the server's (behind: negative).
        standing: Its last heartbeat.
    """

    name: str
    task: str
    group: str
    token: str
    enrolled_with: str | None
    enrolled_at: datetime
    last_seen: datetime | None
    skew: float | None
    standing: Standing | None


class ExplainedGap(msgspec.Struct, frozen=True, order=True):
    """Numbers of an edge's epoch that never come, both ends included, and why."""

    edge: str
    epoch: str
    first: int
    last: int
    reason: str


class Edges:
    """The edges of a workspace.

    Laws: a token belongs to one edge at most; an epoch belongs to the edge that sent it first.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def enrol(self, name: str, task: str, group: str, token: str, with_: str, at: datetime) -> None:
        """Bind a token to an edge; of a known edge the former one is no longer its own."""
        with self._database.transaction():
            known = self.find(name)
            row: dict[str, Any] = {
                "name": name,
                "task": task,
                "device_group": group,
                "token": token,
                "enrolled_with": with_,
                "enrolled_at": stamp(at),
                "last_seen": _stamp(known.last_seen) if known else None,
                "skew": known.skew if known else None,
                "standing": _body(known.standing) if known else None,
            }
            self._database.upsert(edges, row)

    def settled(self, name: str) -> None:
        """Note that an edge has used its own token."""
        with self._database.transaction() as connection:
            connection.execute(update(edges).where(edges.c.name == name).values(enrolled_with=None))

    def heard(self, name: str, standing: Standing, skew: float, at: datetime) -> None:
        """Note a heartbeat."""
        with self._database.transaction() as connection:
            connection.execute(
                update(edges)
                .where(edges.c.name == name)
                .values(last_seen=stamp(at), skew=skew, standing=_body(standing))
            )

    def find(self, name: str) -> Enrolment | None:
        """Return an edge, or `None`."""
        with self._database.reading() as connection:
            row = connection.execute(select(edges).where(edges.c.name == name)).first()
        return None if row is None else _enrolment(row)

    def of_token(self, token: str) -> Enrolment | None:
        """Return the edge whose own a token is, or `None`."""
        with self._database.reading() as connection:
            row = connection.execute(select(edges).where(edges.c.token == token)).first()
        return None if row is None else _enrolment(row)

    def all(self) -> list[Enrolment]:
        """Return every edge, by name."""
        with self._database.reading() as connection:
            return [_enrolment(row) for row in connection.execute(select(edges).order_by("name"))]

    def groups(self, task: str | None = None) -> set[str]:
        """Return the groups that the edges (of a task) are in."""
        query = select(edges.c.device_group).distinct()
        if task is not None:
            query = query.where(edges.c.task == task)
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())

    def own(self, epoch: str, edge: str) -> None:
        """Give an epoch to the edge that sends it, if nobody has it.

        Raises:
            UserError: Another edge has it.
        """
        with self._database.transaction(savepoint=False) as connection:
            query = select(edge_epochs.c.edge).where(edge_epochs.c.epoch == epoch)
            found = connection.scalar(query)
            if found is None:
                self._database.insert(edge_epochs, [{"epoch": epoch, "edge": edge}])
            elif found != edge:
                raise UserError(
                    f"epoch {epoch[:80]!r} belongs to another edge: a spool was copied; remove "
                    "this edge's spool.db and run it again"
                )

    def explain(self, new: Sequence[ExplainedGap]) -> None:
        """Note why numbers never come; a longer stretch replaces the shorter ones in it."""
        with self._database.transaction() as connection:
            for gap in new:
                connection.execute(
                    delete(edge_gaps).where(
                        edge_gaps.c.edge == gap.edge,
                        edge_gaps.c.epoch == gap.epoch,
                        edge_gaps.c.first >= gap.first,
                        edge_gaps.c.last <= gap.last,
                    )
                )
                self._database.upsert(edge_gaps, msgspec.structs.asdict(gap))

    def explained(self, edge: str | None = None) -> list[ExplainedGap]:
        """Return the reasons (of an edge), in order."""
        query = select(edge_gaps).order_by(edge_gaps.c.edge, edge_gaps.c.epoch, edge_gaps.c.first)
        if edge is not None:
            query = query.where(edge_gaps.c.edge == edge)
        with self._database.reading() as connection:
            return [ExplainedGap(*row) for row in connection.execute(query)]


def with_reasons(gaps: Sequence[Gap], explained: Sequence[ExplainedGap]) -> list[ExplainedGap]:
    """Split gaps by the reasons that edges gave; what nobody explained has an empty reason.

    >>> with_reasons([Gap("a", "e", 3, 9)], [ExplainedGap("a", "e", 4, 5, "power cut")])
    ... # doctest: +NORMALIZE_WHITESPACE
    [ExplainedGap(edge='a', epoch='e', first=3, last=3, reason=''),
     ExplainedGap(edge='a', epoch='e', first=4, last=5, reason='power cut'),
     ExplainedGap(edge='a', epoch='e', first=6, last=9, reason='')]
    """
    found: list[ExplainedGap] = []
    known: dict[tuple[str, str], list[ExplainedGap]] = {}
    for one in sorted(explained):
        known.setdefault((one.edge, one.epoch), []).append(one)
    for gap in gaps:
        at = gap.first
        for one in known.get((gap.edge, gap.epoch), ()):
            first, last = max(one.first, at), min(one.last, gap.last)
            if first > last:
                continue
            if first > at:
                found.append(ExplainedGap(gap.edge, gap.epoch, at, first - 1, ""))
            found.append(ExplainedGap(gap.edge, gap.epoch, first, last, one.reason))
            at = last + 1
        if at <= gap.last:
            found.append(ExplainedGap(gap.edge, gap.epoch, at, gap.last, ""))
    return found


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)


def _body(standing: Standing | None) -> str | None:
    return None if standing is None else msgspec.json.encode(standing).decode()


def _enrolment(row: Row[Any]) -> Enrolment:
    return Enrolment(
        name=row.name,
        task=row.task,
        group=row.device_group,
        token=row.token,
        enrolled_with=row.enrolled_with,
        enrolled_at=datetime.fromisoformat(row.enrolled_at),
        last_seen=None if row.last_seen is None else datetime.fromisoformat(row.last_seen),
        skew=row.skew,
        standing=None if row.standing is None else msgspec.json.decode(row.standing, type=Standing),
    )

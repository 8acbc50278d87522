"""The journal: an append-only chain of decisions with their costs.

Law: `verify()` is empty after any number of appends, and not empty after any change of a stored
field, a removal, an insertion or a reordering.

Who can write the file can also rewrite the whole chain. Against that only a digest noted
elsewhere helps: `head()` gives one, `verify` compares with it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Row as Fetched
from sqlalchemy import func, insert, select, update

from twoloops.records.digests import Digest, canonical
from twoloops.records.journal import GENESIS, Fact
from twoloops.records.money import Money, Sums, sums
from twoloops.store.database import Database, Row, stamp
from twoloops.store.schema import journal, meta

_bodies = msgspec.json.Decoder(dict[str, str])


class KeyConflictError(ValueError):
    """A key was used again for something else."""


class Journal:
    """The journal of a workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(
        self,
        kind: str,
        *,
        task: str,
        turn: int,
        key: str,
        at: datetime,
        body: Mapping[str, str] | None = None,
        cost: Money | None = None,
    ) -> Fact:
        """Append a fact, or return the one that the same key and content made earlier.

        Args:
            kind: `dataset frozen`, `release approved`, …
            task: The task's name.
            turn: The turn, or -1 outside of any.
            key: At most one fact has it; time is not part of its content.
            at: When, with a zone.
            body: Digests, figures and reasons, by name.
            cost: What it cost.

        Raises:
            KeyConflictError: If the key names a fact of other content.
        """
        with self._database.transaction() as connection:
            # The lock on the head makes appends queue where the engine lets writers run abreast.
            head = connection.scalar(
                select(meta.c.value).where(meta.c.name == "journal").with_for_update()
            )
            sequence, previous = _head(head)
            fact = Fact(
                sequence=sequence + 1,
                kind=kind,
                task=task,
                turn=turn,
                key=key,
                body=dict(body or {}),
                cost=cost,
                recorded_at=at.astimezone(UTC),
                previous=previous,
            )
            row = _row(fact)
            old = self.by_key(key)
            if old is not None:
                if _content(old) != _content(fact):
                    raise KeyConflictError(
                        f"journal key {key!r} is taken by fact {old.sequence} with other "
                        f"content: {_content(old)} is there, {_content(fact)} was to be appended"
                    )
                return old
            connection.execute(insert(journal), row)
            connection.execute(
                update(meta)
                .where(meta.c.name == "journal")
                .values(value=f"{fact.sequence} {row['digest']}")
            )
        return fact

    def by_key(self, key: str) -> Fact | None:
        """Return the fact of a key, or `None`."""
        with self._database.reading() as connection:
            row = connection.execute(select(journal).where(journal.c.key == key)).first()
        return None if row is None else _fact(row)

    def facts(
        self, task: str | None = None, turn: int | None = None, kind: str | None = None
    ) -> list[Fact]:
        """Return the facts (of a task, a turn, a kind), in sequence."""
        query = select(journal).order_by(journal.c.sequence)
        if task is not None:
            query = query.where(journal.c.task == task)
        if turn is not None:
            query = query.where(journal.c.turn == turn)
        if kind is not None:
            query = query.where(journal.c.kind == kind)
        with self._database.reading() as connection:
            return [_fact(row) for row in connection.execute(query)]

    def page(self, after: int, limit: int, task: str | None = None) -> list[Fact]:
        """Return at most so many facts (of a task) that follow a sequence number, in sequence."""
        query = select(journal).where(journal.c.sequence > after)
        if task is not None:
            query = query.where(journal.c.task == task)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(journal.c.sequence).limit(limit))
            return [_fact(row) for row in rows]

    def costs(self, task: str, kind: str | None = None, turn: int | None = None) -> dict[int, Sums]:
        """Return what each turn (or one) cost (by facts of a kind), by currency.

        Turns that cost nothing are absent. The facts' bodies stay unread.
        """
        query = select(journal.c.turn, journal.c.amount, journal.c.currency).where(
            journal.c.task == task, journal.c.amount.is_not(None)
        )
        if turn is not None:
            query = query.where(journal.c.turn == turn)
        if kind is not None:
            query = query.where(journal.c.kind == kind)
        found: dict[int, list[Money]] = {}
        with self._database.reading() as connection:
            for number, amount, currency in connection.execute(query):
                found.setdefault(number, []).append(Money(Decimal(amount), currency))
        totals = {number: sums(found[number]) for number in sorted(found)}
        return {number: total for number, total in totals.items() if total}

    def spent(self, task: str, kind: str) -> Sums:
        """Return what a task's facts of a kind cost in all, by currency."""
        return sums(one for total in self.costs(task, kind).values() for one in total)

    def head(self) -> tuple[int, Digest]:
        """Return sequence and digest of the last fact; (0, genesis) of an empty journal."""
        with self._database.reading() as connection:
            return _head(connection.scalar(select(meta.c.value).where(meta.c.name == "journal")))

    def verify(
        self,
        known: Mapping[int, Digest] | None = None,
        after: tuple[int, Digest] = (0, GENESIS),
    ) -> list[str]:
        """Return what is wrong with the chain, a sentence each; nothing when it is whole.

        Args:
            known: Digests of facts by sequence, as noted elsewhere.
            after: Sequence and digest of a fact up to which the chain was found whole: only what
                follows is read, and the facts up to there are counted.
        """
        sequence, previous = after
        upto = journal.c.sequence <= sequence
        query = select(journal).where(journal.c.sequence > sequence).order_by(journal.c.sequence)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
            head = connection.scalar(select(meta.c.value).where(meta.c.name == "journal"))
            count = sequence and connection.scalar(
                select(func.count()).select_from(journal).where(upto)
            )
        problems: list[str] = []
        if count != sequence:
            problems.append(f"of the first {sequence} facts, {count} are there")
        digests: dict[int, Digest] = {sequence: previous}
        for row in rows:
            if row.sequence != sequence + 1:
                problems.append(_missing(sequence + 1, row.sequence - 1))
            if not _whole(row):
                problems.append(f"fact {row.sequence} was changed: it has not the digest it had")
            if row.previous != previous:
                problems.append(
                    f"fact {row.sequence} does not follow fact {sequence}: one of them was "
                    "moved, removed or replaced"
                )
            sequence, previous = row.sequence, row.digest
            digests[sequence] = previous
        if head != f"{sequence} {previous}":
            problems.append(
                f"the journal ends with fact {sequence}, and its head says {head!r}: facts "
                "were removed from or put at the end"
            )
        for number, digest in (known or {}).items():
            if digests.get(number) != digest:
                problems.append(f"fact {number} is not the one noted elsewhere as {digest}")
        return problems


def _head(value: str | None) -> tuple[int, Digest]:
    sequence, _, digest = (value or "").partition(" ")
    return int(sequence), digest


def _missing(first: int, last: int) -> str:
    if first == last:
        return f"fact {first} is missing"
    return f"facts {first} to {last} are missing"


def _content(fact: Fact) -> tuple[str, str, int, dict[str, str], Money | None]:
    return fact.kind, fact.task, fact.turn, fact.body, fact.cost


def _row(fact: Fact) -> Row:
    return {
        "sequence": fact.sequence,
        "kind": fact.kind,
        "task": fact.task,
        "turn": fact.turn,
        "key": fact.key,
        "body": canonical(fact.body).decode(),
        "amount": None if fact.cost is None else str(fact.cost.amount),
        "currency": None if fact.cost is None else fact.cost.currency,
        "recorded_at": stamp(fact.recorded_at),
        "previous": fact.previous,
        "digest": fact.digest,
    }


def _fact(row: Fetched[Any]) -> Fact:
    return Fact(
        sequence=row.sequence,
        kind=row.kind,
        task=row.task,
        turn=row.turn,
        key=row.key,
        body=_bodies.decode(row.body),
        cost=None if row.amount is None else Money(Decimal(row.amount), row.currency),
        recorded_at=datetime.fromisoformat(row.recorded_at),
        previous=row.previous,
    )


def _whole(row: Fetched[Any]) -> bool:
    """Say whether a row is, byte for byte, what its fact is written as."""
    try:
        return _row(_fact(row)) == row._asdict()
    except (ValueError, ArithmeticError, TypeError, msgspec.MsgspecError):
        return False

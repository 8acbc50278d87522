"""What lies in the spool's file, and what is taken out of it: statements, each in one place."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from twoloops.records.observation import Observation, Reason

POWER_CUT = "power cut"
"""Why numbers may have been given and lost: the process ended before they were durable."""


class Spooled(NamedTuple):
    """A kept observation with its input's bytes."""

    observation: Observation
    input: bytes


class Missing(NamedTuple):
    """A stretch of numbers that nobody will ever send, and why."""

    first: int
    last: int
    reason: str


class Held(NamedTuple):
    """One observation as it lies in the spool: its number, why it was kept, and its bytes."""

    counter: int
    reason: Reason
    size: int


def pending(
    connection: sqlite3.Connection, limit: int, most_bytes: int | None = None, after: int = 0
) -> list[Spooled]:
    """Return the first observations after a number: at most so many, and so many bytes, but one."""
    rows: list[tuple[bytes, bytes]] = []
    size = 0
    found = connection.execute(
        "SELECT record, data FROM observation JOIN input ON digest = input"
        " WHERE counter > ? ORDER BY counter LIMIT ?",
        (after, limit),
    )
    for record, data in found:
        size += len(record) + len(data)
        if rows and most_bytes is not None and size > most_bytes:
            break
        rows.append((record, data))
    found.close()
    return [Spooled(msgspec.json.decode(record, type=Observation), data) for record, data in rows]


def remove_up_to(connection: sqlite3.Connection, counter: int) -> None:
    """Remove observations up to a number, and inputs that no other one has."""
    connection.execute(
        "DELETE FROM input WHERE digest IN"
        " (SELECT input FROM observation WHERE counter <= :upto) AND NOT EXISTS"
        " (SELECT 1 FROM observation WHERE input = digest AND counter > :upto)",
        {"upto": counter},
    )
    connection.execute("DELETE FROM observation WHERE counter <= ?", (counter,))


def missing(connection: sqlite3.Connection) -> tuple[Missing, ...]:
    """Return every stretch that nobody will send, power cuts and drops, in order."""
    rows = connection.execute(
        "SELECT first, last, ? FROM gap UNION ALL SELECT first, last, reason FROM dropped"
        " ORDER BY 1",
        (POWER_CUT,),
    )
    return tuple(Missing(*row) for row in rows)


def depth(connection: sqlite3.Connection) -> tuple[int, int]:
    """Return how many observations wait, and their bytes (each input once)."""
    count, records = connection.execute(
        "SELECT count(*), coalesce(sum(length(record)), 0) FROM observation"
    ).fetchone()
    (data,) = connection.execute("SELECT coalesce(sum(length(data)), 0) FROM input").fetchone()
    return count, records + data


def held(connection: sqlite3.Connection) -> list[Held]:
    """Return what lies here, by number."""
    rows = connection.execute(
        "SELECT counter, json_extract(CAST(record AS TEXT), '$.kept.reason'),"
        " length(record) + length(data)"
        " FROM observation JOIN input ON digest = input ORDER BY counter"
    )
    return [Held(*row) for row in rows]


def drop(connection: sqlite3.Connection, counters: Sequence[int], reason: str) -> None:
    """Remove observations and note the stretches of numbers, neighbours of a reason as one."""
    for counter in sorted(set(counters)):
        row = connection.execute(
            "DELETE FROM observation WHERE counter = ? RETURNING input", (counter,)
        ).fetchone()
        if row is None:
            continue
        connection.execute(
            "DELETE FROM input WHERE digest = ? AND NOT EXISTS"
            " (SELECT 1 FROM observation WHERE input = digest)",
            row,
        )
        _note(connection, counter, reason)


def _note(connection: sqlite3.Connection, counter: int, reason: str) -> None:
    first, last = counter, counter
    before = connection.execute(
        "SELECT first FROM dropped WHERE last = ? AND reason = ?", (counter - 1, reason)
    ).fetchone()
    after = connection.execute(
        "SELECT last FROM dropped WHERE first = ? AND reason = ?", (counter + 1, reason)
    ).fetchone()
    if before is not None:
        (first,) = before
    if after is not None:
        (last,) = after
        connection.execute("DELETE FROM dropped WHERE first = ?", (counter + 1,))
    connection.execute("INSERT OR REPLACE INTO dropped VALUES (?, ?, ?)", (first, last, reason))

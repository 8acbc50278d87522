"""The spool's SQLite file: its schema, how it is opened, and how a crash is accounted for."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from twoloops.records.errors import UserError

SCHEMA_VERSION = 2
"""2 added what was dropped on purpose, and how far each source was taken."""
PRAGMAS = (
    "locking_mode = EXCLUSIVE",  # a second agent on the same file would hand out the same numbers
    "journal_mode = WAL",
    "synchronous = FULL",
    "secure_delete = OFF",  # overwriting what was sent would write all of it once more
)
_SCHEMA = """
CREATE TABLE state (
    edge TEXT NOT NULL, epoch TEXT NOT NULL,
    settled INTEGER NOT NULL,   -- every number up to here is committed or in a gap
    reserved INTEGER NOT NULL,  -- no number above was ever handed out
    seen INTEGER NOT NULL);
CREATE TABLE observation (
    counter INTEGER PRIMARY KEY, record BLOB NOT NULL, input TEXT NOT NULL);
CREATE INDEX observation_input ON observation (input);
CREATE TABLE input (digest TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE gap (first INTEGER PRIMARY KEY, last INTEGER NOT NULL);
"""
_SINCE_2 = """
CREATE TABLE dropped (
    first INTEGER PRIMARY KEY, last INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE taken (source TEXT PRIMARY KEY, position INTEGER NOT NULL);
"""


class State(NamedTuple):
    """What is known of a spool as it is opened."""

    epoch: str
    settled: int
    reserved: int
    seen: int


def connect(path: Path) -> sqlite3.Connection:
    """Open the file durably and for this process alone.

    Raises:
        UserError: When it is in use, cannot be made, or is no database.
    """
    connection = None
    try:
        connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        for pragma in PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        with transaction(connection):  # takes the lock
            pass
    except sqlite3.DatabaseError as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.OperationalError):
            raise UserError(
                f"spool {path} cannot be opened ({error}): check that no other agent uses it "
                "and that its folder can be written"
            ) from error
        raise UserError(f"{path} is no spool file ({error}): name another file") from error
    return connection


def open_state(
    connection: sqlite3.Connection, path: Path, edge: str, epoch: Callable[[], str], block: int
) -> State:
    """Read the state, record a crash as a gap, and reserve a block of numbers.

    Raises:
        UserError: When the file is another edge's, of a later schema, or no spool.
    """
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise UserError(
            f"spool {path} has schema version {version}, and this twoloops understands versions "
            f"up to {SCHEMA_VERSION}: upgrade twoloops on this machine"
        )
    with transaction(connection):
        if version == 0:
            _create(connection, path, edge, epoch())
        if version < 2:
            _run(connection, _SINCE_2)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        owner, name, settled, reserved, seen = connection.execute(
            "SELECT edge, epoch, settled, reserved, seen FROM state"
        ).fetchone()
        if owner != edge:
            raise UserError(
                f"spool {path} belongs to edge {owner!r}, not {edge!r}: give each edge its own file"
            )
        if reserved > settled:  # not closed: these numbers may have been given and lost
            connection.execute("INSERT INTO gap VALUES (?, ?)", (settled + 1, reserved))
        opened = State(name, reserved, reserved + block, seen)
        connection.execute(
            "UPDATE state SET settled = ?, reserved = ?", (opened.settled, opened.reserved)
        )
    return opened


def _create(connection: sqlite3.Connection, path: Path, edge: str, epoch: str) -> None:
    if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
        raise UserError(f"{path} is a SQLite file, but no spool: name another file")
    _run(connection, _SCHEMA)
    connection.execute("INSERT INTO state VALUES (?, ?, 0, 0, 0)", (edge, epoch))


def _run(connection: sqlite3.Connection, script: str) -> None:
    # Statement by statement: `executescript` would end the transaction.
    for statement in filter(str.strip, script.split(";\n")):
        connection.execute(statement)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block does, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk may have ended it already
            connection.execute("ROLLBACK")
        raise

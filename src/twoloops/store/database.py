"""The connection under the catalog: transactions, the schema's version, inserts that may repeat."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    Table,
    bindparam,
    create_engine,
    event,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import StaticPool

from twoloops.records.errors import UserError
from twoloops.records.journal import GENESIS
from twoloops.store import schema

T = TypeVar("T")
Row = dict[str, Any]

CHUNK = 500
"""Values in one `IN (…)`: well under every engine's limit on parameters."""

LOG_PAGES = 16 * 1024
"""Pages of 4 kB in a log that somebody else copies."""


def stamp(at: datetime) -> str:
    """Return a time as text that sorts as times do.

    >>> from datetime import timedelta, timezone
    >>> stamp(datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))))
    '2026-01-01T00:00:00.000000+00:00'

    Raises:
        ValueError: If the time has no zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"a time needs a zone: got {at.isoformat()}")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def chunks(values: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Yield the values in lists of at most `size`.

    >>> list(chunks("abc", 2))
    [['a', 'b'], ['c']]
    """
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


def one_of(column: Column[T], values: Sequence[T]) -> ColumnElement[bool]:
    """Return the condition that a column has one of at most `CHUNK` values.

    As `column.in_(values)`, which looks at each value by itself and takes ten times as long.
    """
    return column.in_(bindparam(None, values, type_=column.type, unique=True, expanding=True))


class Database:
    """One catalog. Used by one thread at a time.

    Args:
        url: SQLAlchemy's URL; `sqlite://` is a catalog in memory.

    Raises:
        UserError: If the catalog was written by a later version, or is no catalog.
    """

    def __init__(self, url: str | URL) -> None:
        self._engine = _engine(url)
        self._connection: Connection | None = None
        self._view: Connection | None = None
        self._failed = False
        self._after: list[Callable[[], None]] = []
        try:
            self._prepare()
        except DatabaseError as error:
            self._engine.dispose()
            engine = isinstance(error, OperationalError)  # of the engine, not of the file
            todo = "and that its disk has room" if engine else "or restore it from a backup"
            raise UserError(
                f"cannot open the catalog {url}: {error.orig}; check the path, {todo}"
            ) from error
        except UserError:
            self._engine.dispose()
            raise

    def close(self) -> None:
        """Let go of the file or the server."""
        self._engine.dispose()

    @contextmanager
    def transaction(self, *, savepoint: bool = True) -> Iterator[Connection]:
        """Commit everything written inside together, or nothing of it.

        An inner transaction is part of the outer one: when it fails its own writes are undone,
        and the outer one decides about the rest.

        Args:
            savepoint: Without, an inner one that fails is not undone by itself: the outer one
                cannot be committed any more. To be had for less: with a savepoint SQLite copies
                each page before it is changed.

        Raises:
            RuntimeError: An inner one without a savepoint has failed, and somebody went on.
        """
        if self._connection is not None:
            with self._savepoint(self._connection) if savepoint else self._part():
                yield self._connection
            return
        if self._view is not None:
            raise RuntimeError("within a snapshot nothing is written")
        with self._engine.begin() as connection:
            self._connection, self._after, self._failed = connection, [], False
            try:
                yield connection
            finally:
                self._connection = None
            if self._failed:
                raise RuntimeError("a part of this transaction has failed and cannot be left out")
        after, self._after = self._after, []
        for act in after:
            act()

    @contextmanager
    def _savepoint(self, connection: Connection) -> Iterator[None]:
        registered, failed = len(self._after), self._failed
        try:
            with connection.begin_nested():
                yield
                if self._failed and not failed:
                    raise RuntimeError("a part of this one has failed and cannot be left out")
        except BaseException:
            del self._after[registered:]
            self._failed = failed
            raise

    @contextmanager
    def _part(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self._failed = True
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read: inside a transaction with its own writes, outside of one a consistent view."""
        within = self._connection or self._view
        if within is not None:
            yield within
            return
        with self._engine.connect().execution_options(read_only=True) as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let everything that is read inside see one state, whatever others commit meanwhile.

        Inside a transaction it is that transaction's state.

        Raises:
            RuntimeError: Something is written inside.
        """
        if self._connection is not None or self._view is not None:
            yield
            return
        options: dict[str, Any] = {"read_only": True}
        if self._engine.dialect.name != "sqlite":  # there a view holds for a statement alone
            options["isolation_level"] = "REPEATABLE READ"
        with self._engine.connect().execution_options(**options) as connection:
            self._view = connection
            try:
                yield
            finally:
                self._view = None

    def leave_log(self) -> None:
        """Leave it to another connection's `checkpoint` to copy SQLite's log into the catalog.

        What is committed is durable in the log, and read from there. One of 64 MB is copied by the
        commit that fills it all the same.
        """
        if self._has_log:
            event.listen(self._engine, "connect", _leave_log)
            self._engine.dispose()  # whatever was connected connects anew

    def checkpoint(self) -> None:
        """Copy what SQLite's log holds into the catalog, beside readers and a writer.

        Raises:
            OperationalError: The disk is full, or fails; nothing is lost.
        """
        if self._has_log:
            with contextlib.closing(self._engine.raw_connection()) as connection:
                connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")

    @property
    def _has_log(self) -> bool:
        url = self._engine.url
        return url.get_backend_name() == "sqlite" and bool(url.database)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open: what is written now is not durable yet."""
        return self._connection is not None

    def after_commit(self, act: Callable[[], None]) -> None:
        """Do something once the open transaction is durable; never when it fails."""
        if self._connection is None:
            raise RuntimeError("after_commit needs an open transaction")
        self._after.append(act)

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert rows; one that is there already is an error."""
        if rows:
            self._write_many(table, rows, repeated=False)

    def insert_absent(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert those rows whose key is not there yet; the others stay as they are."""
        if rows:
            self._write_many(table, rows, repeated=True)

    def upsert(self, table: Table, row: Mapping[str, Any]) -> None:
        """Insert a row, or replace the one with its primary key."""
        keys = [column.name for column in table.primary_key]
        changed = {name: value for name, value in row.items() if name not in keys}
        with self.transaction(savepoint=False) as connection:
            statement = _insert(self._engine.dialect, table).values(**row)
            connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changed))

    def _write_many(
        self, table: Table, rows: Sequence[Mapping[str, Any]], *, repeated: bool
    ) -> None:
        """Hand rows to the driver as they are: it takes the text, numbers and bytes of any table.

        SQLAlchemy would look at each value of each row first, which takes longer than to write it.
        """
        text, order = _insertion(self._engine.dialect, table, tuple(rows[0]), repeated)
        given: Any = rows
        if order is not None:
            given = [tuple([row[name] for name in order]) for row in rows]
        with self.transaction(savepoint=False) as connection:
            connection.exec_driver_sql(text, given)

    def _prepare(self) -> None:
        # Read first: to look at a workspace nobody waits for a writer's long transaction.
        with self.reading() as connection:
            found = _version(connection)
        if found is None:
            with self.transaction() as connection:
                found = _version(connection)
                if found is None:
                    schema.metadata.create_all(connection)
                    connection.execute(
                        insert(schema.meta),
                        [
                            {"name": "schema", "value": str(schema.VERSION)},
                            {"name": "journal", "value": f"0 {GENESIS}"},
                        ],
                    )
                    return
        if int(found) > schema.VERSION:
            raise UserError(
                f"this workspace has schema version {found}, and this twoloops understands "
                f"versions up to {schema.VERSION}: upgrade twoloops"
            )
        if int(found) < schema.VERSION:
            self._upgrade()

    def _upgrade(self) -> None:
        """Bring a catalog of an earlier version up to date: versions so far only added tables."""
        with self.transaction() as connection:
            schema.metadata.create_all(connection)
            connection.execute(
                update(schema.meta)
                .where(schema.meta.c.name == "schema")
                .values(value=str(schema.VERSION))
            )


def _insert(dialect: Dialect, table: Table) -> sqlite.Insert | postgresql.Insert:
    return postgresql.insert(table) if dialect.name == "postgresql" else sqlite.insert(table)


@lru_cache(maxsize=256)
def _insertion(
    dialect: Dialect, table: Table, columns: tuple[str, ...], repeated: bool
) -> tuple[str, Sequence[str] | None]:
    """Return the statement that inserts a row, and in which order; `None`: its columns by name."""
    statement = _insert(dialect, table)
    if repeated:
        statement = statement.on_conflict_do_nothing()
    compiled = statement.compile(dialect=dialect, column_keys=list(columns))
    return compiled.string, compiled.positiontup


def _version(connection: Connection) -> str | None:
    """Return the schema's version; `None` where nothing was made yet."""
    if not inspect(connection).has_table(schema.meta.name):
        return None
    found = connection.scalar(select(schema.meta.c.value).where(schema.meta.c.name == "schema"))
    return str(found or 0)


def _engine(url: str | URL) -> Engine:
    if url == "sqlite://":
        # One connection, or every checkout would see another empty catalog.
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: Any, _record: Any) -> None:
    # The driver would otherwise begin transactions late and leave schema changes outside them.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _leave_log(connection: Any, _record: Any) -> None:
    connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")


def _begin(connection: Connection) -> None:
    # A writer takes the lock at once: a read turned into a write could fail half way.
    reads = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

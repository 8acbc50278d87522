"""Vintages: what was fetched from a publisher at one time, kept side by side, never changed.

    SHELF/PUBLISHER/TIME-RANDOM/
        vintage.json         the record `Vintage`
        TABLE.csv            rows of one table, written as the packaged ones are
        raw/FILE.gz          each file as it came, compressed
        SHA256SUMS           digests of all of these, for `sha256sum --check`

A `View` reads tables as they stood at one time: the packaged rows, with those of each publisher's
newest vintage in their place or beside them. What the packaged tables know better (because the
release is newer than the vintage) stays.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from twoloops.atlas.tables import Source, parse, sources, table
from twoloops.records.errors import UserError

FORMAT = 1
RECORD, SUMS, RAW = "vintage.json", "SHA256SUMS", "raw"
PARTIAL = ".partial-"
PACKAGED = "packaged"
NEWEST = "newest"

Row = TypeVar("Row", bound=msgspec.Struct)


class RawFile(msgspec.Struct, frozen=True):
    """A file as the publisher sent it.

    Args:
        name: Below `raw/`, without `.gz`.
        url: Where it was read.
        sha256: Of its bytes before compression, hexadecimal.
        size: Bytes before compression.
    """

    name: str
    url: str
    sha256: str
    size: int


class TableFile(msgspec.Struct, frozen=True):
    """A table that was read out of the files.

    Args:
        name: As the packaged one is named.
        rows: How many it has.
        sha256: Of its CSV file, hexadecimal.
        replaces: Beginning of the ids of the sources whose packaged rows it stands in for; empty
            where it stands beside them.
    """

    name: str
    rows: int
    sha256: str
    replaces: str


class Vintage(msgspec.Struct, frozen=True):
    """What one publisher's data was at one time.

    Args:
        publisher: The publisher's short name.
        fetched: When, in UTC.
        source: Who published it, when, under which licence.
        files: As they came.
        tables: What was read out of them.
        notes: What a reader should know.
        format: Of this record.
    """

    publisher: str
    fetched: datetime
    source: Source
    files: tuple[RawFile, ...]
    tables: tuple[TableFile, ...]
    notes: tuple[str, ...] = ()
    format: int = FORMAT

    @property
    def day(self) -> str:
        """The ISO date of fetching, in UTC."""
        return self.fetched.astimezone(UTC).date().isoformat()


class Kept(NamedTuple):
    """A vintage and the folder it is kept in."""

    vintage: Vintage
    folder: Path

    def rows(self, name: str, kind: type[Row]) -> tuple[Row, ...]:
        """Return the rows of one of its tables, none where it has no such table.

        Raises:
            UserError: The file is not the one that was written, or no longer fits its type.
        """
        held = next((one for one in self.vintage.tables if one.name == name), None)
        if held is None:
            return ()
        path = self.folder / f"{name}.csv"
        try:
            data = path.read_bytes()
        except OSError as error:
            raise UserError(_damaged(path, error.strerror or "unreadable")) from None
        if (got := hashlib.sha256(data).hexdigest()) != held.sha256:
            raise UserError(_damaged(path, f"it has sha256 {got}, {held.sha256} was written"))
        return parse(data.decode(), kind, str(path))


class Reading(NamedTuple):
    """The vintages a table was read from; none of them where it is the packaged one."""

    table: str
    vintages: tuple[Vintage, ...]

    @property
    def date(self) -> str:
        """The day of the newest vintage, or `packaged`."""
        return max((one.day for one in self.vintages), default=PACKAGED)


class View:
    """The tables as they stood at one time.

    Args:
        kept: At most one vintage of each publisher.
        label: What was asked for: `newest`, `packaged` or an ISO date.
    """

    def __init__(self, kept: Iterable[Kept] = (), label: str = PACKAGED) -> None:
        self.kept = tuple(sorted(kept, key=lambda one: one.vintage.publisher))
        self.label = label

    def read(self, name: str, kind: type[Row]) -> tuple[tuple[Row, ...], Reading]:
        """Return the rows of a table, and the vintages they come from.

        Packaged rows come first; a publisher's rows stand in for the packaged ones of the same
        publisher unless those were published after it was fetched.

        Raises:
            UserError: A vintage is damaged, or there is no such table at all.
        """
        held = [(one, part) for one in self.kept for part in one.vintage.tables]
        held = [(one, part) for one, part in held if part.name == name]
        try:
            rows = list(table(name, kind))
        except FileNotFoundError:
            if not held:
                raise UserError(
                    f"the table {name!r} is fetched, not packaged: run  twoloops exhibits refresh"
                ) from None
            rows = []
        used = []
        for one, part in held:
            replaced = [row for row in rows if _of(row, part.replaces)]
            if any(_published(row) > one.vintage.day for row in replaced):
                continue
            rows = [row for row in rows if not _of(row, part.replaces)]
            rows += one.rows(name, kind)
            used.append(one.vintage)
        return tuple(rows), Reading(name, tuple(used))

    def rows(self, name: str, kind: type[Row]) -> tuple[Row, ...]:
        """Return the rows of a table; see `read`."""
        return self.read(name, kind)[0]

    def sources(self) -> dict[str, Source]:
        """Return the packaged sources and those of the vintages, by id."""
        return sources() | {one.vintage.source.id: one.vintage.source for one in self.kept}


def vintages(shelf: Path, publisher: str | None = None) -> tuple[Kept, ...]:
    """Return all vintages that are whole, of one publisher or of all, the oldest first.

    Raises:
        UserError: A folder holds no record of a vintage, or one of a newer release.
    """
    pattern = f"{publisher or '*'}/*/"
    folders = [path for path in shelf.glob(pattern) if not path.name.startswith(".")]
    kept = [Kept(_record(folder), folder) for folder in folders if folder.is_dir()]
    return tuple(sorted(kept, key=lambda one: (one.vintage.fetched, one.folder.name)))


def view(shelf: Path, when: str = NEWEST) -> View:
    """Return the tables as they stood.

    Args:
        shelf: Where the vintages are kept; need not exist.
        when: `newest`, `packaged`, or an ISO date: of each publisher the last vintage fetched
            until the end of that day (UTC).

    Raises:
        UserError: `when` is none of these, no vintage is as old as that, or one is damaged.
    """
    if when == PACKAGED:
        return View()
    kept = vintages(shelf)
    if when != NEWEST:
        try:
            day = date.fromisoformat(when).isoformat()
        except ValueError:
            raise UserError(
                f"{when!r} is no vintage: name a date such as 2026-11-23, 'newest' or 'packaged'"
            ) from None
        known = sorted({one.vintage.day for one in kept})
        kept = tuple(one for one in kept if one.vintage.day <= day)
        if not kept:
            there = f"the first one is of {known[0]}" if known else "none has been fetched yet"
            raise UserError(
                f"there is no vintage of {when} or before ({there}): name a later date, or "
                "'packaged' for the tables of this release"
            )
    # The oldest come first, so that the last of each publisher stays.
    last = {one.vintage.publisher: one for one in kept}
    return View(last.values(), when)


def age(vintage: Vintage, now: datetime) -> str:
    """Return how long ago a vintage was fetched, in words.

    >>> source = Source("a-1", "A", "", "", "2026", "MIT", "file")
    >>> old = Vintage("a", datetime(2026, 11, 1, 12, tzinfo=UTC), source, (), ())
    >>> age(old, datetime(2026, 11, 23, 12, tzinfo=UTC)), age(old, old.fetched)
    ('22 days', 'less than an hour')
    """
    hours = int((now - vintage.fetched).total_seconds() // 3600)
    if hours < 1:
        return "less than an hour"
    count, unit = (hours, "hour") if hours < 48 else (hours // 24, "day")
    return f"{count} {unit}{'' if count == 1 else 's'}"


def unchanged(kept: Kept, digests: Mapping[str, str]) -> bool:
    """Say whether a vintage holds the same files, given their digests by name."""
    return {one.name: one.sha256 for one in kept.vintage.files} == dict(digests)


def _record(folder: Path) -> Vintage:
    path = folder / RECORD
    try:
        record = msgspec.json.decode(path.read_bytes(), type=Vintage)
    except OSError as error:
        raise UserError(_damaged(path, error.strerror or "unreadable")) from None
    except msgspec.MsgspecError as error:
        raise UserError(_damaged(path, str(error))) from None
    if record.format > FORMAT:
        raise UserError(
            f"{path} is of format {record.format}, this release reads {FORMAT}: update twoloops, "
            f"or delete the folder {folder}"
        )
    return record


def _damaged(path: Path, why: str) -> str:
    folder = path.parent
    return (
        f"the vintage in {folder} is damaged ({path.name}: {why}): delete that folder and run  "
        "twoloops exhibits refresh"
    )


def _of(row: msgspec.Struct, beginning: str) -> bool:
    """Say whether a row's source begins so; nothing begins with nothing."""
    return bool(beginning) and str(getattr(row, "source", "")).startswith(beginning)


def _published(row: msgspec.Struct) -> str:
    """Return when a packaged row's source was published; a month or a year begins with it."""
    source = sources().get(str(getattr(row, "source", "")))
    return "" if source is None else source.published

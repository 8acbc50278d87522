"""Keeps what was fetched as a new vintage: all of it or nothing, and nothing is overwritten.

A vintage is written into a folder that readers pass over, flushed to the disk, and renamed. A
process that dies on the way leaves such a folder behind; a later one clears it away.
"""

import contextlib
import csv
import gzip
import hashlib
import io
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from twoloops.atlas.publishers.port import Pulled
from twoloops.atlas.vintages import (
    PARTIAL,
    RAW,
    RECORD,
    SUMS,
    Kept,
    RawFile,
    TableFile,
    Vintage,
    unchanged,
    vintages,
)
from twoloops.edge.files import sync_folder

LEFT_BEHIND = 24 * 3600
"""Seconds after which an unfinished folder belongs to no living process."""


def written(rows: Sequence[msgspec.Struct]) -> str:
    """Return rows as CSV text; `parse(written(rows)) == rows` for the types of the tables.

    Args:
        rows: Of one type; there is at least one.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows[0].__struct_fields__)
    writer.writerows([_cell(value) for value in msgspec.structs.astuple(row)] for row in rows)
    return out.getvalue()


def keep(shelf: Path, publisher: str, pulled: Pulled, now: datetime) -> tuple[Kept, bool]:
    """Keep what was pulled from a publisher.

    Args:
        shelf: Where the vintages are kept; made when missing.
        publisher: The publisher's short name.
        pulled: Everything read from it.
        now: In UTC.

    Returns:
        The vintage, and whether it is new: where the publisher's newest one holds the very same
        files, that one is returned and nothing is written.

    Raises:
        OSError: It cannot be written there.
    """
    digests = {one.name: hashlib.sha256(one.body).hexdigest() for one in pulled.files}
    before = vintages(shelf, publisher)
    if before and unchanged(before[-1], digests):
        return before[-1], False
    place = shelf / publisher
    place.mkdir(parents=True, exist_ok=True)
    _clear(place)
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=place))
    partial.chmod(0o755)  # as other folders: a cache may be shared
    try:
        vintage = _fill(partial, publisher, pulled, now)
        # The folder's own random part keeps two vintages of one second apart.
        unique = partial.name.removeprefix(PARTIAL)
        folder = place / f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{unique}"
        os.rename(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    _sync(place)
    return Kept(vintage, folder), True


def _fill(folder: Path, publisher: str, pulled: Pulled, now: datetime) -> Vintage:
    """Write everything of a vintage into a folder and flush it."""
    sums: dict[str, str] = {}

    def put(name: str, data: bytes) -> str:
        sums[name] = hashlib.sha256(data).hexdigest()
        _write(folder / name, data)
        return sums[name]

    (folder / RAW).mkdir()
    files = []
    for one in pulled.files:
        # Without a time inside, the same bytes always give the same file.
        put(f"{RAW}/{one.name}.gz", gzip.compress(one.body, 6, mtime=0))
        digest = hashlib.sha256(one.body).hexdigest()
        files.append(RawFile(one.name, one.url, digest, len(one.body)))
    tables = []
    for part in pulled.tables:
        if part.rows:
            digest = put(f"{part.name}.csv", written(part.rows).encode())
            tables.append(TableFile(part.name, len(part.rows), digest, part.replaces))
    vintage = Vintage(publisher, now, pulled.source, tuple(files), tuple(tables), pulled.notes)
    put(RECORD, msgspec.json.format(msgspec.json.encode(vintage)))
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items()))
    _write(folder / SUMS, lines.encode())
    _sync(folder / RAW)
    _sync(folder)
    return vintage


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o444)


def _sync(folder: Path) -> None:
    """Flush a folder's list of names; one that cannot be opened is left as it is."""
    with contextlib.suppress(PermissionError):
        sync_folder(folder)


def _clear(place: Path) -> None:
    """Remove what processes that died long ago left unfinished."""
    for folder in place.glob(f"{PARTIAL}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > LEFT_BEHIND:
                shutil.rmtree(folder, ignore_errors=True)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value

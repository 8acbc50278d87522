"""What was pulled and is still here: a folder a revision, beside it a record of its files."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from twoloops.digital.upstream.hub_files import Wanted
from twoloops.digital.upstream.port import Pulled, PulledFile
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError

SHORTEST = 7
"""Digits of a commit that name it."""


def record_of(folder: Path) -> Path:
    """Return the path of a folder's record."""
    return folder.with_name(f"{folder.name}.json")


def is_whole(folder: Path) -> bool:
    """Whether everything of a revision arrived: the record is written last."""
    return record_of(folder).is_file()


def revisions(place: Path) -> tuple[str, ...]:
    """Return the revisions of a repository that are here."""
    if not place.is_dir():
        return ()
    return tuple(sorted(one.name for one in place.iterdir() if one.is_dir() and is_whole(one)))


def at(place: Path, revision: str) -> Path | None:
    """Return the folder of a commit, given by seven or more of its digits, if it is here."""
    found = [name for name in revisions(place) if name.startswith(revision.lower())]
    return place / found[0] if len(found) == 1 and len(revision) >= SHORTEST else None


def read(folder: Path) -> Pulled:
    """Return the record of a folder, its files checked against it.

    Raises:
        UserError: A file is not what was pulled.
    """
    path = record_of(folder)
    try:
        record = msgspec.json.decode(path.read_bytes(), type=Pulled)
    except msgspec.MsgspecError as error:
        raise UserError(f"{path} is damaged ({error}): delete {folder} and run again") from error
    for one in record.files:
        there = folder / one.path
        if not there.is_file() or digest_bytes(there.read_bytes()) != one.digest:
            state = "changed since it was pulled" if there.is_file() else "is missing"
            raise UserError(f"{there} {state}: delete {path} and run again")
    return record


def write(folder: Path, record: Pulled) -> None:
    """Write the record, at once or not at all."""
    data = msgspec.json.format(msgspec.json.encode(record, order="deterministic"))
    handle, name = tempfile.mkstemp(prefix=".", dir=folder.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(name, record_of(folder))


def unchanged(record: Pulled, wanted: Iterable[Wanted], source: str, folder: Path) -> None:
    """Refuse a revision that upstream now describes otherwise than when it was pulled.

    Raises:
        UserError: A file of the same revision has another digest.
    """
    stated = {one.path: one.stated for one in wanted}
    for one in record.files:
        now = stated.get(one.path, one.upstream)
        if one.upstream is not None and now is not None and now != one.upstream:
            raise UserError(
                f"{one.path} of {source} changed under the same revision: pulled was "
                f"{one.upstream}, upstream now states {now}. A commit cannot change; ask its "
                f"publisher. What was pulled is kept in {folder}"
            )


def merged(before: Pulled | None, files: list[PulledFile]) -> tuple[PulledFile, ...]:
    """Return the files of two pulls of one revision."""
    found = {one.path: one for one in (before.files if before else ())}
    found.update({one.path: one for one in files})
    return tuple(found[path] for path in sorted(found))

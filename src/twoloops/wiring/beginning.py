"""Begin a workspace: empty, or from what a replay has learned."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec

from twoloops.analysis.overview.facts import Measured
from twoloops.convergence.replays.outcome import ReplayResult
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.task import Task
from twoloops.store.lock import workspace_lock
from twoloops.store.workspace import BLOBS, CATALOG, Store
from twoloops.wiring import replay
from twoloops.wiring.workspace import OnWait, command_line, now, writing

MEASURED = "measured by a replay"
"""Evidence: what the replay that a workspace began from measured, kept with turn -1."""


def begin(folder: Path, *, wait: float = 10.0, on_wait: OnWait | None = None) -> None:
    """Make an empty workspace.

    Raises:
        UserError: There is one already, or the folder cannot be made.
    """
    _refuse_existing(folder)
    with writing(folder, create=True, wait=wait, on_wait=on_wait):
        pass


def begin_from_replay(
    folder: Path, source: Path, *, wait: float = 10.0, on_wait: OnWait | None = None
) -> Task:
    """Make a workspace that goes on where a replay ended; the replay stays as it is.

    Killed in between, no workspace is there, and the same call makes it.

    Raises:
        UserError: There is a workspace already, or the source holds no complete replay.
    """
    _refuse_existing(folder)
    store = source / replay.STORE
    result = source / replay.RESULT
    if not (store / CATALOG).is_file() or not result.is_file():
        raise UserError(
            f"{source} holds no complete replay (it has no {replay.RESULT}): run  twoloops replay "
            f"to its end first, with  --out {source}"
        )
    _make(folder)
    with (
        workspace_lock(store, command_line(), now(), wait=wait, on_wait=on_wait),
        workspace_lock(folder, command_line(), now(), wait=wait, on_wait=on_wait),
    ):
        if (store / BLOBS).is_dir():
            shutil.copytree(store / BLOBS, folder / BLOBS, dirs_exist_ok=True)
        partial = folder / f".{CATALOG}.part"
        partial.unlink(missing_ok=True)
        # SQLite's own copy: the write-ahead log is part of what it copies.
        with (
            closing(sqlite3.connect(store / CATALOG)) as old,
            closing(sqlite3.connect(partial)) as new,
        ):
            old.backup(new)
            new.execute("PRAGMA journal_mode = DELETE")
        # The catalog comes last: a folder that has one is a whole workspace.
        partial.replace(folder / CATALOG)
        with Store.open(folder, create=False) as made:
            (task,) = made.tasks.all()
            told = result.read_bytes()
            measured = _measured(told)
            with made.transaction():
                if measured is not None:
                    made.evidence.put(task.name, MEASURED, -1, measured)
                made.journal.append(
                    "workspace begun",
                    task=task.name,
                    turn=-1,
                    key="workspace begun",
                    at=now(),
                    body={"replay": digest_bytes(told)},
                )
    return task


def _measured(told: bytes) -> Measured | None:
    """Return what a replay measured; `None` where another version wrote it differently."""
    try:
        result = msgspec.json.decode(told, type=ReplayResult)
    except msgspec.MsgspecError:
        return None
    return Measured(
        source=result.source,
        seeds=len(result.seeds),
        turns=len(result.turns),
        loops=result.loops,
        loops_without_gate=result.loops_without_gate,
        version=result.version,
    )


def _refuse_existing(folder: Path) -> None:
    if (folder / CATALOG).is_file():
        raise UserError(f"{folder} is a workspace already: see  twoloops status -w {folder}")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"cannot make the workspace {folder}: {error.strerror}; choose a folder you may "
            "write to"
        ) from error

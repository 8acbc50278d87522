"""The workspace's lock: one writer at a time, across processes.

The operating system holds it and lets go of it when the holder dies, however it dies; the file's
text only says who holds it.
"""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from twoloops.records.errors import UserError

NAME = "workspace.lock"
_POLL = 0.05  # seconds between two tries


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lock, and since when."""

    pid: int
    host: str
    command: str
    since: datetime


class InUseError(UserError):
    """Another holds the lock."""


@contextlib.contextmanager
def workspace_lock(
    folder: Path,
    command: str,
    since: datetime,
    *,
    wait: float = 10.0,
    on_wait: Callable[[Holder | None], None] | None = None,
) -> Iterator[None]:
    """Hold the lock of a workspace.

    Args:
        folder: The workspace.
        command: What holds it, for the others: `twoloops turn excavators`.
        since: Now, in UTC.
        wait: Seconds to wait for another holder.
        on_wait: Called once, with the holder as far as it is known, before waiting.

    Raises:
        InUseError: If another still holds it when the time is over.
        UserError: If locks do not work there.
    """
    path = folder / NAME
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UserError(
            f"cannot lock {folder}: {error.strerror}; choose a workspace you may write to"
        ) from error
    try:
        _acquire(handle, path, wait, on_wait)
        try:
            _write(handle, Holder(os.getpid(), socket.gethostname(), command, since))
            yield
        finally:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, 0)
            _unlock(handle)
    finally:
        os.close(handle)


def holder(folder: Path) -> Holder | None:
    """Return who wrote the lock's file last; after a crash that process may be gone."""
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=Holder)
    except (OSError, msgspec.MsgspecError):
        return None


def free(folder: Path) -> bool:
    """Say whether nobody holds the lock right now."""
    path = folder / NAME
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return True
    try:
        if not _try_lock(handle, path):
            return False
        _unlock(handle)
        return True
    finally:
        os.close(handle)


def _acquire(
    handle: int, path: Path, wait: float, on_wait: Callable[[Holder | None], None] | None
) -> None:
    deadline = time.monotonic() + wait
    told = False
    while not _try_lock(handle, path):
        other = holder(path.parent)
        if time.monotonic() >= deadline:
            raise InUseError(_in_use(path.parent, other, wait))
        if on_wait is not None and not told:
            on_wait(other)
            told = True
        time.sleep(min(_POLL, max(0.0, deadline - time.monotonic())))


def _in_use(folder: Path, other: Holder | None, wait: float) -> str:
    if other is None:
        who = "another process"
    else:
        since = other.since.isoformat(sep=" ", timespec="seconds")
        who = f"{other.command!r} (process {other.pid} on {other.host}, since {since})"
    return (
        f"{folder} is in use by {who}; waited {wait:g} s: try again when it has ended, or end it "
        "(nothing is lost, it goes on where it was)"
    )


def _write(handle: int, who: Holder) -> None:
    # The text is for the others; on a full disk the lock is held without it.
    with contextlib.suppress(OSError):
        os.ftruncate(handle, 0)
        os.lseek(handle, 0, os.SEEK_SET)
        os.write(handle, msgspec.json.encode(who))


if sys.platform == "win32":
    import msvcrt

    _BYTE = 1 << 30  # far behind the text: a locked byte cannot be read by others there

    def _try_lock(handle: int, path: Path) -> bool:
        os.lseek(handle, _BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(handle: int) -> None:
        os.lseek(handle, _BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(handle: int, path: Path) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            raise UserError(
                f"cannot lock {path}: {error.strerror}; put the workspace on a local disk"
            ) from error
        return True

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)

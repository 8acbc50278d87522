"""One at a time: updates among themselves, and whoever replaces the pointer, for moments only."""

import contextlib
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from twoloops.records.errors import TransientError, UserError

POINTER, UPDATE = "pointer.lock", "update.lock"
WAIT = 5.0
"""Seconds to wait for another holder."""

_threads: defaultdict[Path, threading.RLock] = defaultdict(threading.RLock)
_depth: defaultdict[Path, int] = defaultdict(int)


@contextlib.contextmanager
def alone(folder: Path, name: str = POINTER, wait: float = WAIT) -> Iterator[None]:
    """Hold a device's releases; the operating system lets go of them when the process dies.

    Held again by the same thread, it is held on.

    Args:
        folder: Of the device's releases.
        name: What is held: `POINTER` for moments, `UPDATE` for as long as an update takes.
        wait: Seconds to wait for another holder.

    Raises:
        UserError: There is no such folder.
        TransientError: Another one keeps them for too long.
    """
    path = folder.absolute() / name
    thread = _threads[path]
    if not thread.acquire(timeout=wait):
        raise TransientError(f"another update of {folder} is at work")
    try:
        with contextlib.ExitStack() as stack:
            if not _depth[path]:
                stack.callback(os.close, _locked(path, folder, wait))  # lets go of it, too
            _depth[path] += 1
            try:
                yield
            finally:
                _depth[path] -= 1
    finally:
        thread.release()


def _locked(path: Path, folder: Path, wait: float) -> int:
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be used ({error.strerror}): enrol the device with  twoloops edge "
            "enrol SERVER --token TOKEN --task NAME --root-digest DIGEST"
        ) from error
    try:
        _wait(handle, folder, wait)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _wait(handle: int, folder: Path, wait: float) -> None:
    until = time.monotonic() + wait
    while not _try(handle):
        if time.monotonic() > until:
            raise TransientError(f"another update of {folder} is at work")
        time.sleep(0.02)


if sys.platform == "win32":
    import msvcrt

    def _try(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

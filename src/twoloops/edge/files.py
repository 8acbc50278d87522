"""Files that survive a power cut whole: written elsewhere, synced, renamed, folder synced."""

import os
from pathlib import Path

from twoloops.records.errors import TransientError


def write(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file so that a reader, also after a power cut, sees the old one or the new one.

    Args:
        path: Its name.
        data: What it holds.
        mode: Who may read it; the process's mask is applied.

    Raises:
        TransientError: The disk does not take it; the old file is as it was.
    """
    partial = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)  # of a writer that died: its mode may be another
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
        sync_folder(path.parent)
    except OSError as error:
        raise TransientError(f"cannot write {path}: {error.strerror or error}") from error


def settle(partial: Path, path: Path) -> None:
    """Give a whole file, written elsewhere on the same disk, its name for good.

    Raises:
        TransientError: The disk does not take it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sync_file(partial)
        os.replace(partial, path)
        sync_folder(path.parent)
    except OSError as error:
        raise TransientError(f"cannot write {path}: {error.strerror or error}") from error


def sync_file(path: Path) -> None:
    """Wait until a file's bytes are on the disk."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    if os.name == "nt":  # Windows has no handle on a folder to sync; its renames are journalled
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Write a folder whole or not at all: beside its place first, then renamed into it."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from twoloops.digital.publish.sidecar import (
    CARD,
    EXAMPLE,
    MODEL,
    NOTICE,
    README,
    SIDECAR,
    SIGNATURE,
)
from twoloops.records.errors import UserError

NAMES = {MODEL, CARD, README, EXAMPLE, NOTICE, SIDECAR, SIGNATURE}


def refuse_taken(folder: Path, *, force: bool) -> None:
    """Refuse a folder that cannot be written.

    Raises:
        UserError: It is a file or a link, or not empty and `force` is not given.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UserError(f"{folder} is a file or a link: name a folder")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise UserError(f"{folder} is not empty: name another folder, or replace it with --force")


def write_whole(
    folder: Path,
    files: Mapping[str, bytes],
    *,
    force: bool = False,
    finish: Callable[[Path], object] | None = None,
) -> None:
    """Write a folder's files atomically.

    With `force` a folder is replaced as a whole, so only one that holds nothing but such files
    (by name) is: nobody loses a file of theirs.

    Args:
        folder: Where they shall lie.
        files: Contents by name.
        force: Whether to replace an earlier folder.
        finish: Called with the folder before it is put in its place.

    Raises:
        UserError: The folder is taken or cannot be written.
    """
    refuse_taken(folder, force=force)
    folder = folder.absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    except OSError as error:
        raise _cannot(folder, error) from error
    try:
        for name, data in files.items():
            with (made / name).open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        if finish is not None:
            finish(made)
        made.chmod(0o755)
        _put(made, folder)
    except OSError as error:
        raise _cannot(folder, error) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _put(made: Path, folder: Path) -> None:
    """Rename into place; an earlier folder is moved aside first and then removed."""
    if not folder.exists() or not any(folder.iterdir()):
        made.replace(folder)  # POSIX renames a folder over an empty one
        return
    others = sorted(one.name for one in folder.iterdir() if one.name not in NAMES)
    if others:
        raise UserError(
            f"{folder} holds other files too ({', '.join(others[:5])}): --force replaces a "
            "published folder as a whole and removes nothing else; name another folder"
        )
    aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    folder.replace(aside)
    try:
        made.replace(folder)
    except OSError:
        aside.replace(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _cannot(folder: Path, error: OSError) -> UserError:
    return UserError(f"cannot write to {folder}: {error.strerror}; name a folder you may write to")

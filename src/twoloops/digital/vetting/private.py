"""A private copy: what is looked at, and later loaded, can neither change nor lead elsewhere.

Links are not followed, and a path is opened relative to the folder it was listed in, so that
nothing put in its place meanwhile is read. The digest is that of the bytes that were copied.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from twoloops.digital.vetting.book import Book, shown
from twoloops.digital.vetting.kinds import HEAD, kind_of
from twoloops.records.finding import PinnedFile

CHECK = "files"
CHUNK = 1 << 20
FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
SKIPPED = {".git", "__pycache__"}
"""Folders that no loader reads: they are neither copied nor looked at, and that is said."""


class Copy:
    """The copy and the list of what is in it.

    Args:
        folder: An empty folder that nobody else can write to.
        book: Where findings go.
        installed: An installed package: installers link files from their own cache, so a second
            name of a file says nothing there.
    """

    def __init__(self, folder: Path, book: Book, *, installed: bool = False) -> None:
        self.folder = folder
        self.files: dict[str, PinnedFile] = {}
        self._book = book
        self._installed = installed
        self._total = 0

    def path(self, file: str) -> Path:
        """Return where the copy of a file is."""
        return self.folder / file

    def take_folder(self, root: Path) -> None:
        """Copy all regular files below a folder."""
        limits, entries = self._book.limits, 0
        for where, folders, names, handle in os.fwalk(root, onerror=_stop, follow_symlinks=False):
            below = Path(where).relative_to(root)
            for name in sorted(folders):
                self._folder(handle, folders, name, below)
            folders.sort()
            entries += len(names) + len(folders)
            if entries > limits.files or len(below.parts) >= limits.depth:
                self._book.refuse(
                    CHECK,
                    below.as_posix(),
                    "",
                    f"more than {limits.files:,} files or {limits.depth} folders in one another",
                    "a folder that holds one model",
                )
                return
            for name in sorted(names):
                self.take(handle, name, (below / name).as_posix())

    def take_file(self, root: Path, file: str) -> bool:
        """Copy one file by its path below `root`, no part of which may be a link.

        Returns:
            Whether it was there and was copied.
        """
        parts = file.split("/")
        handle = os.open(root, FLAGS | os.O_DIRECTORY)
        try:
            for part in parts[:-1]:
                inner = os.open(part, FLAGS | os.O_DIRECTORY, dir_fd=handle)
                os.close(handle)
                handle = inner
            return self.take(handle, parts[-1], file)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            self._book.refuse(CHECK, file, "", f"cannot be opened: {error.strerror}", "no links")
            return False
        finally:
            os.close(handle)

    def take(self, handle: int, name: str, file: str) -> bool:
        """Copy one name of an open folder; whether it was a regular file within the caps."""
        book = self._book
        printable = name.isprintable() and "\\" not in name
        if not printable:
            book.refuse(CHECK, ascii(file)[1:-1], "", "a name with odd characters", "plain names")
            return False
        try:
            found = os.stat(name, dir_fd=handle, follow_symlinks=False)
        except FileNotFoundError:
            return False
        if stat.S_ISLNK(found.st_mode):
            target = shown(os.readlink(name, dir_fd=handle))
            book.refuse(
                CHECK, file, "", f"a symbolic link to {target}", "files themselves: cp -rL FROM TO"
            )
            return False
        if not stat.S_ISREG(found.st_mode):
            book.refuse(CHECK, file, "", "a device, pipe or socket", "regular files")
            return False
        if found.st_nlink > 1 and not self._installed:
            book.refuse(
                CHECK,
                file,
                "",
                f"{found.st_nlink} names for one file (hard links), the others unknown",
                "files of their own: cp -r FROM TO",
            )
            return False
        limits = book.limits
        if found.st_size > limits.file_bytes or found.st_size > limits.total_bytes - self._total:
            book.refuse(
                CHECK,
                file,
                "",
                f"{found.st_size:,} bytes",
                f"up to {limits.file_bytes:,} a file and {limits.total_bytes:,} in all",
            )
            return False
        self._copy(handle, name, file, found.st_size)
        return True

    def _folder(self, handle: int, folders: list[str], name: str, below: Path) -> None:
        """Keep one folder out of the walk if it is a link or one that no loader reads."""
        mode = os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode
        file = (below / name).as_posix()
        if stat.S_ISLNK(mode):
            folders.remove(name)
            self.take(handle, name, file)
        elif name in SKIPPED:
            folders.remove(name)
            self._book.note(CHECK, ascii(file)[1:-1], "", "not copied and not looked at")

    def _copy(self, handle: int, name: str, file: str, size: int) -> None:
        """Copy and hash the bytes; a file that grows meanwhile is cut at its first size."""
        made = self.folder / file
        made.parent.mkdir(parents=True, exist_ok=True)
        hashed, head, left = hashlib.sha256(), b"", size
        source = os.open(name, FLAGS, dir_fd=handle)
        with os.fdopen(source, "rb", buffering=0) as read, made.open("xb", buffering=0) as write:
            while left and (data := read.read(min(CHUNK, left))):
                head = head or data[:HEAD]
                hashed.update(data)
                write.write(data)
                left -= len(data)
        made.chmod(0o400)
        taken = size - left
        self._total += taken
        digest = f"sha256:{hashed.hexdigest()}"
        self.files[file] = PinnedFile(file, taken, digest, kind_of(file, head))


def _stop(error: OSError) -> None:
    """A folder that cannot be listed is not passed over in silence."""
    raise error


def of_kind(files: dict[str, PinnedFile], *kinds: str) -> Iterator[PinnedFile]:
    """Return the files of some kinds, by path."""
    return (files[path] for path in sorted(files) if files[path].kind in kinds)

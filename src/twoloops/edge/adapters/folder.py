"""Source: a watched folder. A file is taken once it has settled, and once.

A writer should write elsewhere and rename. Who cannot is waited for: a file is settled when size
and time are the same at two looks. Names that begin with a dot or end with `.part` or `.tmp` are
left alone. A file that was taken is moved to `done/`, one that cannot be used to `quarantine/`
with its reason beside. Killed in between, the file's time in the spool says that it was taken.
"""

import contextlib
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

from twoloops.edge.adapters.asked import Asked
from twoloops.edge.adapters.limits import LARGEST, SUFFIXES
from twoloops.edge.files import sync_folder
from twoloops.edge.ports import Line
from twoloops.edge.sources import Arrival
from twoloops.edge.station import PERIOD
from twoloops.records.errors import TransientError, UserError

DONE, QUARANTINE = "done", "quarantine"
GROUP = 32
"""Files decided on together at most."""
GROUP_BYTES = 32 << 20
Look = tuple[int, int]


class FolderSource:
    """Takes the files of a folder.

    Args:
        folder: Watched, without its subfolders.
        every: Seconds between two looks.

    Raises:
        UserError: There is no such folder, or it cannot be written to.
    """

    def __init__(self, folder: Path, *, every: float = 0.5) -> None:
        if not folder.is_dir():
            raise UserError(f"{folder} is no folder: make it, then run again")
        if not os.access(folder, os.W_OK):
            raise UserError(f"{folder} cannot be written to: files that were taken are moved")
        self._folder, self._every = folder, every
        self._seen: dict[str, Look] = {}
        self.trouble = ""

    def run(self, line: Line, stop: threading.Event) -> None:
        """Take files until stopped."""
        while not stop.is_set():
            # What fails now is still there: the next look takes it.
            with contextlib.suppress(TransientError):
                try:
                    self.take(line)
                    self.trouble = ""
                except OSError as error:  # as of a share that is not mounted any more
                    self.trouble = f"the folder {self._folder}: {error.strerror or error}"
            stop.wait(self._every)

    def take(self, line: Line) -> int:
        """Look once, and take what has settled; counts the files.

        Raises:
            TransientError: They cannot be kept now.
        """
        settled = self._settled()
        taken = 0
        while settled:
            group: list[tuple[Path, Look, bytes]] = []
            while settled and len(group) < GROUP and sum(len(g[2]) for g in group) < GROUP_BYTES:
                path, look = settled.pop(0)
                data = self._read(line, path, look)
                if data is not None:
                    group.append((path, look, data))
            self._hand_in(line, group)
            taken += len(group)
        return taken

    def _settled(self) -> list[tuple[Path, Look]]:
        looks: dict[str, Look] = {}
        for entry in os.scandir(self._folder):
            if entry.name.startswith(".") or entry.name.endswith((".part", ".tmp")):
                continue
            if entry.is_file(follow_symlinks=False):
                stat = entry.stat(follow_symlinks=False)
                looks[entry.name] = (stat.st_mtime_ns, stat.st_size)
        before, self._seen = self._seen, looks
        ready = [(look, name) for name, look in looks.items() if before.get(name) == look]
        return [(self._folder / name, look) for look, name in sorted(ready)]

    def _read(self, line: Line, path: Path, look: Look) -> bytes | None:
        """Return a file's bytes; `None` where it is done with already."""
        if line.taken(_mark(path)) == look[0]:  # killed between the commit and the move
            self._done(line, path)
            return None
        kind = line.task.kind
        if path.suffix.lower() not in SUFFIXES[kind]:
            wanted = ", ".join(SUFFIXES[kind])
            self._bad(path, f"a task of kind {kind} takes {wanted}: got {path.suffix!r}")
            return None
        if look[1] > LARGEST[kind]:
            self._bad(path, f"it has {look[1]:,} bytes, and at most {LARGEST[kind]:,} are taken")
            return None
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._bad(path, f"it cannot be read: {error.strerror}")
            return None

    def _hand_in(self, line: Line, group: list[tuple[Path, Look, bytes]]) -> None:
        if not group:
            return
        arrivals = [
            Arrival(data, datetime.fromtimestamp(look[0] / 1e9, UTC), PERIOD)
            for _, look, data in group
        ]
        keys = [path.name for path, _, _ in group]
        tally = line.observe(keys, arrivals, [(_mark(path), look[0]) for path, look, _ in group])
        reasons = dict(tally.quarantined)
        for index, (path, _, _) in enumerate(group):
            if index in reasons:
                self._bad(path, reasons[index])
            else:
                self._done(line, path)

    def _done(self, line: Line, path: Path) -> None:
        self._move(path, DONE)
        line.forget_taken(_mark(path))

    def _bad(self, path: Path, reason: str) -> None:
        moved = self._move(path, QUARANTINE)
        if moved is not None:
            moved.with_name(moved.name + ".reason.txt").write_text(reason + "\n", encoding="utf-8")

    def _move(self, path: Path, name: str) -> Path | None:
        target = self._folder / name
        target.mkdir(exist_ok=True)
        to = target / path.name
        number = 1
        while to.exists():  # a name that came before: both stay
            number += 1
            to = target / f"{path.stem}.{number}{path.suffix}"
        try:
            path.rename(to)
        except FileNotFoundError:
            return None
        sync_folder(target)
        self._seen.pop(path.name, None)
        return to


def _mark(path: Path) -> str:
    return f"folder:{path}"


def source(asked: Asked) -> FolderSource:
    """Return the source of `folder:PATH`."""
    return FolderSource(Path(asked.rest))

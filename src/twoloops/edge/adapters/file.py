"""Source: a file that is replayed: texts by line, JSON or column; windows of one array.

It is taken from where what is durable ends, so a run that was killed goes on, and a second run
hands in nothing.
"""

import csv
import io
import itertools
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from twoloops.edge.adapters.asked import Asked
from twoloops.edge.adapters.handing import AGAIN, Group, hand_in
from twoloops.edge.ports import Line
from twoloops.edge.sources import Arrival
from twoloops.edge.station import PERIOD
from twoloops.records.errors import UserError

GROUP = 32


class FileSource:
    """Replays a file.

    Args:
        path: `.txt` (a text a line), `.csv` (column `text`, and `origin` where there is one),
            `.jsonl` (objects with `text`, and `origin`), or `.npy` of float32
            (windows, channels, samples).
        every: Seconds between two inputs; 0: as fast as they are decided.

    Raises:
        UserError: It is none of these, or not there.
    """

    def __init__(self, path: Path, *, every: float = 0.0) -> None:
        if path.suffix not in (".txt", ".csv", ".jsonl", ".npy"):
            raise UserError(f"a replayed file is .txt, .csv, .jsonl or .npy: got {path.name!r}")
        if not path.is_file():
            raise UserError(f"{path} is no file: name another after  file:")
        self._path, self._every = path, every

    def run(self, line: Line, stop: threading.Event) -> None:
        """Hand in every input behind the last durable one.

        Raises:
            UserError: The file is not of the task's kind, or cannot be read.
        """
        name = f"file:{self._path.resolve()}"
        begin = line.taken(name) or 0
        rows = itertools.islice(enumerate(self._rows(line), 1), begin, None)
        size = 1 if self._every else GROUP
        while group := list(itertools.islice(rows, size)):
            keys = [f"{self._path.name}:{number}" for number, _ in group]
            at = datetime.now(UTC)
            arrivals = [Arrival(data, at, PERIOD, origin) for _, (data, origin) in group]
            marks = [(name, number) for number, _ in group]
            hand_in(line, Group(keys, arrivals, marks), stop, AGAIN)
            if stop.wait(self._every):
                return

    def _rows(self, line: Line) -> Iterator[tuple[bytes, str | None]]:
        kind = "signal" if self._path.suffix == ".npy" else "text"
        if line.task.kind != kind:
            raise UserError(
                f"{self._path} holds inputs of kind {kind}, and the task decides on "
                f"{line.task.kind}"
            )
        try:
            yield from self._windows() if kind == "signal" else self._texts()
        except (OSError, ValueError) as error:
            raise UserError(f"cannot read {self._path}: {error}") from error

    def _texts(self) -> Iterator[tuple[bytes, str | None]]:
        if self._path.suffix == ".txt":  # as bytes: a line that is no UTF-8 must not stop the rest
            with self._path.open("rb") as lines:
                for one in lines:
                    if one.strip():
                        yield one.rstrip(b"\r\n"), None
            return
        with self._path.open(encoding="utf-8", newline="") as file:
            if self._path.suffix == ".jsonl":
                for text in file:
                    row = json.loads(text)
                    yield str(row["text"]).encode(), row.get("origin")
            else:
                for row in csv.DictReader(file):
                    if "text" not in row:
                        raise ValueError("it has no column 'text'")
                    yield str(row["text"]).encode(), row.get("origin") or None

    def _windows(self) -> Iterator[tuple[bytes, str | None]]:
        values = np.load(self._path, mmap_mode="r", allow_pickle=False)
        if values.ndim != 3:
            raise ValueError(f"expected (windows, channels, samples), got shape {values.shape}")
        for window in values:
            file = io.BytesIO()
            np.save(file, np.asarray(window, np.float32))
            yield file.getvalue(), None


def source(asked: Asked) -> FileSource:
    """Return the source of `file:PATH`."""
    return FileSource(Path(asked.rest), every=asked.every)

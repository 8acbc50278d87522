"""Source `csvlog:PATH`: a machine's log, `TIME;MACHINE;TEXT` a line, followed while it grows."""

import threading
from datetime import UTC, datetime
from pathlib import Path

from twoloops.edge.adapters.asked import Asked
from twoloops.edge.ports import Line
from twoloops.edge.sources import Arrival
from twoloops.records.errors import TransientError, UserError

GROUP = 16
LOOK = 0.05


class CsvLog:
    """Hands in each line's text; its mark is the number of the byte behind the line."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise UserError(f"{path} is no file: name another after  csvlog:")
        self._path = path

    def run(self, line: Line, stop: threading.Event) -> None:
        name = f"csvlog:{self._path.resolve()}"
        at: int | None = None
        while not stop.is_set():
            try:
                if at is None:  # at the start, and after a failure: a part of a group may be kept
                    at = line.taken(name) or 0
                ends, arrivals = self._read(at)
                if arrivals:
                    keys = [f"{self._path.name}@{end}" for end in ends]
                    line.observe(keys, arrivals, [(name, end) for end in ends])
                    at = ends[-1]
                    continue
            except TransientError:
                at = None
            stop.wait(LOOK)

    def _read(self, at: int) -> tuple[list[int], list[Arrival]]:
        ends: list[int] = []
        arrivals: list[Arrival] = []
        with self._path.open("rb") as file:
            file.seek(at)
            for row in file:
                if not row.endswith(b"\n") or len(ends) == GROUP:
                    break
                at += len(row)
                when, machine, text = [*row.rstrip(b"\r\n").split(b";", 2), b"", b""][:3]
                try:
                    made = datetime.fromisoformat(when.decode()).astimezone(UTC)
                except ValueError:
                    made = datetime.now(UTC)
                origin = machine.decode(errors="replace") or None
                arrivals.append(Arrival(text, made, "incoming", origin))
                ends.append(at)
        return ends, arrivals


def source(asked: Asked) -> CsvLog:
    return CsvLog(Path(asked.rest))

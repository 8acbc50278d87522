"""Sink: verdicts as lines of JSON in a file."""

import threading
from pathlib import Path

import msgspec

from twoloops.edge.adapters.asked import Asked
from twoloops.edge.ports import Verdict
from twoloops.records.errors import UserError


class JsonLines:
    """Appends a line for each verdict, flushed to the system at once.

    Args:
        path: The file; made if absent.

    Raises:
        UserError: It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("ab")
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}; name another sink") from error
        self._lock = threading.Lock()

    def put(self, verdict: Verdict) -> None:
        """Append one."""
        with self._lock:
            self._file.write(msgspec.json.encode(verdict) + b"\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def sink(asked: Asked) -> JsonLines:
    """Return the sink of `jsonl:PATH`."""
    return JsonLines(Path(asked.rest))

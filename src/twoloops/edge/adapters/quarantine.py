"""A folder for what a source could not use: the bytes and the reason, so many at most."""

from pathlib import Path

from twoloops.records.digests import digest_bytes
from twoloops.records.errors import TransientError

MOST = 1000
"""Inputs that lie there; what comes beyond is counted only."""
REASON = ".reason.txt"


class Quarantine:
    """Keeps what cannot be used.

    Args:
        folder: Made with the first one.
        most: How many lie there at most.
    """

    def __init__(self, folder: Path, most: int = MOST) -> None:
        self._folder, self._most = folder, most
        self.refused = self.left_out = 0
        """All so far, and those of them for which there was no room."""

    def put(self, data: bytes, reason: str) -> None:
        """Keep one; the same bytes again are kept once.

        Raises:
            TransientError: The folder cannot be written now: it is not kept.
        """
        name = digest_bytes(data).replace(":", "-")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if not (self._folder / f"{name}{REASON}").exists():
                if sum(1 for _ in self._folder.glob(f"*{REASON}")) >= self._most:
                    self.left_out += 1
                else:
                    (self._folder / name).write_bytes(data)
                    (self._folder / f"{name}{REASON}").write_text(f"{reason}\n", encoding="utf-8")
        except OSError as error:
            raise TransientError(f"cannot write {self._folder}: {error.strerror}") from error
        self.refused += 1

"""Where an edge gets its releases from: a port, and the plain way over the server's API."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import quote

from twoloops.edge.client import Server
from twoloops.records.digests import Digest, short
from twoloops.records.errors import UserError

LARGEST_MODEL = 1 << 30


class Wanted(NamedTuple):
    """The model an edge is to run: its digest, and the bytes of its file."""

    model: Digest
    size: int


class Fetcher(Protocol):
    """Says which model is to run, and brings it. What it brings is verified.

    Both may raise `TransientError` (later again) or `UserError` (refused, with the reason); the
    edge then goes on with the model it has.
    """

    def wanted(self) -> Wanted | None:
        """Return the model to run; `None` where there is none, or nothing is known."""

    def fetch(self, wanted: Wanted, path: Path) -> None:
        """Write the verified file at a path, durably."""


class PlainFetcher:
    """Trusts the server: a file is taken if it has the digest that the server named.

    Args:
        server: Asked with the edge's token.
        task: The task's name.
        ordered: Returns what the server's last answer to a heartbeat named.
    """

    def __init__(self, server: Server, task: str, ordered: Callable[[], Wanted | None]) -> None:
        self._server, self._task, self._ordered = server, task, ordered

    def wanted(self) -> Wanted | None:
        """Return what the server named last."""
        return self._ordered()

    def fetch(self, wanted: Wanted, path: Path) -> None:
        """Download the file, and check its length and digest.

        Raises:
            UserError: The file is another than the one named.
        """
        if not 0 < wanted.size <= LARGEST_MODEL:
            raise UserError(
                f"model {short(wanted.model)} is said to have {wanted.size:,} bytes: an edge takes "
                f"at most {LARGEST_MODEL:,}"
            )
        name = f"/api/v1/tasks/{quote(self._task, safe='')}/releases/{wanted.model}/file"
        digest, size = hashlib.sha256(), 0
        with path.open("wb") as file:
            for part in self._server.stream(name, wanted.size):
                file.write(part)
                digest.update(part)
                size += len(part)
            file.flush()
            os.fsync(file.fileno())
        found = f"sha256:{digest.hexdigest()}"
        if found != wanted.model:
            path.unlink()
            raise UserError(
                f"the server's file is {short(found)} of {size:,} bytes, and the release is "
                f"{short(wanted.model)}: refused"
            )

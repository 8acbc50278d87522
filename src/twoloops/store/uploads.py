"""Large inputs on their way from an edge, part by part; what was cut off goes on where it was.

A part is not synced: after a power cut a file may be shorter than was said, or damaged. The edge
asks how far it is before it goes on, and the digest is checked before anything is taken from here.
"""

import hashlib
import re
import shutil
import time
from pathlib import Path

from twoloops.records.digests import Digest, digest_bytes, short
from twoloops.records.errors import UserError

UPLOADS = "uploads"
MOST = 16
"""Uploads of one edge at once."""
LARGEST = 32 << 20
"""Bytes of one."""
KEPT = 7 * 86_400.0
"""Seconds after which one that nobody went on with is removed."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class Uploads:
    """What lies in a workspace's folder `uploads/`, by edge.

    Args:
        folder: The workspace.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / UPLOADS

    def size(self, edge: str, digest: Digest) -> int:
        """Return how many bytes are here.

        Raises:
            UserError: That is no digest.
        """
        try:
            return self._path(edge, digest).stat().st_size
        except FileNotFoundError:
            return 0

    def append(self, edge: str, digest: Digest, at: int, part: bytes) -> int:
        """Add a part; returns how many bytes are here now.

        A part that begins elsewhere than at the end so far changes nothing.

        Raises:
            UserError: That is no digest, or it is more than may be.
        """
        path = self._path(edge, digest)
        have = self.size(edge, digest)
        if at != have or not part:
            return have
        if have + len(part) > LARGEST:
            raise UserError(f"an input has at most {LARGEST:,} bytes: got {have + len(part):,}")
        path.parent.mkdir(parents=True, exist_ok=True)
        if have == 0:
            self._make_room(path.parent)
        with path.open("ab") as file:
            file.write(part)
        return have + len(part)

    def get(self, edge: str, digest: Digest) -> bytes | None:
        """Return the bytes; `None` where they are not here, or not yet, or damaged (removed then).

        Raises:
            UserError: That is no digest.
        """
        path = self._path(edge, digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        if digest_bytes(data) == digest:
            return data
        path.unlink(missing_ok=True)
        return None

    def drop(self, edge: str, digest: Digest) -> None:
        """Remove one: it was taken in."""
        self._path(edge, digest).unlink(missing_ok=True)

    def drop_all(self, edge: str) -> None:
        """Remove all of an edge."""
        shutil.rmtree(self._place(edge), ignore_errors=True)

    def _make_room(self, place: Path) -> None:
        there = sorted((path.stat().st_mtime, path) for path in place.iterdir())
        for changed, path in there:
            if changed < time.time() - KEPT:
                path.unlink(missing_ok=True)
        if len(list(place.iterdir())) >= MOST:
            raise UserError(
                f"an edge sends at most {MOST} large inputs at once: finish one of those begun"
            )

    def _place(self, edge: str) -> Path:
        return self._folder / hashlib.sha256(edge.encode()).hexdigest()[:32]

    def _path(self, edge: str, digest: Digest) -> Path:
        if _DIGEST.fullmatch(digest) is None:
            raise UserError(f"{short(digest[:100])!r} is no digest: write sha256: and 64 digits")
        return self._place(edge) / digest.removeprefix("sha256:")

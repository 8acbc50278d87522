"""Blobs: bytes named by their digest.

Laws: `get(put(data)) == data`; `put` twice is `put` once; what `get` returns has the digest asked
for, or it raises.
"""

import os
from pathlib import Path
from typing import Protocol

from twoloops.edge.files import sync_folder
from twoloops.records.digests import Digest, digest_bytes
from twoloops.records.errors import UserError


class Blobs(Protocol):
    """Where bytes lie."""

    def put(self, data: bytes) -> Digest:
        """Keep bytes; they are durable when this returns."""

    def get(self, digest: Digest) -> bytes:
        """Return the bytes; `UserError` when they are missing or damaged."""

    def has(self, digest: Digest) -> bool:
        """Say whether the bytes are there."""

    def delete(self, digest: Digest) -> None:
        """Remove the bytes; removing what is not there is no error."""


class MemoryBlobs:
    """Blobs that end with the process."""

    def __init__(self) -> None:
        self._data: dict[Digest, bytes] = {}

    def put(self, data: bytes) -> Digest:
        """Keep bytes."""
        digest = digest_bytes(data)
        self._data[digest] = data
        return digest

    def get(self, digest: Digest) -> bytes:
        """Return the bytes."""
        if digest not in self._data:
            raise UserError(f"{digest} is not in memory: it was never put, or was forgotten")
        return self._data[digest]

    def has(self, digest: Digest) -> bool:
        """Say whether the bytes are there."""
        return digest in self._data

    def delete(self, digest: Digest) -> None:
        """Remove the bytes."""
        self._data.pop(digest, None)


class FolderBlobs:
    """Blobs in a folder, as `ab/cd/abcd…`: two levels keep folders small.

    A file appears under its name only when whole and durable: it is written elsewhere in the
    folder, synced and renamed. A process that dies meanwhile leaves a file in `partial/`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._partial = folder / "partial"
        self._partial.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes) -> Digest:
        """Keep bytes; a damaged file of that name is replaced."""
        digest = digest_bytes(data)
        path = self._path(digest)
        if path.is_file() and digest_bytes(path.read_bytes()) == digest:
            # Whoever wrote it may have died before the names were durable.
            for folder in (path.parent, path.parent.parent, self._folder):
                sync_folder(folder)
            return digest
        _make_durable_folder(path.parent, self._folder)
        partial = self._partial / f"{path.name}.{os.getpid()}"
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        sync_folder(path.parent)
        return digest

    def get(self, digest: Digest) -> bytes:
        """Return the bytes, checked against their digest."""
        path = self._path(digest)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise UserError(f"{digest} is missing: restore {path} from a backup") from None
        if digest_bytes(data) != digest:
            raise UserError(
                f"{digest} is damaged: {path} holds {digest_bytes(data)}; restore it from a backup"
            )
        return data

    def has(self, digest: Digest) -> bool:
        """Say whether the file is there."""
        return self._path(digest).is_file()

    def delete(self, digest: Digest) -> None:
        """Remove the file."""
        path = self._path(digest)
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_folder(path.parent)

    def sweep(self) -> int:
        """Remove what dead writers left half written, and count it.

        Only the holder of the workspace's lock may call it: another writer's file is as partial.
        """
        left = list(self._partial.iterdir())
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _path(self, digest: Digest) -> Path:
        name = digest.removeprefix("sha256:")
        if len(name) != 64 or not set(name) <= set("0123456789abcdef"):
            raise ValueError(f"not a digest: {digest!r}")
        return self._folder / name[:2] / name[2:4] / name


def _make_durable_folder(folder: Path, root: Path) -> None:
    if folder.is_dir():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for parent in (folder.parent, root):
        sync_folder(parent)

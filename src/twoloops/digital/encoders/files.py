"""The files of an encoder, each read whole and checked against the digest that was vetted."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.finding import PinnedFile


class Files:
    """Files below a folder, as a vetting pinned them.

    Args:
        folder: Where they lie.
        pinned: What was looked at, named from the folder; nothing else is read.
        below: The folder in it that an encoder's files are named from; empty for itself.
    """

    def __init__(self, folder: Path, pinned: Iterable[PinnedFile], below: str = "") -> None:
        start = f"{below}/" if below not in ("", ".") else ""
        self._folder = folder / below
        self._pinned = {
            one.path.removeprefix(start): one for one in pinned if one.path.startswith(start)
        }

    def __contains__(self, path: str) -> bool:
        return path in self._pinned

    def of_kind(self, kind: str) -> list[str]:
        """Return the paths of a kind, the shortest first."""
        found = [path for path, one in self._pinned.items() if one.kind == kind]
        return sorted(found, key=lambda path: (path.count("/"), len(path), path))

    def read(self, path: str) -> bytes:
        """Return a file's bytes.

        Raises:
            UserError: It was not vetted, or is no longer what was.
        """
        if path not in self._pinned:
            raise UserError(f"{path} was not among the vetted files: vet the folder again")
        data = (self._folder / path).read_bytes()
        if digest_bytes(data) != self._pinned[path].digest:
            raise UserError(
                f"{path} changed after it was looked at: got {digest_bytes(data)}, vetted was "
                f"{self._pinned[path].digest}; nothing was kept, run the command again"
            )
        return data

    def settings(self, path: str) -> dict[str, Any]:
        """Return a JSON file's object; empty where the file is not there or holds no object."""
        found = self._json(path)
        return found if isinstance(found, dict) else {}

    def rows(self, path: str) -> list[Any]:
        """Return a JSON file's list; empty where the file is not there or holds no list."""
        found = self._json(path)
        return found if isinstance(found, list) else []

    def _json(self, path: str) -> Any:
        if path not in self._pinned:
            return None
        try:
            return json.loads(self.read(path).decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path} is no JSON ({error}): get the folder again") from error

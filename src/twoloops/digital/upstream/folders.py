"""A folder on this machine as an upstream: what was exported, copied or downloaded by hand."""

from collections.abc import Iterable
from pathlib import Path

from twoloops.digital.upstream.port import UNKNOWN, Found, GoneError, Pull, Pulled, Query
from twoloops.digital.vetting.limits import DEFAULT
from twoloops.records.digests import Digest, digest_bytes, digest_record
from twoloops.records.errors import UserError

PREFIX = "folder:"


class Folders:
    """Folders with an ONNX encoder and its side files; nothing is copied or searched."""

    def search(self, query: Query) -> list[Found]:
        """Return nothing: folders are named, not searched for."""
        return []

    def newest(self, name: str) -> str:
        """Return the digest of a folder's files as they are, which is its revision."""
        folder = _folder(name)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        if len(files) > DEFAULT.files:
            raise UserError(f"{folder} has {len(files):,} files: give one with the encoder alone")
        return revision_of(
            (one.relative_to(folder).as_posix(), digest_bytes(one.read_bytes())) for one in files
        )

    def pull(self, name: str, revision: str | None, file: str | None) -> Pull:
        """Return a folder where it lies.

        Raises:
            UserError: There is no such folder, or a revision of it was asked for.
        """
        folder = _folder(name)
        if revision is not None:
            raise UserError(f"{folder} is a folder and has no revisions: leave out  --revision")
        said = Pulled(f"{PREFIX}{folder}", folder.name, UNKNOWN, UNKNOWN)
        return Pull(folder, said)


def revision_of(files: Iterable[tuple[str, Digest]]) -> str:
    """Return the revision of a folder with these files (path below it, digest)."""
    return digest_record(sorted(files))


def _folder(name: str) -> Path:
    path = Path(name.removeprefix(PREFIX)).expanduser()
    if not path.is_dir():
        what = "is a file" if path.exists() else "is not there"
        raise GoneError(f"{path} {what}: give the folder with the ONNX file and its tokenizer")
    return path.resolve()

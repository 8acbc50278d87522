"""Which files of a repository an encoder needs, and whether they are what the Hub states."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from twoloops.digital.upstream.port import PulledFile
from twoloops.digital.vetting.limits import DEFAULT
from twoloops.records.errors import UserError

PREFERRED = ("onnx/model.onnx", "model.onnx", "onnx/encoder.onnx", "encoder.onnx")
SIDE = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
    "preprocessor_config.json",
    "README.md",
)
TEXTS = ("license", "licence", "notice", "copying")
PIECE = 1 << 20
SAFE = re.compile(r"\w[\w.+ -]*(/\w[\w.+ -]*)*")
"""A path that stays below its folder, without hidden files."""


class Wanted(NamedTuple):
    """A file to be fetched.

    Attributes:
        path: In the repository.
        size: Bytes, or `None` where the Hub does not say.
        sha256: Of the bytes, of a file in large-file storage.
        blob: Git's id of the bytes, of any other.
    """

    path: str
    size: int | None
    sha256: str | None
    blob: str | None

    @property
    def stated(self) -> str | None:
        """The digest that the Hub states, after its algorithm."""
        if self.sha256:
            return f"sha256:{self.sha256}"
        return f"blob:{self.blob}" if self.blob else None


def choose(siblings: Sequence[Any], file: str | None, repo: str) -> list[Wanted]:
    """Return what is fetched of a repository: one ONNX file, its data, and small side files.

    Args:
        siblings: Files as huggingface_hub lists them, with their metadata.
        file: The ONNX file asked for, or `None`.
        repo: Its name, for messages.

    Raises:
        UserError: There is none, several without a plain one, or they are too large to be vetted.
    """
    there = {str(one.rfilename): _wanted(one) for one in siblings}
    there = {path: one for path, one in there.items() if SAFE.fullmatch(path) and ".." not in path}
    model = _model(there, file, repo)
    side = [path for path in there if path in SIDE or _is_text(path)]
    names = [model, *sorted(_data(model, there)), *sorted(side)]
    chosen = [there[name] for name in dict.fromkeys(names)]
    for one in chosen:
        if (one.size or 0) > DEFAULT.file_bytes:
            raise UserError(
                f"{one.path} of {repo} has {one.size:,} bytes: up to {DEFAULT.file_bytes:,} are "
                "looked at; choose a smaller one with  --file"
            )
    return chosen


def whole(siblings: Sequence[Any]) -> list[Wanted]:
    """Return every file of a published folder: all but what git itself needs.

    Raises:
        UserError: A name leads elsewhere, or there is more than is looked at.
    """
    found = [_wanted(one) for one in siblings if str(one.rfilename) != ".gitattributes"]
    odd = [one.path for one in found if not SAFE.fullmatch(one.path) or ".." in one.path]
    if odd:
        raise UserError(f"names that are not plain file names: {odd[:5]}; nothing was fetched")
    size = sum(one.size or 0 for one in found)
    if size > DEFAULT.file_bytes or len(found) > DEFAULT.files:
        raise UserError(f"{len(found):,} files with {size:,} bytes are more than one model's")
    return found


def check(path: Path, wanted: Wanted, repo: str) -> None:
    """Throw a fetched file away where it is not what the Hub states of it.

    Raises:
        UserError: It is not.
    """
    size = path.stat().st_size
    wrong = None
    if wanted.size is not None and size != wanted.size:
        wrong = f"{size:,} bytes, and the Hub states {wanted.size:,}"
    elif wanted.sha256 and (got := _hash(path, hashlib.sha256())) != wanted.sha256:
        wrong = f"sha256:{got}, and the Hub states sha256:{wanted.sha256}"
    elif not wanted.sha256 and wanted.blob and (got := blob_id(path)) != wanted.blob:
        wrong = f"git blob {got}, and the Hub states {wanted.blob}"
    if wrong:
        path.unlink()
        raise UserError(
            f"{wanted.path} of {repo} is not what was published: got {wrong}; it was thrown away. "
            "Run again; if it stays so, the server or a mirror between changed it"
        )


def pulled(folder: Path, wanted: Wanted) -> PulledFile:
    """Return the record of a file that was fetched and checked."""
    path = folder / wanted.path
    digest = "sha256:" + _hash(path, hashlib.sha256())
    return PulledFile(wanted.path, path.stat().st_size, digest, wanted.stated)


def blob_id(path: Path) -> str:
    """Return git's id of a file's bytes: SHA-1 of `blob SIZE`, a zero byte and the bytes."""
    start = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    return _hash(path, start)


def _hash(path: Path, state: Any) -> str:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            state.update(piece)
    return str(state.hexdigest())


def _wanted(sibling: Any) -> Wanted:
    large = sibling.lfs
    sha256 = getattr(large, "sha256", None) if large is not None else None
    return Wanted(str(sibling.rfilename), sibling.size, sha256, sibling.blob_id)


def _model(there: Iterable[str], file: str | None, repo: str) -> str:
    found = sorted(path for path in there if path.endswith(".onnx"))
    if file is not None:
        if file not in found:
            raise UserError(f"{repo} has no ONNX file {file!r}: give one of {found}")
        return file
    plain = [path for path in PREFERRED if path in found] or (found if len(found) == 1 else [])
    if plain:
        return plain[0]
    if found:
        raise UserError(f"{repo} has several ONNX files: choose one of {found} with  --file")
    raise UserError(
        f"{repo} has no ONNX file: choose a repository that carries one ( twoloops base search ), "
        "or export it ( optimum-cli export onnx --opset 17 ) into a folder and add that"
    )


def _data(model: str, there: Iterable[str]) -> list[str]:
    """Return the files in which an ONNX file's weights may lie, by the names exporters use."""
    begins = (f"{model}_data", f"{model}.data")
    return [path for path in there if path.startswith(begins)]


def _is_text(path: str) -> bool:
    return "/" not in path and path.casefold().partition(".")[0] in TEXTS

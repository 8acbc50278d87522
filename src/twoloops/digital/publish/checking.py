"""Check a published folder on any machine: files, signature, model, card. Needs no workspace.

The base install does all of it but the signature, which needs the extra `sign`.
"""

import hashlib
import os
import stat
from pathlib import Path
from typing import Literal

import msgspec

from twoloops.digital.publish import signing
from twoloops.digital.publish.opening import open_model
from twoloops.digital.publish.sidecar import (
    CARD,
    LARGEST,
    MODEL,
    SIDECAR,
    SIGNATURE,
    PublishedFile,
    Sidecar,
    read,
)
from twoloops.edge.runtime import Runtime
from twoloops.records.digests import Digest, digest_bytes, short
from twoloops.records.errors import UserError

Outcome = Literal["matches", "failed", "not checked"]
CHUNK = 1 << 20
MANY = 1_000
"""Files in a folder before the rest is not listed: a published folder has seven."""


class Looked(msgspec.Struct, frozen=True):
    """One thing that was checked.

    Args:
        what: A file, `signature`, `model`, `card`, `folder`.
        outcome: `not checked` where nobody asked for it or it could not be.
        detail: What was found, in a sentence.
    """

    what: str
    outcome: Outcome
    detail: str


class Verified(msgspec.Struct, frozen=True):
    """What came of checking a folder.

    Args:
        folder: As it was named.
        model: Digest of the model its record names; `None` where it has no readable record.
        looked: Everything checked, failures included.
    """

    folder: str
    model: Digest | None
    looked: tuple[Looked, ...]

    @property
    def failures(self) -> tuple[Looked, ...]:
        """What failed."""
        return tuple(one for one in self.looked if one.outcome == "failed")


class Opened(msgspec.Struct, frozen=True):
    """A folder's record and model bytes, as they were when they were checked."""

    verified: Verified
    sidecar: Sidecar | None
    model: bytes | None


def verify(folder: Path, public: Path | None = None) -> Opened:
    """Check a folder.

    Law: a folder that passes holds, byte for byte, the files its record names and no others (but
    for what git and the hub's client add); with a key, those that the key's owner signed.

    Args:
        folder: The published folder.
        public: The publisher's public key; without one the signature is not checked.

    Raises:
        UserError: It is no folder, or the key cannot be read.
        MissingExtraError: A signature is to be checked and the extra `sign` is not installed.
    """
    if not folder.is_dir():
        raise UserError(
            f"{folder} is no folder: give the one that  twoloops publish MODEL DIR  wrote"
        )
    present, looked = _present(folder)
    sidecar, said = _sidecar(folder, present)
    looked += said
    model: bytes | None = None
    if sidecar is not None:
        looked += _files(folder, present, sidecar)
        if not any(one.outcome == "failed" for one in looked):
            model = (folder / MODEL).read_bytes()
            looked += _model(model, sidecar, (folder / CARD).read_bytes())
    looked += _signature(folder, SIGNATURE in present, public, looked)
    digest = None if sidecar is None else sidecar.model
    return Opened(Verified(str(folder), digest, tuple(looked)), sidecar, model)


def _present(folder: Path) -> tuple[dict[str, int], list[Looked]]:
    """Return the regular files below a folder with their sizes, and what else lies there."""
    found: dict[str, int] = {}
    looked: list[Looked] = []
    for where, folders, names in os.walk(folder, followlinks=False):
        below = Path(where).relative_to(folder)
        if not below.parts:
            folders[:] = [name for name in folders if name not in signing.TRANSPORT]
            names = [name for name in names if name not in signing.TRANSPORT]
        for name in sorted([*names, *(one for one in folders if (Path(where) / one).is_symlink())]):
            file = (below / name).as_posix()
            status = (Path(where) / name).lstat()
            if stat.S_ISREG(status.st_mode):
                found[file] = status.st_size
            else:
                looked.append(_failed(file, "is a link or no regular file; copy the files"))
        if len(found) > MANY:
            looked.append(_failed("folder", f"holds more than {MANY:,} files; it has seven"))
            break
    return found, looked


def _sidecar(folder: Path, present: dict[str, int]) -> tuple[Sidecar | None, list[Looked]]:
    if SIDECAR not in present:
        return None, [_failed(SIDECAR, "is missing: without it nothing else can be checked")]
    if present[SIDECAR] > LARGEST:
        return None, [_failed(SIDECAR, f"has more than {LARGEST:,} bytes: it was not read")]
    try:
        sidecar = read((folder / SIDECAR).read_bytes())
    except UserError as error:
        return None, [_failed(SIDECAR, str(error))]
    return sidecar, [Looked(SIDECAR, "matches", f"sealed as {short(sidecar.seal)}")]


def _files(folder: Path, present: dict[str, int], sidecar: Sidecar) -> list[Looked]:
    looked = [_file(folder, present, one) for one in sidecar.files]
    named = {one.path for one in sidecar.files}
    for file in (MODEL, CARD):
        if file not in named:
            looked.append(_failed(file, f"is not named in {SIDECAR}"))
    for file in sorted(present.keys() - named - {SIDECAR, SIGNATURE}):
        looked.append(_failed(file, f"is not named in {SIDECAR}: remove it, or ask where it is of"))
    return looked


def _file(folder: Path, present: dict[str, int], one: PublishedFile) -> Looked:
    if one.path not in present:
        return _failed(one.path, "is missing")
    if present[one.path] != one.size:
        return _failed(one.path, f"has {present[one.path]:,} bytes, and {one.size:,} were written")
    hashed = hashlib.sha256()
    with (folder / one.path).open("rb") as file:
        while data := file.read(CHUNK):
            hashed.update(data)
    found = f"sha256:{hashed.hexdigest()}"
    if found != one.digest:
        return _failed(
            one.path,
            f"was changed: its digest is {short(found)}, and {short(one.digest)} was written",
        )
    return Looked(one.path, "matches", f"{one.size:,} bytes, {short(found)}")


class _Named(msgspec.Struct):
    model: Digest


def _model(data: bytes, sidecar: Sidecar, card: bytes) -> list[Looked]:
    digest = digest_bytes(data)
    if digest != sidecar.model:
        return [_failed("model", f"is {short(digest)}, and {SIDECAR} is about {sidecar.model}")]
    try:
        if msgspec.json.decode(card, type=_Named).model != digest:
            return [_failed("card", f"{CARD} is about another model than {short(digest)}")]
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return [_failed("card", f"{CARD} names no model ({error})")]
    try:
        runtime = open_model(data)
    except UserError as error:
        return [_failed("model", str(error))]
    return [*_card(runtime, sidecar), Looked("model", "matches", f"{short(digest)} opens and runs")]


def _card(runtime: Runtime, sidecar: Sidecar) -> list[Looked]:
    if runtime.card != sidecar.card:
        return [_failed("card", f"the card inside {MODEL} is not the one in {SIDECAR}")]
    if (runtime.kind, runtime.shape) != (sidecar.task.kind, sidecar.task.shape):
        return [_failed("card", f"{MODEL} takes inputs of another kind than {SIDECAR} says")]
    return [Looked("card", "matches", f"inside {MODEL}, in {CARD} and in {SIDECAR}")]


def _signature(
    folder: Path, there: bool, public: Path | None, looked: list[Looked]
) -> list[Looked]:
    if public is None:
        detail = (
            "name the publisher's public key with --key: without it, digests show what changed "
            "by accident, not who wrote it"
            if there
            else "the folder has none"
        )
        return [Looked("signature", "not checked", detail)]
    if not there:
        return [_failed("signature", f"{SIGNATURE} is missing, and --key asks for one")]
    problem = signing.check(folder, public)
    if problem is None:
        return [Looked("signature", "matches", f"signed by the owner of {public.name}")]
    if any(one.outcome == "failed" for one in looked):
        return [_failed("signature", f"does not cover the folder as it is ({problem})")]
    return [_failed("signature", f"{SIGNATURE} is not one by {public.name} of this ({problem})")]


def _failed(what: str, detail: str) -> Looked:
    return Looked(what, "failed", detail)

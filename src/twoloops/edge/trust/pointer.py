"""The pointer: which model counts on this device, which did before, and what is never to come back.

One small file, replaced as a whole: a device killed anywhere has the old state or the new one.
Laws: the counter never goes back; the models it names lie whole on the disk before it names them;
what is revoked is neither counting nor to be gone back to.
"""

from datetime import datetime
from pathlib import Path

import msgspec

from twoloops.edge import files
from twoloops.records.assignment import EVERYONE, Mode, hexadecimal
from twoloops.records.digests import Digest, digest_bytes, short
from twoloops.records.errors import UserError

POINTER = "pointer.json"
MODELS = "models"


class Seen(msgspec.Struct, frozen=True):
    """The newest metadata of a role that was believed.

    Args:
        version: Its version.
        keys: The keys of the role then; other keys begin anew, as TUF has it.
    """

    version: int
    keys: tuple[str, ...]


class Pointer(msgspec.Struct, frozen=True, kw_only=True):
    """What a device knows of its releases.

    Args:
        root: Digest of the root metadata it began with.
        task: Its task.
        group: Its group.
        active: The model that counts; `None` before the first, or when all were revoked.
        previous: The one before, to go back to.
        shadow: The one that decides too and does not count.
        mode: Of the assignment followed last.
        counter: Of the assignment followed last.
        assignment: Digest of that assignment.
        verified: Models that came by verified metadata and passed their self-test here.
        refused: Models that failed here, with the counter of the assignment that brought them: a
            later assignment may try again.
        revoked: Models that were revoked.
        revoked_counter: Of the list of them.
        seen: The newest metadata by role.
        trial: How often the active model was started without being confirmed; `None`: confirmed.
        why: What changed last.
        changed_at: When, UTC.
        version: Of this record.
    """

    root: Digest
    task: str
    group: str = EVERYONE
    active: Digest | None = None
    previous: Digest | None = None
    shadow: Digest | None = None
    mode: Mode = "full"
    counter: int = 0
    assignment: Digest | None = None
    verified: tuple[Digest, ...] = ()
    refused: dict[Digest, int] = {}
    revoked: tuple[Digest, ...] = ()
    revoked_counter: int = 0
    seen: dict[str, Seen] = {}
    trial: int | None = None
    why: str = ""
    changed_at: datetime | None = None
    version: int = 1

    @property
    def named(self) -> set[Digest]:
        """The models that must lie on the disk."""
        return {one for one in (self.active, self.previous, self.shadow) if one is not None}


def load(folder: Path) -> Pointer:
    """Return a device's pointer.

    Raises:
        UserError: It is not enrolled, or the file cannot be read.
    """
    path = folder / POINTER
    try:
        return msgspec.json.decode(path.read_bytes(), type=Pointer)
    except FileNotFoundError:
        raise UserError(
            f"{folder} trusts no root yet: enrol it with the digest that  twoloops keys show  "
            "prints on the server:  twoloops edge enrol SERVER --token TOKEN --task NAME "
            "--root-digest DIGEST"
        ) from None
    except (OSError, msgspec.MsgspecError) as error:
        raise UserError(
            f"{path} cannot be read ({error}): enrol the device again in an empty folder"
        ) from error


def save(folder: Path, pointer: Pointer) -> None:
    """Keep a pointer; it is durable when this returns."""
    files.write(folder / POINTER, msgspec.json.encode(pointer))


def model_file(folder: Path, digest: Digest) -> Path:
    """Return where a model's file lies."""
    return folder / MODELS / f"{hexadecimal(digest)}.onnx"


def model_bytes(folder: Path, digest: Digest) -> bytes:
    """Return a model's bytes, checked against its digest.

    Raises:
        UserError: They are missing or damaged.
    """
    path = model_file(folder, digest)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"model {short(digest)} is not on this device ({error.strerror})") from None
    if digest_bytes(data) != digest:
        raise UserError(f"model {short(digest)} is damaged on this device: fetch it again")
    return data


def whole(folder: Path, digest: Digest) -> bool:
    """Say whether a model lies here undamaged."""
    try:
        model_bytes(folder, digest)
    except UserError:
        return False
    return True


def tidy(folder: Path, pointer: Pointer) -> None:
    """Remove the files of models that the pointer does not name."""
    keep = {model_file(folder, one).name for one in pointer.named}
    place = folder / MODELS
    for path in place.iterdir() if place.is_dir() else ():
        if path.name not in keep:
            path.unlink(missing_ok=True)

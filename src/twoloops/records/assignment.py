"""What the server signs for its edges: assignments, revocations, golden inputs, and their names.

TUF says which bytes are genuine; it does not say which edge runs which of them. So each of these
records is itself a signed target, and has a name of its own in the targets metadata.
"""

import hashlib
import re
from typing import Literal

import msgspec

from twoloops.records.digests import Digest
from twoloops.records.errors import UserError

Mode = Literal["shadow", "canary", "full"]
"""`shadow`: the model decides too, and does not count; `canary`: it counts, and the one before
decides too; `full`: it counts."""

REVOKED = "revoked.json"
"""Name of the target that lists revoked models."""
EVERYONE = "all"
"""The group of an edge that was put into no other."""
RECORD_LIMIT = 256 * 1024
"""Bytes of an assignment or of the list of revoked models."""
GOLDEN_LIMIT = 4 * 1024 * 1024
"""Bytes of a model's golden inputs with their answers."""
MODEL_LIMIT = 512 * 1024 * 1024
"""Bytes of a model's file."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_GROUP = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")


class Assignment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which model a group of edges runs for a task.

    Args:
        task: The task.
        group: The group.
        counter: Increases with every assignment of the workspace, to whichever group; an edge
            never follows one lower than it has followed.
        model: The digest of the model's file.
        mode: Whether it counts.
        counts: In shadow, which model counts meanwhile; `None`: the one that does already.
        version: Of this record.
    """

    task: str
    group: str
    counter: int
    model: Digest
    mode: Mode
    counts: Digest | None = None
    version: Literal[1] = 1

    @property
    def models(self) -> tuple[Digest, ...]:
        """Every model it names, the one that is to count first."""
        return (self.model,) if self.counts is None else (self.counts, self.model)


class Revocations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The models that no edge may run any more.

    Args:
        counter: Increases with every change.
        models: Their digests, sorted; none ever leaves the list.
        version: Of this record.
    """

    counter: int
    models: tuple[Digest, ...] = ()
    version: Literal[1] = 1


class Golden(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Inputs with what the model must say of them, asked on the device before it decides.

    Args:
        task: The task.
        model: Digest of the model.
        inputs: Raw inputs; may be none, where every golden input was forgotten.
        probabilities: One row per input, in the order of the card's labels.
        tolerance: How far a probability may be off: processors round differently.
        version: Of this record.
    """

    task: str
    model: Digest
    inputs: tuple[bytes, ...] = ()
    probabilities: tuple[tuple[float, ...], ...] = ()
    tolerance: float = 1e-3
    version: Literal[1] = 1


def hexadecimal(digest: Digest) -> str:
    """Return a digest's 64 hexadecimal digits.

    Raises:
        UserError: It is no digest; it could name another file.
    """
    if _DIGEST.fullmatch(digest) is None:
        raise UserError(
            f"{digest[:100]!r} is no digest: one is written sha256: and 64 of the digits 0-9, a-f"
        )
    return digest.removeprefix("sha256:")


def group_name(group: str) -> str:
    """Return the name of a group as it is, if it is one.

    >>> group_name("line-4")
    'line-4'

    Raises:
        UserError: It is none: it becomes a part of a path.
    """
    if _GROUP.fullmatch(group) is None or ".." in group:
        raise UserError(
            f"{group[:100]!r} is no name of a group: write 1 to 64 of a-z, 0-9 and . _ - , "
            "beginning and ending with a letter or digit, without two dots in a row"
        )
    return group


def model_path(digest: Digest) -> str:
    """Return the name of a model's target."""
    return f"models/{hexadecimal(digest)}.onnx"


def golden_path(digest: Digest) -> str:
    """Return the name of the target with a model's golden inputs."""
    return f"golden/{hexadecimal(digest)}.json"


def assignment_path(task: str, group: str) -> str:
    """Return the name of the target with a group's assignment; tasks may have any name."""
    return f"assignments/{hashlib.sha256(task.encode()).hexdigest()[:16]}/{group_name(group)}.json"

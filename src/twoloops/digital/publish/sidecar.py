"""What stands in a published folder's `twoloops.json`: what the model card cannot say.

The hub's card has no key for the revision of a base, the digest of a dataset, a teacher, or the
evidence of a release. Law: `read(text(sidecar)) == sealed sidecar`, and no byte of the text can
change unnoticed: the seal is the digest of the text with the seal's own digits set to zero.
"""

import re
from datetime import date

import msgspec

from twoloops.records.base import BaseCard, ModelCard
from twoloops.records.digests import Digest, canonical, digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.finding import Purpose
from twoloops.records.gate import Verdict
from twoloops.records.obligations import Carried
from twoloops.records.task import Task

MODEL = "model.onnx"
CARD = "card.json"
README = "README.md"
EXAMPLE = "example.py"
NOTICE = "NOTICE"
SIDECAR = "twoloops.json"
SIGNATURE = "model.sig"

HIGHEST_VERSION = 1
LARGEST = 16 * 1024 * 1024
"""Bytes of a sidecar that are read before it is refused."""

UNSEALED = "sha256:" + "0" * 64
_SEAL = re.compile(rb'("seal": ")sha256:[0-9a-f]{64}(")')


class PublishedFile(msgspec.Struct, frozen=True):
    """A file of the folder as it was written.

    Args:
        path: Below the folder.
        size: Bytes.
        digest: Of its bytes.
    """

    path: str
    size: int
    digest: Digest


class Rate(msgspec.Struct, frozen=True):
    """A rate estimated from labels.

    Args:
        value: In [0, 1]; `None` with too few labels: unknown.
        interval: Ends of its 95 % interval, or `None`.
        labels: How many labels it stands on.
    """

    value: float | None
    interval: tuple[float, float] | None
    labels: int


class Step(msgspec.Struct, frozen=True):
    """Something the model was made from, at any distance.

    Args:
        digest: Its identity in the publisher's lineage.
        kind: `base`, `dataset`, `ancestor`, `model`, `labeller`, …
        title: In words.
    """

    digest: Digest
    kind: str
    title: str


class Link(msgspec.Struct, frozen=True):
    """`child` was made from `parent`."""

    child: Digest
    parent: Digest
    relation: str


class Sidecar(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a published model.

    Args:
        version: Of this record.
        seal: Digest of this file's text with these digits set to zero.
        model: Digest of `model.onnx`.
        card: As it stands inside that file.
        task: What it decides; costs are left out but for internal use.
        relation: How it was made from its base, in words: the hub's key has four values only.
        base: Its base with revision, licence, publisher and ancestors; `None` where the base can
            no longer be had here.
        dataset_name: The dataset's own published name, where it has one.
        teachers: Titles of the models that labelled or taught.
        turn: The publisher's turn that made it.
        gate: The verdict that released it, or `None` where none did.
        accuracy: On audit labels that came after it was trained.
        licence: SPDX expression it is published under, or `unknown`.
        purpose: What it was checked for.
        obligations: What goes with it.
        confirmed: What a person said to what needed a person's word; empty where nothing did.
        published: The day.
        publisher: Who published it; empty where nobody is named.
        tool: Name and version of what wrote this.
        lineage: Everything it was made from, itself included.
        links: Edges among these.
        files: Every other file of the folder but the signature.
    """

    version: int = HIGHEST_VERSION
    seal: Digest = UNSEALED
    model: Digest
    card: ModelCard
    task: Task
    relation: str
    base: BaseCard | None
    dataset_name: str = ""
    teachers: tuple[str, ...] = ()
    turn: int
    gate: Verdict | None
    accuracy: Rate
    licence: str
    purpose: Purpose
    obligations: tuple[Carried, ...] = ()
    confirmed: str = ""
    published: date
    publisher: str = ""
    tool: str
    lineage: tuple[Step, ...] = ()
    links: tuple[Link, ...] = ()
    files: tuple[PublishedFile, ...] = ()


class _Versioned(msgspec.Struct):
    version: int


def text(sidecar: Sidecar) -> bytes:
    """Return the file's bytes, sealed."""
    blank = msgspec.structs.replace(sidecar, seal=UNSEALED)
    data = msgspec.json.format(canonical(blank), indent=2)
    return _SEAL.sub(rb"\g<1>" + digest_bytes(data).encode() + rb"\g<2>", data, count=1)


def read(data: bytes) -> Sidecar:
    """Read a sidecar.

    Raises:
        UserError: It is none, of a later version, or was changed after it was written.
    """
    try:
        version = msgspec.json.decode(data, type=_Versioned).version
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UserError(
            f"{SIDECAR} is no record of a published model ({error}): get the folder again from "
            "its publisher"
        ) from error
    if not 1 <= version <= HIGHEST_VERSION:
        raise UserError(
            f"{SIDECAR} has version {version}, and this twoloops understands versions up to "
            f"{HIGHEST_VERSION}: upgrade twoloops on this machine"
        )
    blank, seals = _SEAL.subn(rb"\g<1>" + UNSEALED.encode() + rb"\g<2>", data)
    try:
        sidecar = msgspec.json.decode(data, type=Sidecar)
    except (msgspec.MsgspecError, ValueError, UserError, RecursionError) as error:
        raise UserError(
            f"{SIDECAR} is no record of a published model ({error}): get the folder again from "
            "its publisher"
        ) from error
    if seals != 1 or digest_bytes(blank) != sidecar.seal:
        raise UserError(
            f"{SIDECAR} was changed after it was written: its seal does not match its text; get "
            "the folder again from its publisher"
        )
    return sidecar

"""What vetting found: findings with their places, files pinned by digest, a verdict a purpose."""

from datetime import date
from typing import Literal

import msgspec

from twoloops.records.base import Ancestor
from twoloops.records.digests import Digest

Severity = Literal["refuse", "needs", "note"]
"""`refuse`: it goes no further; `needs`: somebody has to settle it; `note`: worth knowing."""

Purpose = Literal["internal", "publish", "distribute"]
"""Used inside one's own organisation; a model made from it made public; handed to others."""

Outcome = Literal["nothing found against", "needs", "refused"]

PURPOSES: tuple[Purpose, ...] = ("internal", "publish", "distribute")
OUTWARD: tuple[Purpose, ...] = ("publish", "distribute")


class Finding(msgspec.Struct, frozen=True):
    """One thing found, where it was found, and what would have been accepted.

    Args:
        check: Which check found it.
        severity: How much it weighs.
        file: Path below what was vetted; empty for the whole.
        place: Where in the file: a node, a tensor, an offset, a key; empty for the whole file.
        got: What is there.
        allowed: What is accepted instead, or what has to be done.
        purposes: What it stands against; of a note, nothing.
    """

    check: str
    severity: Severity
    file: str
    place: str
    got: str
    allowed: str
    purposes: tuple[Purpose, ...] = PURPOSES


class PinnedFile(msgspec.Struct, frozen=True):
    """A file as it was when it was looked at.

    Args:
        path: Below what was vetted, with `/`.
        size: Bytes.
        digest: Of its bytes.
        kind: What it is by its content: `onnx`, `safetensors`, `pickle`, `text`, …
    """

    path: str
    size: int
    digest: Digest
    kind: str


class Terms(msgspec.Struct, frozen=True):
    """A licence of one revision and what follows from it, as far as the table knows.

    Args:
        whose: The base itself, or one of its ancestors.
        licence: As stated; `unknown` where nothing is.
        stated: Where it is stated.
        must: What the licence asks of whoever passes it on.
        condition: From which size or use on it asks for more.
        outputs: Of training other models on outputs.
        derivatives: What else counts as a derivative.
        as_of: When the table's text was looked at; `None` where it has no such licence.
        review_by: After this day the row is stale.
    """

    whose: str
    licence: str
    stated: str
    must: tuple[str, ...] = ()
    condition: str = ""
    outputs: str = ""
    derivatives: str = ""
    as_of: date | None = None
    review_by: date | None = None


class Origin(msgspec.Struct, frozen=True):
    """Where a publisher has its base.

    Args:
        whose: The base itself, or one of its ancestors.
        publisher: Who published it, or `unknown`.
        country: `US`, `CN`, `EU`, …, or `unknown`.
    """

    whose: str
    publisher: str
    country: str


class Look(msgspec.Struct, frozen=True):
    """What a check looked at.

    Args:
        check: The check.
        what: How much of it, in words with a figure.
    """

    check: str
    what: str


class Verdict(msgspec.Struct, frozen=True):
    """What the findings come to for one purpose; it never says that something is safe.

    Args:
        purpose: For what.
        outcome: `refused` if a finding refuses it, else `needs` if one asks for something.
        because: The findings it rests on, in short.
    """

    purpose: Purpose
    outcome: Outcome
    because: tuple[str, ...] = ()


class Vetting(msgspec.Struct, frozen=True):
    """The record of one vetting.

    Args:
        subject: What was vetted: a path, a package, a base.
        revision: Which revision, or `unknown`.
        day: The day the dated tables were read for.
        content: Digest of the list of files (paths, sizes, digests): the same files, the same.
        files: Every file.
        looks: What each check looked at.
        findings: All findings, heaviest first.
        terms: Licences, the base's own first.
        origins: Publishers, the base's own first.
        lineage: What it was made from, nearest first, as its card says.
        verdicts: One a purpose.
        not_looked_at: What nothing here says anything about.
    """

    subject: str
    revision: str
    day: date
    content: Digest
    files: tuple[PinnedFile, ...]
    looks: tuple[Look, ...]
    findings: tuple[Finding, ...]
    terms: tuple[Terms, ...]
    origins: tuple[Origin, ...]
    lineage: tuple[Ancestor, ...]
    verdicts: tuple[Verdict, ...]
    not_looked_at: tuple[str, ...]

"""Where a turn stands: the record that is kept on disk between its stages."""

from typing import Literal, get_args

import msgspec

from twoloops.records.digests import Digest
from twoloops.records.gate import Verdict
from twoloops.records.observation import Place

Stage = Literal[
    "observe",
    "select",
    "label",
    "freeze",
    "choose base",
    "specialise",
    "verify",
    "confirm",
    "judge",
    "release",
    "roll out",
    "publish back",
    "closed",
]
STAGES: tuple[Stage, ...] = get_args(Stage)


class Candidate(msgspec.Struct, frozen=True):
    """A specialised model on its way through a turn.

    Args:
        base: Name of its base.
        model: Digest of its file.
        verdict: What the gate said, once it has spoken.
    """

    base: str
    model: Digest
    verdict: Verdict | None = None


class Verifying(msgspec.Struct, frozen=True):
    """Observations asked about because two models decide differently on them.

    Args:
        base: Base of the candidate whose comparison they serve.
        observations: A random draw from those on which the two differ.
    """

    base: str
    observations: tuple[Place, ...]


class TurnState(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of one task.

    Args:
        number: 0 is the seed.
        period: The stretch of time whose observations it claims.
        stage: The next stage to perform.
        dataset: What was frozen.
        bases: Names of the bases to specialise, the deployed one first.
        opened_by: What made it try other bases, a sentence each: failing slices, drift.
        unavailable: Why bases that are offered could not be had.
        candidates: What came of them.
        verifying: What was asked to tell candidates from the model they are compared with.
        released: The model released by this turn.
        reason: One sentence: what the gate decided.
        base_note: `base adopted: …`, `refused: …`, or empty when no other base was tried.
    """

    number: int
    period: str
    stage: Stage = "observe"
    dataset: Digest | None = None
    bases: tuple[str, ...] = ()
    opened_by: tuple[str, ...] = ()
    unavailable: dict[str, str] = {}
    candidates: tuple[Candidate, ...] = ()
    verifying: tuple[Verifying, ...] = ()
    released: Digest | None = None
    reason: str = ""
    base_note: str = ""


class Waiting(msgspec.Struct, frozen=True):
    """A stage cannot be performed yet; `what` says what for and with which command it goes on."""

    what: str

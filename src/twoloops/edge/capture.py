"""Which observations are kept, and with what known chance: pure, so a rule is a table."""

import hashlib
from heapq import nlargest

import msgspec

from twoloops.records.digests import canonical
from twoloops.records.errors import UserError
from twoloops.records.observation import Decision, Kept, Place


class CapturePolicy(msgspec.Struct, frozen=True):
    """What is kept.

    Args:
        routine: Chance in (0, 1] of keeping an observation that is neither uncertain nor
            novel. Never 0: what can never be kept cannot be estimated.
        margin: Kept surely when the two highest probabilities lie closer than this.
        novelty: Kept surely when the novelty is at least this.
    """

    routine: float = 0.5
    margin: float = 0.9
    novelty: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.routine <= 1:
            raise UserError(
                f"the routine share is a chance in (0, 1]: got {self.routine}; with 0, no "
                "estimate from what was kept could be trusted"
            )


def chance(seed: int, place: Place) -> float:
    """Return a number drawn uniformly from [0, 1) for an observation.

    It is a hash of seed and place, so that a repeated run keeps the same observations.
    """
    word = hashlib.sha256(canonical((seed, place))).digest()[:8]
    return (int.from_bytes(word, "big") >> 11) / (1 << 53)


def keep(policy: CapturePolicy, decision: Decision | None, chance: float) -> Kept | None:
    """Say whether and why an observation is kept.

    Args:
        policy: The rule.
        decision: What the model said; `None` where none is deployed, and then all is novel.
        chance: The observation's number from `chance`.

    Returns:
        The reason with the inclusion probability that follows from the rule alone: 1 for
        uncertain and novel ones, `policy.routine` for the rest; `None` when not kept.
    """
    if decision is None or decision.novelty >= policy.novelty:
        return Kept("novel", 1.0)
    if margin(decision) < policy.margin:
        return Kept("uncertain", 1.0)
    return Kept("routine", policy.routine) if chance < policy.routine else None


def margin(decision: Decision) -> float:
    """Return the gap between the two highest probabilities, in [0, 1]; 1 for a lone label."""
    if len(decision.probabilities) < 2:
        return 1.0
    first, second = nlargest(2, decision.probabilities)
    return first - second

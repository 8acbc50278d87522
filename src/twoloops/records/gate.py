"""What the gate said: a verdict with its evidence and its reason."""

from typing import Literal

import msgspec

Claim = Literal["first", "not worse", "better"]
"""What a candidate must show: `first` (beats the majority class), `not worse` (more data, same
recipe: within the margin of the best release so far), `better` (another base or recipe)."""


class Check(msgspec.Struct, frozen=True):
    """One thing that was checked, in figures a person can read."""

    name: str
    passed: bool
    detail: str


class Verdict(msgspec.Struct, frozen=True):
    """The gate's answer.

    Args:
        released: Whether the candidate may be released.
        claim: What it had to show.
        reason: One sentence.
        wealth: The betting test's wealth; release needs 1/alpha. Carried over turns where the
            claim is `better`.
        labels: Number of labels the test stood on.
        disagreement: Share of observations on which the two decide differently, in [0, 1].
        checks: Everything looked at.
        observations: How many observations that share stands on; 0: none, or not known.
    """

    released: bool
    claim: Claim
    reason: str
    wealth: float
    labels: int
    disagreement: float
    checks: tuple[Check, ...] = ()
    observations: int = 0

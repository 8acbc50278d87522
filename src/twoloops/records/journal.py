"""The journal's facts: decisions and digests, each chained to the one before."""

from datetime import datetime

import msgspec

from twoloops.records.digests import Digest, digest_record
from twoloops.records.money import Money

GENESIS: Digest = "sha256:" + "0" * 64


class Fact(msgspec.Struct, frozen=True):
    """One thing that was decided.

    Args:
        sequence: 1, 2, 3, … without a gap.
        kind: `dataset frozen`, `base adopted`, `gate refused`, `release approved`, …
        task: The task's name.
        turn: The turn, or -1 outside of any.
        key: Idempotency key: at most one fact has it.
        body: Digests, figures and reasons, by name.
        cost: What it cost, if it cost anything.
        recorded_at: UTC.
        previous: Digest of the fact before.
    """

    sequence: int
    kind: str
    task: str
    turn: int
    key: str
    body: dict[str, str]
    cost: Money | None
    recorded_at: datetime
    previous: Digest

    @property
    def digest(self) -> Digest:
        """What the next fact is chained to."""
        return digest_record(self)

"""An observation: one production input, the decision made on it, and why it was kept."""

import re
from datetime import datetime
from typing import Literal

import msgspec

from twoloops.records.digests import Digest

Reason = Literal["uncertain", "novel", "routine"]
"""Why capture kept an observation."""


class Decision(msgspec.Struct, frozen=True):
    """What a model said of one input.

    Args:
        label: The decided label.
        probabilities: One per label of the model, in the model's order; they sum to 1.
        model: Digest of the model's bytes.
        threshold: The probability of *any* fault above which the item is called a fault, or
            `None` where the most probable label decides.
        novelty: 0 (like the training data) to 1 (unlike any of it).
        escalated: Whether a teacher answered instead.
    """

    label: str
    probabilities: tuple[float, ...]
    model: Digest
    threshold: float | None
    novelty: float
    escalated: bool = False


class Kept(msgspec.Struct, frozen=True):
    """Why an observation was kept, and the known chance (0, 1] with which it was."""

    reason: Reason
    probability: float


class Place(msgspec.Struct, frozen=True, order=True):
    """Where an observation was made: edge, epoch (one life of its spool) and gapless counter."""

    edge: str
    epoch: str
    counter: int

    def __str__(self) -> str:
        return f"{self.edge}/{self.epoch}/{self.counter}"


def parse_place(text: str) -> Place:
    """Return the place a text names; the law is `parse_place(str(place)) == place`.

    >>> parse_place("press 4/3f/17")
    Place(edge='press 4', epoch='3f', counter=17)

    Raises:
        ValueError: If it names none.
    """
    edge, epoch, counter = text.rsplit("/", 2)
    if not edge or not epoch or not re.fullmatch(r"[0-9]+", counter):
        raise ValueError(text)
    return Place(edge, epoch, int(counter))


class Observation(msgspec.Struct, frozen=True):
    """One kept observation.

    Args:
        place: Its identity.
        task: The task's name.
        input: Digest of the input's bytes.
        observed_at: UTC.
        period: The stretch of time it belongs to (a year, a week, `turn 3`).
        decision: The deployed model's decision, or `None` where none was deployed yet.
        kept: Why and with what chance it was kept.
        origin: Items of one origin (a machine part, a recording) share it and never straddle
            a split; `None` when unknown.
    """

    place: Place
    task: str
    input: Digest
    observed_at: datetime
    period: str
    decision: Decision | None
    kept: Kept
    origin: str | None = None

"""Questions put to a labeller, and the labels that came back."""

from datetime import datetime
from typing import Literal

import msgspec

from twoloops.records.money import Money
from twoloops.records.observation import Place

Purpose = Literal["seed", "golden", "audit", "selected", "verify"]
"""Why a label was asked for: `seed` (of a census), `golden` (frozen, never trains),
`audit` (drawn at random: judges first, trains from the next turn on), `selected` (chosen to
teach), `verify` (drawn at random from the observations on which candidate and deployed model
decide differently: judges that pair in that turn, trains from the next one on)."""

JUDGING: tuple[Purpose, ...] = ("golden", "seed", "audit")
"""Purposes whose labels are evidence, not only lessons."""


class Wanted(msgspec.Struct, frozen=True):
    """When a question is answered.

    Args:
        per_item: Labels wanted, by different labellers.
        per_judge: Labels wanted where the label judges (`JUDGING`).
        passes: "Can't tell" by this many labellers closes a question without a label.
    """

    per_item: int = 1
    per_judge: int = 1
    passes: int = 1

    def of(self, purpose: Purpose) -> int:
        """Return how many labels a question of a purpose wants."""
        return self.per_judge if purpose in JUDGING else self.per_item


class Question(msgspec.Struct, frozen=True):
    """One observation put to a labeller in a turn.

    Args:
        observation: Which one.
        turn: The turn that asked.
        purpose: Why.
        probability: The known chance in (0, 1] that this observation of its turn is asked
            about with this purpose; `None` for a deterministic pick, which may train but
            never judges.
        rank: Place in the queue, the best question first.
    """

    observation: Place
    turn: int
    purpose: Purpose
    probability: float | None
    rank: int = 0


class Label(msgspec.Struct, frozen=True):
    """What a labeller said of an observation.

    Args:
        observation: Of which one.
        label: The answer.
        labeller: `history`, `person:NAME`, `teacher:NAME` or `outcome:SOURCE`.
        labelled_at: UTC.
        cost: What it cost.
    """

    observation: Place
    label: str
    labeller: str
    labelled_at: datetime
    cost: Money


class Note(msgspec.Struct, frozen=True):
    """How an answer was given; kept beside the label.

    Args:
        seconds: Time spent on it, as measured where it was given.
        opinion_shown: Whether the labeller saw what the model had decided before answering.
        comment: What the labeller wrote, if anything.
    """

    seconds: float = 0.0
    opinion_shown: bool = False
    comment: str = ""


class Pass(msgspec.Struct, frozen=True):
    """A labeller who cannot tell.

    Args:
        observation: Of which one.
        labeller: Who.
        why: In the labeller's words; may be empty.
        seconds: Time spent on it.
        cost: What that cost.
        passed_at: UTC.
    """

    observation: Place
    labeller: str
    why: str
    seconds: float
    cost: Money
    passed_at: datetime


class Lease(msgspec.Struct, frozen=True):
    """A question shown to one labeller, and kept from the others until it expires.

    Args:
        question: Which one.
        labeller: To whom.
        until: UTC.
        second_look: Whether a label is there already and is to be looked at again.
    """

    question: Question
    labeller: str
    until: datetime
    second_look: bool = False


class SecondLook(msgspec.Struct, frozen=True):
    """A labelled observation that is put to a labeller once more.

    Args:
        observation: Which one.
        turn: The turn that asked.
        why: One sentence: what makes its label doubtful.
        rank: Place among the turn's second looks, the most doubtful first.
        asked_at: UTC.
    """

    observation: Place
    turn: int
    why: str
    rank: int
    asked_at: datetime

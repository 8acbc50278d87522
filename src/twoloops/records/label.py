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

"""How a task's questions are asked of people: how many of them, what they see, what time costs."""

from decimal import Decimal
from typing import Literal

import msgspec

from twoloops.records.errors import UserError
from twoloops.records.label import Wanted
from twoloops.records.money import Money
from twoloops.store.workspace import Store

LABELLING = "labelling"
"""Evidence: the labelling policy of a task, kept with turn -1."""

Opinion = Literal["asked", "shown"]
"""Whether a labeller sees what the model decided only on demand (an opinion shown sways the
answer), or at once."""


class LabellingPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the labels of one task.

    Args:
        per_item: Labels wanted of each question, by different labellers.
        per_judge: Labels wanted of a question whose label judges models (`records.label.JUDGING`).
        passes: "Can't tell" by this many labellers closes a question without a label.
        second_looks: Most suspected errors of a turn that are sent back for a second look.
        opinion: Whether what the model decided is shown at once.
        hourly_rate: What an hour of labelling costs: a label then costs its measured time;
            without it the task's flat price of a label.
        lease_minutes: How long an item shown to one labeller is kept from the others.
    """

    per_item: int = 1
    per_judge: int = 1
    passes: int = 1
    second_looks: int = 0
    opinion: Opinion = "asked"
    hourly_rate: Money | None = None
    lease_minutes: float = 10.0

    def __post_init__(self) -> None:
        for option, number in (
            ("--labels-per-item", self.per_item),
            ("--labels-per-judge", self.per_judge),
            ("--passes", self.passes),
        ):
            if not 1 <= number <= 99:
                raise UserError(f"{option} must be from 1 to 99: got {number}")
        if self.second_looks < 0:
            raise UserError(f"--second-looks must be 0 or more: got {self.second_looks}")
        if not 0 < self.lease_minutes <= 24 * 60:
            raise UserError(
                "--lease-minutes must be above 0 and at most 1440 (a day): got "
                f"{self.lease_minutes:g}"
            )

    @property
    def wanted(self) -> Wanted:
        """When a question is answered."""
        return Wanted(self.per_item, self.per_judge, self.passes)

    def price(self, flat: Money, seconds: float) -> Money:
        """Return what a label costs: its time by the hourly rate, or the flat price.

        >>> LabellingPolicy(hourly_rate=Money(Decimal(36), "EUR")).price(Money(Decimal(1)), 4.5)
        Money(amount=Decimal('0.0450'), currency='EUR')
        """
        if self.hourly_rate is None:
            return flat
        hours = Decimal(str(round(max(seconds, 0.0), 1))) / 3600
        amount = (self.hourly_rate.amount * hours).quantize(Decimal("0.0001"))
        return Money(amount, self.hourly_rate.currency)


def keep_labelling(store: Store, task: str, policy: LabellingPolicy) -> None:
    """Keep the labelling policy beside the task."""
    store.evidence.put(task, LABELLING, -1, policy)


def labelling_of(store: Store, task: str) -> LabellingPolicy:
    """Return the labelling policy of a task."""
    return store.evidence.get(task, LABELLING, LabellingPolicy, turn=-1) or LabellingPolicy()

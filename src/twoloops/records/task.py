"""The task: one decision that a small model makes."""

from decimal import Decimal
from typing import Literal

import msgspec

from twoloops.records.errors import UserError
from twoloops.records.money import Money

Kind = Literal["text", "signal", "image"]


class Costs(msgspec.Struct, frozen=True):
    """What being wrong and being told costs.

    Args:
        escape: Money lost by one missed fault.
        false_reject: Money lost by one good item called a fault.
        label: Money paid for one label.
    """

    escape: Money = Money(Decimal(1))
    false_reject: Money = Money(Decimal(1))
    label: Money = Money(Decimal(1))


class Task(msgspec.Struct, frozen=True):
    """One single-label classification.

    Args:
        name: The task's name in its workspace.
        kind: The kind of input.
        labels: Every label, sorted; may grow when a new fault appears.
        normal: The label that is no fault; `None` when there is none, and then detection
            and false-reject rates do not exist.
        costs: What an escape, a false reject and a label cost.
        max_false_reject_rate: An upper limit in [0, 1] kept by the threshold rule, or `None`.
        shape: (channels, samples) of a signal, else `None`.
        latency_budget_ms: The longest verdict time (99th percentile) a release may need.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    normal: str | None = None
    costs: Costs = Costs()
    max_false_reject_rate: float | None = None
    shape: tuple[int, int] | None = None
    latency_budget_ms: float = 250.0

    def __post_init__(self) -> None:
        if tuple(sorted(set(self.labels))) != self.labels:
            raise UserError(f"labels must be sorted and distinct: got {list(self.labels)}")
        if self.normal is not None and self.normal not in self.labels:
            raise UserError(
                f"--normal {self.normal!r} is no label of task {self.name!r}: "
                f"choose one of {list(self.labels)}"
            )
        rate = self.max_false_reject_rate
        if rate is not None and not 0 <= rate <= 1:
            raise UserError(f"the false-reject limit is a rate in [0, 1]: got {rate}")

    @property
    def faults(self) -> tuple[str, ...]:
        """Every label but the normal one."""
        return tuple(label for label in self.labels if label != self.normal)

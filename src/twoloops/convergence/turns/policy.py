"""How a task's turns are run: the label budget, which loops are switched on, the gate."""

from typing import Literal

import msgspec

from twoloops.convergence.judging.gate import GateSettings
from twoloops.edge.capture import CapturePolicy
from twoloops.physical.drift.finding import BUDGET
from twoloops.physical.select import Strategy
from twoloops.records.errors import UserError

Rebase = Literal["offers", "failures"]
"""What makes a turn try another base."""

DriftOpens = Literal["never", "turn", "rebase"]
"""What an alarm about drift opens: nothing, the next turn, or one that tries other bases too."""

AFTER_REFUSAL = 0.5
"""Least share of a turn's labels that verifies after the gate has refused more data."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the turns of one task.

    Args:
        labels_per_turn: Budget of a turn, audit labels included.
        audit_share: Share of the budget drawn at random; it judges first and trains later.
        verify_share: Share of the budget kept back to ask where a candidate and the model it is
            compared with decide differently; what is not needed is spent in the next turn.
            After a refusal it is at least `AFTER_REFUSAL`.
        seed_labels: Labels asked for in turn 0, where the seed is not a census.
        golden: Items of the seed that are frozen and never train, at most 30.
        strategy: How the other labels are chosen.
        data: Whether the physical loop runs: new labels train.
        models: Whether the digital loop runs: newer bases are tried.
        rebase: Whether other bases are tried as soon as they are offered, or only while the
            deployed model fails in a slice of what it sees (`convergence.turns.slices`).
        gate: Whether candidates are judged; without it every candidate is taken.
        everything: Whether every observation is labelled (the upper reference).
        seed: Of all random choices.
        capture: What the replayed edge keeps.
        settings: Of the gate.
        stop_when_worthless: Whether a turn asks for its audit labels only while further labels
            are worth less than they cost (`convergence.judging.stopping`). The audit share never
            stops: without it every figure would end.
        drift_opens: What an alarm about drift opens, once for each release.
        drift_budget: Chance that a release is ever alarmed about without drift, over all that is
            watched and however often it is looked at (`convergence.turns.drifting`).
    """

    labels_per_turn: int = 40
    audit_share: float = 0.2
    verify_share: float = 0.2
    seed_labels: int = 90
    golden: int = 18
    strategy: Strategy = "spread"
    data: bool = True
    models: bool = True
    rebase: Rebase = "offers"
    gate: bool = True
    everything: bool = False
    seed: int = 0
    capture: CapturePolicy = CapturePolicy()
    settings: GateSettings = GateSettings()
    stop_when_worthless: bool = False
    drift_opens: DriftOpens = "never"
    drift_budget: float = BUDGET

    def __post_init__(self) -> None:
        if not 0 <= self.golden <= 30:
            raise UserError(f"a golden set has 0 to 30 items: got {self.golden}")
        if not 0 < self.audit_share <= 1:
            raise UserError(
                f"the audit share must be above 0, else nothing may judge: got {self.audit_share}"
            )
        if not 0 <= self.verify_share < 1:
            raise UserError(f"the verifying share must lie in [0, 1): got {self.verify_share}")
        if not 0 < self.drift_budget < 1:
            raise UserError(
                f"the budget of false alarms is a chance in (0, 1): got {self.drift_budget}"
            )
        if self.labels_per_turn < 0:
            raise UserError(f"labels per turn cannot be negative: got {self.labels_per_turn}")

    def verify_labels(self, refused: bool = False) -> int:
        """Labels kept back to verify, of those that are no audit labels.

        Args:
            refused: Whether the gate refused more data in the turn before. Labels that tell two
                models apart are then worth more than labels that teach a model which is not
                released. All but the audit share was tried: a new fault was learned later.
        """
        if not self.gate:
            return 0
        left = self.labels_per_turn - self.audit_labels
        share = max(self.verify_share, AFTER_REFUSAL) if refused else self.verify_share
        return min(left, round(share * self.labels_per_turn))

    @property
    def audit_labels(self) -> int:
        """Audit labels of one turn."""
        return min(self.labels_per_turn, max(1, round(self.audit_share * self.labels_per_turn)))

"""What a look for drift finds: figures, and a verdict that keeps its budget of false alarms."""

from datetime import datetime
from typing import Literal

import msgspec

from twoloops.records.digests import Digest

Kind = Literal["inputs", "decisions", "audit error"]
KINDS: tuple[Kind, ...] = ("inputs", "decisions", "audit error")

BUDGET = 0.05
"""Chance that any look at a release, however many there are, ever alarms without drift."""

CEILING = 1e12
"""Evidence is reported up to here; no decision depends on more."""


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was watched.

    Args:
        kind: What it is of.
        name: As `distance`, `share of crack`, `confidence`.
        edge: Of this edge alone; `None` for all together.
        block: Observations averaged to one unit, so that neighbours do not count as witnesses.
        reference: Units in the reference.
        units: Units since.
        before: Mean in the reference.
        after: Mean since.
        evidence: The highest wealth so far of betting on a change; 1 is none.
        p: Anytime-valid p-value.
        alarm: Whether it has changed, by Holm over the whole report.
        at: Observations since the release until its evidence alone was enough; `None` where it
            is not, and for audit labels.
    """

    kind: Kind
    name: str
    edge: str | None
    block: int = 1
    reference: int
    units: int
    before: float
    after: float
    evidence: float
    p: float
    alarm: bool = False
    at: int | None = None

    def __str__(self) -> str:
        where = "" if self.edge is None else f" on {self.edge}"
        return f"{self.kind}, {self.name}{where}: {self.before:.3g} before, {self.after:.3g} since"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """How a kind was tested.

    Args:
        kind: Which one.
        reference: Observations (audit labels) of the reference.
        current: Those since.
        tested: Features that were tested.
        left_out: Those that were not: their neighbours are alike for longer than the reference
            has room for.
        block: The most observations averaged to one unit.
        unknown: Why nothing was tested; empty where it was.
    """

    kind: Kind
    reference: int
    current: int
    tested: int = 0
    left_out: int = 0
    block: int = 1
    unknown: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a look found.

    Args:
        task: Its name.
        model: The deployed model.
        turn: The turn it was released in.
        budget: Chance that this release is ever alarmed about without drift.
        features: Everything watched.
        parts: How each kind was tested.
        unseen: Edges that the reference does not know; they count in the whole alone.
        observations: Observations since the release that were there to be looked at.
        looked_at: UTC.
    """

    task: str
    model: Digest
    turn: int
    budget: float
    features: tuple[Feature, ...]
    parts: tuple[Part, ...]
    unseen: tuple[str, ...]
    observations: int
    looked_at: datetime

    @property
    def alarms(self) -> tuple[Feature, ...]:
        """What has changed, the strongest evidence first."""
        found = [one for one in self.features if one.alarm]
        return tuple(sorted(found, key=lambda one: (one.p, one.kind, one.name)))

    @property
    def verdict(self) -> Literal["drift", "none seen", "unknown"]:
        """`unknown` where nothing could be tested yet."""
        if self.alarms:
            return "drift"
        return "none seen" if self.features else "unknown"

    @property
    def reason(self) -> str:
        """The verdict's reason in one sentence."""
        if self.alarms:
            more = f" and {len(self.alarms) - 1} more" if len(self.alarms) > 1 else ""
            return f"{self.alarms[0]}{more}"
        if self.features:
            return f"none of {len(self.features)} features has changed beyond chance"
        return "; ".join(f"{one.kind}: {one.unknown}" for one in self.parts if one.unknown)

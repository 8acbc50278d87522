"""Obligations: what the past of a model asks of whoever uses it or passes it on."""

from datetime import date
from typing import Literal

import msgspec

from twoloops.records.finding import PURPOSES, Purpose

ObligationKind = Literal[
    "naming",
    "notice",
    "use-limit",
    "no-train-on-outputs",
    "research-only",
    "non-commercial",
    "share-alike",
    "threshold",
    "unknown",
]

Weight = Literal["against", "needs", "duty"]
"""`against`: nobody can settle it; `needs`: a person has to; `duty`: to be kept, stops nothing."""


class Obligation(msgspec.Struct, frozen=True):
    """One thing a licence or a teacher's terms ask.

    Args:
        kind: What sort of thing.
        text: What it says, in short, and of whom.
        source: Which row of the dated tables, or which card, says so.
        holds: For which purposes it is to be kept.
        needs: For which purposes a person has to settle it first.
        against: For which purposes it stands against use, whatever a person says.
        read: When the text was looked at; a person's word from before does not settle it.
    """

    kind: ObligationKind
    text: str
    source: str
    holds: tuple[Purpose, ...] = PURPOSES
    needs: tuple[Purpose, ...] = ()
    against: tuple[Purpose, ...] = ()
    read: date | None = None

    def weight(self, purpose: Purpose) -> Weight:
        """Return how much it weighs for a purpose.

        >>> Obligation("notice", "licence copy", "MIT").weight("publish")
        'duty'
        """
        if purpose in self.against:
            return "against"
        return "needs" if purpose in self.needs else "duty"


class Confirmation(msgspec.Struct, frozen=True):
    """A person's word on the terms of one thing: it settles what `needs` one, never more.

    Args:
        by: Who.
        on: When.
        says: What was found: an agreement, an answer, a fresh reading.
        purposes: For what.
    """

    by: str
    on: date
    says: str
    purposes: tuple[Purpose, ...] = PURPOSES


class Carried(msgspec.Struct, frozen=True):
    """An obligation as a thing carries it.

    Args:
        obligation: What is asked.
        path: Titles, from the thing to where the obligation comes from.
        confirmed: A person's word that settles it, where there is one.
    """

    obligation: Obligation
    path: tuple[str, ...]
    confirmed: Confirmation | None = None

    def blocks(self, purpose: Purpose) -> bool:
        """Whether it stands in the way of a purpose."""
        weight = self.obligation.weight(purpose)
        if weight == "needs":
            return self.confirmed is None or purpose not in self.confirmed.purposes
        return weight == "against"

    def __str__(self) -> str:
        """Return it as one line, with the whole path.

        >>> str(Carried(Obligation("notice", "licence copy", "MIT"), ("model", "base")))
        'notice: licence copy (MIT); path: model → base'
        """
        own = self.obligation
        return f"{own.kind}: {own.text} ({own.source}); path: {' → '.join(self.path)}"

"""Figures quoted from cited pages: series over time, shares with denominators, disclosures."""

import msgspec

from twoloops.atlas.tables import table


class Point(msgspec.Struct, frozen=True):
    """A figure of a series.

    Args:
        series: What is measured.
        at: ISO date; for a quarter or a report, its last day.
        value: In `unit`.
        unit: Of the value.
        kind: `stock` (at that day) or `flow` (over a time).
        definition: What exactly is counted.
        source: Id of the source.
    """

    series: str
    at: str
    value: float
    unit: str
    kind: str
    definition: str
    source: str


class Share(msgspec.Struct, frozen=True):
    """A bloc's share of something, with what it is a share of.

    Args:
        bloc: Whose share.
        of: The denominator in words, and whether it is a stock or a flow.
        window: The time it covers.
        source: Id of the source.
        share: In percent, as published; `None` where it is computed.
        numerator: In the denominator's unit.
        denominator: In the unit that `of` names.
    """

    bloc: str
    of: str
    window: str
    source: str
    share: float | None = None
    numerator: float | None = None
    denominator: float | None = None

    @property
    def percent(self) -> float | None:
        """The share in percent, as published or else computed; `None` where neither is known."""
        if self.share is not None:
            return self.share
        if self.numerator is None or not self.denominator:
            return None
        return 100 * self.numerator / self.denominator


class Disclosure(msgspec.Struct, frozen=True, rename={"since": "from"}):
    """What a provider says of distillation from its API: an accuser's figures.

    Args:
        disclosed: ISO date.
        says: Who says so.
        alleged: Whom it names.
        target: Whose model.
        pattern: What it describes.
        source: Id of the source.
        accounts: About how many accounts.
        exchanges: At least how many exchanges.
        since: First day of the time described.
        to: Last day of it.
    """

    disclosed: str
    says: str
    alleged: str
    target: str
    pattern: str
    source: str
    accounts: int | None = None
    exchanges: int | None = None
    since: str = ""
    to: str = ""


def points() -> tuple[Point, ...]:
    """Return the figures of all series, in the table's order."""
    return table("series", Point)


def shares() -> tuple[Share, ...]:
    """Return all quoted shares."""
    return table("shares", Share)


def disclosures() -> tuple[Disclosure, ...]:
    """Return all disclosures, the oldest first."""
    return table("disclosures", Disclosure)

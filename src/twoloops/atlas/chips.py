"""Compute of Nvidia's chips by owner and quarter: cumulative since 2022, in H100 equivalents."""

import msgspec

from twoloops.atlas.tables import table

ALL = "all"


class Owned(msgspec.Struct, frozen=True):
    """Cumulative compute delivered to an owner by the end of a quarter (a stock).

    Legal and estimated supply of Nvidia's chips; other makers' chips and rented capacity are not
    in it.

    Args:
        owner: As the publisher names it; `all` for everyone.
        quarter: Such as `2023-Q3`.
        to: Its last day.
        low: 5th percentile, in H100 equivalents.
        median: In H100 equivalents.
        high: 95th percentile, in H100 equivalents.
        source: Id of the source.
    """

    owner: str
    quarter: str
    to: str
    low: float
    median: float
    high: float
    source: str


def owned(owner: str) -> tuple[Owned, ...]:
    """Return an owner's quarters, the oldest first."""
    rows = (row for row in table("chips", Owned) if row.owner == owner)
    return tuple(sorted(rows, key=lambda row: row.to))


def share_by_quarter(owner: str) -> dict[str, float]:
    """Return an owner's part of all by quarter, in percent: median over median."""
    total = {row.quarter: row.median for row in owned(ALL)}
    return {
        row.quarter: 100 * row.median / total[row.quarter]
        for row in owned(owner)
        if row.quarter in total
    }

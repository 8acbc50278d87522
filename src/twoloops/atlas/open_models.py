"""Open models by country and year, of several snapshots of one publisher's data."""

from collections.abc import Iterable

import msgspec

from twoloops.atlas.tables import table


class YearCount(msgspec.Struct, frozen=True):
    """Open models that organisations of a country published in a year (a flow).

    Args:
        snapshot: Name of the snapshot, see `Snapshot`.
        country: As the publisher writes it; a joint model counts for each of its countries.
        year: Of publication.
        models: How many; years without any have no row.
        source: Id of the source.
    """

    snapshot: str
    country: str
    year: int
    models: int
    source: str


class Snapshot(msgspec.Struct, frozen=True):
    """A file as it was published at one time.

    Args:
        snapshot: Its name.
        scope: What its publisher admits to it: `all models`, `notable models`, …
        first: First publication date in it.
        last: Last publication date in it: what it knows ends there.
        models: Models in it.
        open: Those with published weights.
        blank: Those of unknown accessibility, counted as not open.
        source: Id of the source.
    """

    snapshot: str
    scope: str
    first: str
    last: str
    models: int
    open: int
    blank: int
    source: str


def year_counts() -> tuple[YearCount, ...]:
    """Return all counts."""
    return table("open_models", YearCount)


def snapshots() -> tuple[Snapshot, ...]:
    """Return what is known of each snapshot, in the order of the table."""
    return table("open_model_snapshots", Snapshot)


def cumulative(
    rows: Iterable[YearCount], snapshot: str, country: str, until: int
) -> dict[int, int]:
    """Return the stock at the end of each year: the sum of all years so far.

    Args:
        rows: Annual counts.
        snapshot: Which snapshot to read.
        country: Which country.
        until: The last year of the answer.

    Returns:
        Number of models by year, from the first year with a model to `until` without gaps; empty
        where there is none. Law: it never falls, and its last value is the sum of the annual ones.
    """
    annual = {
        row.year: row.models
        for row in rows
        if row.snapshot == snapshot and row.country == country and row.year <= until
    }
    if not annual:
        return {}
    total, stock = 0, {}
    for year in range(min(annual), until + 1):
        total += annual.get(year, 0)
        stock[year] = total
    return stock

"""List prices of models with their history, and models that have an index score and a price."""

from collections.abc import Iterable

import msgspec

from twoloops.atlas.tables import table

BLEND = "(3 × input + output) / 4"
"""The blend of list prices, as Artificial Analysis uses it: three tokens read for one written."""


class Price(msgspec.Struct, frozen=True):
    """A list price in USD per million tokens, from a day on.

    Args:
        provider: Who sells: makers' own offers only.
        model: As its API names it.
        input: For tokens read, the standard rate without tiers, cache and batch.
        output: For tokens written, likewise.
        basis: How the day is known: `documented`, `models.dev commit` or `first observed`.
        source: Id of the source.
        since: ISO date from which it is known to hold; empty for prices without a date.
        hours: Hours of the day for which it holds; empty for all.
        page: Where the price was read: an address, or a commit of models.dev.
    """

    provider: str
    model: str
    input: float
    output: float
    basis: str
    source: str
    since: str = ""
    hours: str = ""
    page: str = ""

    @property
    def blended(self) -> float:
        """USD per million tokens at three read for one written."""
        return blend(self.input, self.output)


class IndexPrice(msgspec.Struct, frozen=True):
    """A model version with a score of one index and the first list price of its maker.

    Args:
        version: As the index names it; a suffix such as `_medium` is an effort level.
        name: Its name.
        maker: Its organisation.
        country: Of the organisation, as the index's publisher has it.
        released: ISO date.
        score: In the units of the index named by `source`: never to be divided by or compared
            with a score of another index or another version of it.
        provider: Who sells it.
        model: As its API names it.
        priced: ISO date of the price.
        input: USD per million tokens read.
        output: USD per million tokens written.
        source: Id of the index's source.
        price_source: Id of the price's source.
    """

    version: str
    name: str
    maker: str
    country: str
    released: str
    score: float
    provider: str
    model: str
    priced: str
    input: float
    output: float
    source: str
    price_source: str

    @property
    def blended(self) -> float:
        """USD per million tokens at three read for one written."""
        return blend(self.input, self.output)


def blend(read: float, written: float) -> float:
    """Return the blended price: `BLEND`.

    >>> blend(1.75, 14)
    4.8125
    """
    return (3 * read + written) / 4


def prices() -> tuple[Price, ...]:
    """Return all list prices."""
    return table("prices", Price)


def history(rows: Iterable[Price], provider: str, model: str) -> tuple[Price, ...]:
    """Return a model's dated prices for all hours, oldest first."""
    found = (row for row in rows if (row.provider, row.model) == (provider, model))
    return tuple(sorted((r for r in found if r.since and not r.hours), key=lambda row: row.since))


def price_on(rows: Iterable[Price], provider: str, model: str, day: str) -> Price | None:
    """Return the price in force on a day, `None` where none is known so early."""
    before = [row for row in history(rows, provider, model) if row.since <= day]
    return before[-1] if before else None


def index_prices() -> tuple[IndexPrice, ...]:
    """Return the models with both."""
    return table("index_prices", IndexPrice)

"""The article's own rating of how far export controls cover each layer, as data."""

import msgspec

from twoloops.atlas.tables import table


class Rating(msgspec.Struct, frozen=True):
    """A row of the article's coverage table (section 6.1).

    Args:
        layer: The layer it is set beside here.
        dimension: As the article calls it.
        coverage: `COVERED`, `NOT COVERED` or `N/A`.
        workaround: As the article has it.
        risk: As the article rates it.
        as_of: Month of the article.
        source: Id of the source.
    """

    layer: str
    dimension: str
    coverage: str
    workaround: str
    risk: str
    as_of: str
    source: str


def ratings() -> tuple[Rating, ...]:
    """Return the packaged table."""
    return table("coverage_ratings", Rating)

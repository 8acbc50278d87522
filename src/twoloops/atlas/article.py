"""How the article's tables are laid out: which claim stands in which row and column.

The figures themselves stand in `data/claims.csv` alone; these rows name them.
"""

import msgspec

from twoloops.atlas.tables import table


class Leader(msgspec.Struct, frozen=True):
    """A bloc's leader in one dimension (sections I and 6.3).

    Args:
        exhibit: `landscape` or `applications`.
        dimension: As the article calls it.
        bloc: Whose leader it is, as the article flags it.
        leader: The model, company or service.
        low: Claim with the figure, or with the lower end of a range.
        source: Id of the source.
        high: Claim with the upper end; empty for a single figure.
    """

    exhibit: str
    dimension: str
    bloc: str
    leader: str
    low: str
    source: str
    high: str = ""


class Downloaded(msgspec.Struct, frozen=True):
    """A row of the table of downloads (section 2.1).

    Args:
        rank: From 1.
        company: The publisher.
        model: Its name.
        downloads: Claim with the downloads in November and December 2025 (a flow).
        derivatives: Claim with the derivatives (a stock; how they are counted is not said).
        country: Claim with the country the article flags.
        parameters: In billions.
        parameters_from: Where that number is from: the model's name, or the id of a source.
        source: Id of the source.
    """

    rank: int
    company: str
    model: str
    downloads: str
    derivatives: str
    country: str
    parameters: float
    parameters_from: str
    source: str


class PricedModel(msgspec.Struct, frozen=True):
    """A row of the table of prices (section 2.2), and the list price it can be compared with.

    Args:
        model: Its name.
        bloc: As the article flags it.
        key: The end of its claims' ids: `II_` index, `PR_` price, `VR_` value ratio.
        provider: Its maker in `data/prices.csv`.
        listed: Its name there.
        on: Day whose list price is compared: of the report, or the last one it was listed as
            this very model.
        source: Id of the source.
    """

    model: str
    bloc: str
    key: str
    provider: str
    listed: str
    on: str
    source: str


class Event(msgspec.Struct, frozen=True):
    """An event of a timeline (sections 3.1 and V), or one the article leaves out.

    Args:
        exhibit: `data-asset` or `distillation`.
        event: What happened.
        source: Id of the source that names the event.
        claim: Claim with the article's date; empty where the article has none.
        fact: Fact with the date that others give.
        on: That date itself where no fact holds it.
        note: What to know about it.
    """

    exhibit: str
    event: str
    source: str
    claim: str = ""
    fact: str = ""
    on: str = ""
    note: str = ""


def leaders(exhibit: str) -> tuple[Leader, ...]:
    """Return the leaders of one exhibit, in the article's order."""
    return tuple(row for row in table("article_leaders", Leader) if row.exhibit == exhibit)


def downloads() -> tuple[Downloaded, ...]:
    """Return the ten most downloaded models, in the article's order."""
    return table("article_downloads", Downloaded)


def priced_models() -> tuple[PricedModel, ...]:
    """Return the rows of the table of prices."""
    return table("article_prices", PricedModel)


def events(exhibit: str) -> tuple[Event, ...]:
    """Return the events of one timeline: the article's, then those it leaves out."""
    return tuple(row for row in table("timelines", Event) if row.exhibit == exhibit)

"""List prices of models at their makers, as a catalogue stated them on its date."""

import msgspec

from twoloops.atlas.tables import table

MAKERS = (
    "alibaba",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "minimax",
    "mistral",
    "moonshotai",
    "openai",
    "perplexity",
    "stepfun",
    "xai",
    "xiaomi",
    "zhipuai",
)
"""Labs that sell their own models, by the catalogues' names; resellers are left out."""


class ListPrice(msgspec.Struct, frozen=True):
    """A price that a catalogue lists for a model sold by its own maker.

    Args:
        provider: Its maker.
        model: As the maker's API names it.
        input: USD per million tokens read, standard rate without tiers, cache and batch.
        output: USD per million tokens written, likewise.
        released: ISO date (or year and month), empty where the catalogue says none.
        open: Whether the catalogue says that the weights are published; unknown where it is
            silent.
        source: Id of the source.
    """

    provider: str
    model: str
    input: float
    output: float
    source: str
    released: str = ""
    open: bool | None = None


def list_prices() -> tuple[ListPrice, ...]:
    """Return the packaged list prices of both catalogues."""
    return table("list_prices", ListPrice)

"""Open models on the Hugging Face Hub: downloads, derivatives and licence at one time.

Downloads are a flow, those of the last 30 days; derivatives are a stock, the models whose cards
name this one as their base. The article's downloads cover two months and must not be compared with
these; how it counts derivatives is not said in it.
"""

import msgspec

from twoloops.atlas.article import downloads

ACCOUNTS = {
    "Alibaba": "Qwen",
    "ByteDance": "omni-research",
    "DeepSeek": "deepseek-ai",
    "Meta": "meta-llama",
    "OpenAI": "openai",
}
"""Accounts on the Hub of the companies in the article's table of downloads."""


class HubModel(msgspec.Struct, frozen=True):
    """A model and what was counted of it.

    Args:
        model: Account and name on the Hub.
        downloads: In the last 30 days before the date of the source.
        source: Id of the source.
        all_downloads: Since it was published.
        derivatives: Models that name it as their base: fine-tunes, adapters, merges and
            quantised copies together.
        finetunes: Fine-tunes among them.
        adapters: Adapters among them.
        merges: Merges among them.
        quantised: Quantised copies among them.
        licence: As its card states it.
        bases: What its card names as its own base, parted by a blank.
    """

    model: str
    downloads: int
    source: str
    all_downloads: int | None = None
    derivatives: int | None = None
    finetunes: int | None = None
    adapters: int | None = None
    merges: int | None = None
    quantised: int | None = None
    licence: str = ""
    bases: str = ""


class HubFamily(msgspec.Struct, frozen=True):
    """All models of a family that its maker's account publishes, added up.

    Args:
        family: What the models' names begin with, whatever the case.
        account: The maker's account on the Hub.
        models: How many there are (a stock).
        downloads: Of all of them in the last 30 days (a flow).
        source: Id of the source.
    """

    family: str
    account: str
    models: int
    downloads: int
    source: str


def article_models() -> dict[str, str]:
    """Return the article's ten models in its order: name on the Hub, and claim of derivatives."""
    return {f"{ACCOUNTS[row.company]}/{row.model}": row.derivatives for row in downloads()}

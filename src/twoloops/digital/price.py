"""What a million decisions cost: ours, and at a frontier model's list price.

The list price comes from the package `model-prices` (dated, sourced, read from the installed
release, never over the network). It is the price of the same tokens, not of the same quality:
nothing here has measured how well the frontier model would decide.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from twoloops.records.task import Task

FRONTIER_MODEL = "claude-opus-5-5"
CPU_HOUR = 0.05
"""USD for one hour of one CPU core: an assumption, about what clouds list for a virtual core."""

CHARACTERS_PER_TOKEN = 4
PROMPT_TOKENS = 80
"""Assumed for the instruction around an input, the labels not counted."""
IMAGE_TOKENS = 765
"""Assumed for one picture of about a megapixel."""
TOKENS_PER_NUMBER = 3
"""Assumed for one sample of a signal written with four digits and a separator."""

NOTE = (
    "equal quality not measured; list price without batch or cache discount; tokens estimated: "
    f"a prompt of {PROMPT_TOKENS} and the labels, text at {CHARACTERS_PER_TOKEN} characters a "
    f"token, {IMAGE_TOKENS} for a picture, {TOKENS_PER_NUMBER} for a number of a signal; "
    f"own compute at {CPU_HOUR} USD a CPU hour"
)


class FrontierPrice(NamedTuple):
    """A list price.

    Attributes:
        model: The frontier model.
        per_million: USD for a million decisions, or `None` where no price is known.
        as_of: Date of the price data, and since when the price has been listed.
        source: Where the price is stated.
        note: What the figure does not say.
    """

    model: str
    per_million: float | None
    as_of: str
    source: str
    note: str


def tokens_of(task: Task, inputs: Sequence[bytes]) -> tuple[float, float]:
    """Estimate the mean number of tokens into and out of a language model for one decision.

    Args:
        task: Its labels go into the prompt; one of them comes out.
        inputs: Some typical inputs (raw bytes); only texts are looked at.
    """
    labels = [len(label) / CHARACTERS_PER_TOKEN + 1 for label in task.labels]
    prompt = PROMPT_TOKENS + sum(labels)
    out = sum(labels) / len(labels) if labels else 1.0
    if task.kind == "image":
        return prompt + IMAGE_TOKENS, out
    if task.kind == "signal":
        channels, samples = task.shape or (0, 0)
        return prompt + TOKENS_PER_NUMBER * channels * samples, out
    lengths = [len(data.decode("utf-8", "replace")) for data in inputs]
    mean = sum(lengths) / len(lengths) if lengths else 0.0
    return prompt + mean / CHARACTERS_PER_TOKEN, out


def frontier_price(
    tokens_in: float, tokens_out: float, at: datetime | None, model: str = FRONTIER_MODEL
) -> FrontierPrice:
    """Return the list price of a million decisions.

    Args:
        tokens_in: Tokens read for one decision.
        tokens_out: Tokens written for one decision.
        at: The day whose price is wanted; `None` for today's.
        model: A name that `model-prices` knows.
    """
    try:
        import model_prices
    except ImportError:
        return _unknown(model, "the package model-prices is not installed")
    rates = model_prices.rates(model, at)
    if rates is None:
        return _unknown(model, "model-prices lists no price for it on that day")
    # USD per million tokens times tokens per decision is USD per million decisions.
    per_million = tokens_in * rates.input + tokens_out * rates.output
    # The data says nothing of the days after it, nor of the days before the first listing.
    data, first = model_prices.data_as_of(), datetime.fromisoformat(rates.valid_from)
    day = max(first, min(at or data, data))
    as_of = f"{day.date().isoformat()} (listed since {rates.valid_from[:10]})"
    return FrontierPrice(model, float(per_million), as_of, str(rates.source), NOTE)


def ours_per_million(money: float, decisions: int) -> float:
    """Return the cost of a million decisions, given what `decisions` of them cost in all.

    >>> ours_per_million(50.0, 10_000)
    5000.0
    """
    return money / max(decisions, 1) * 1e6


def _unknown(model: str, why: str) -> FrontierPrice:
    return FrontierPrice(model, None, "", "", f"no list price: {why}; {NOTE}")

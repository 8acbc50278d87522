"""Pydantic's genai-prices: one JSON file, a list of providers with models and prices."""

from datetime import date
from typing import Any

import msgspec

from twoloops.atlas.list_prices import MAKERS, ListPrice
from twoloops.atlas.prices import Price
from twoloops.atlas.publishers.port import (
    Fetched,
    Filled,
    Get,
    Pulled,
    SourceError,
    enough,
    published,
)
from twoloops.atlas.tables import Source

Number = float | int
Prices = dict[str, Any]

NAMES = {"x-ai": "xai", "zhipu": "zhipuai"}
"""Makers that this publisher names otherwise than the other catalogue does."""


class Model(msgspec.Struct):
    """A model of the file; fields that are not read are left out."""

    id: str
    prices: Prices | list[dict[str, Any]]


class Provider(msgspec.Struct):
    """A provider of the file."""

    id: str
    models: list[Model]


class GenaiPrices:
    """The file `prices/data.json` of genai-prices.

    Args:
        address: Where the file is.
        least: Models of all providers it holds at the least.
    """

    name = "genai-prices"

    def __init__(self, address: str, least: int = 500) -> None:
        self.address = address
        self.least = least

    def pull(self, get: Get, today: date) -> Pulled:
        """Read the file; see `Publisher.pull`."""
        answer = get(self.address, "json")
        source = Source(
            id=f"{self.name}-{today.isoformat()}",
            publisher="Pydantic",
            title="genai-prices: prices/data.json",
            url=self.address,
            published=published(answer, today),
            licence="MIT",
            seen="file",
        )
        providers = decode(answer.body, self.least)
        tables = (
            Filled("list_prices", standard(providers, source.id, today), f"{self.name}-"),
            Filled("prices", windows(providers, source.id), f"{self.name}-"),
        )
        return Pulled(source, (Fetched("data.json", self.address, answer.body),), tables)


def decode(body: bytes, least: int) -> list[Provider]:
    """Return the providers of the file.

    Args:
        body: The JSON file.
        least: Models it holds at the least.

    Raises:
        SourceError: It is not such a file.
    """
    try:
        providers = msgspec.json.decode(body, type=list[Provider])
    except msgspec.MsgspecError as error:
        raise SourceError(f"the file is not a list of providers with prices: {error}") from None
    enough(sum(len(one.models) for one in providers), least, "models")
    return providers


def standard(providers: list[Provider], source: str, today: date) -> list[ListPrice]:
    """Return the makers' standard prices.

    Args:
        providers: Of the file.
        source: Id of its source.
        today: Of several prices of a model, the one in force on that day is taken.

    Raises:
        SourceError: A price is none, or no maker has one.
    """
    rows = []
    for provider in providers:
        maker = NAMES.get(provider.id, provider.id)
        if maker not in MAKERS:
            continue
        for model in provider.models:
            prices = _standing(model.prices, today)
            paid = _price(prices, "input_mtok"), _price(prices, "output_mtok")
            if paid[0] and paid[1]:
                rows.append(ListPrice(maker, model.id, paid[0], paid[1], source))
    enough(len(rows), 1, "priced models of their makers")
    return sorted(rows, key=lambda row: (row.provider, row.model))


def windows(providers: list[Provider], source: str) -> list[Price]:
    """Return prices that hold for some hours of the day only, and those of the other hours.

    Args:
        providers: Of the file.
        source: Id of its source.

    Raises:
        SourceError: A price is none.
    """
    rows = []
    for provider in providers:
        for model in provider.models:
            dated = model.prices if isinstance(model.prices, list) else []
            limits = [one.get("constraint") or {} for one in dated]
            day = next((limit for limit in limits if "start_time" in limit), None)
            if day is None:
                continue
            hours = f"{str(day['start_time'])[:5]}-{str(day.get('end_time'))[:5]} UTC"
            for one, limit in zip(dated, limits, strict=True):
                when = hours if limit else f"outside {hours}"
                prices = one.get("prices") or {}
                read, wrote = _price(prices, "input_mtok"), _price(prices, "output_mtok")
                if read and wrote:
                    said = (provider.id, model.id, read, wrote, "documented", source)
                    rows.append(Price(*said, hours=when))
    return rows


def _standing(prices: Prices | list[dict[str, Any]], today: date) -> Prices:
    """Return the prices in force all day on a day: the last one begun by then."""
    if isinstance(prices, dict):
        return prices
    standing: Prices = {}
    for one in prices:
        limits = one.get("constraint") or {}
        begun = str(limits.get("start_date", "")) <= today.isoformat()
        if begun and "start_time" not in limits:
            standing = one.get("prices") or {}
    return standing


def _price(prices: Prices, key: str) -> float | None:
    """Return a price without its tiers, or `None` where there is none.

    Raises:
        SourceError: It is no price.
    """
    stated = prices.get(key)
    if isinstance(stated, dict):
        stated = stated.get("base")
    if stated is None:
        return None
    if isinstance(stated, bool) or not isinstance(stated, Number) or stated < 0:
        raise SourceError(f"{key} is {stated!r}, not a price in USD per million tokens")
    return float(stated)

"""model-prices: a dated snapshot of list prices with their history, named by its digest."""

import hashlib
import re
from datetime import date
from typing import Any

import msgspec

from twoloops.atlas.prices import Price
from twoloops.atlas.publishers.port import Fetched, Filled, Get, Pulled, SourceError, enough
from twoloops.atlas.tables import Source

SCHEMA = 1
"""The publisher raises it when a price is looked up in another way."""


class Latest(msgspec.Struct):
    """What `latest.json` names."""

    sha256: str


class Rates(msgspec.Struct):
    """Prices from one time on, in USD per million tokens."""

    valid_from: str
    valid_from_basis: str
    source: str
    input: float | None = None
    output: float | None = None


class Step(msgspec.Struct):
    """A change of a price; without rates the model was withdrawn."""

    start: str | None
    rates: Rates | None = None


class Snapshot(msgspec.Struct):
    """What is read of a snapshot: provider, model, kind of price, changes in order of time."""

    schema: int
    updated_at: str
    prices: dict[str, dict[str, dict[str, Any]]]


class ModelPrices:
    """The data branch of model-prices.

    Args:
        address: The folder of `latest.json` and of the snapshots, with a slash at its end.
        least: Models with prices it holds at the least.
    """

    name = "model-prices"

    def __init__(self, address: str, least: int = 200) -> None:
        self.address = address
        self.least = least

    def pull(self, get: Get, today: date) -> Pulled:
        """Read which snapshot is the latest, then that; see `Publisher.pull`."""
        latest = get(f"{self.address}latest.json", "json")
        digest = _digest(latest.body)
        url = f"{self.address}{digest}.json"
        answer = get(url, "json")
        if (got := hashlib.sha256(answer.body).hexdigest()) != digest:
            raise SourceError(f"the snapshot has sha256 {got}, latest.json says {digest}")
        snapshot = decode(answer.body)
        source = Source(
            id=f"{self.name}-{today.isoformat()}",
            publisher="model-prices",
            title="model-prices: snapshot of list prices with their history",
            url=url,
            published=snapshot.updated_at[:10],
            licence="MIT",
            seen="file",
        )
        rows = read(snapshot, source.id, self.least)
        # latest.json changes every day even where the snapshot does not: it is not kept.
        files = (Fetched("snapshot.json", url, answer.body),)
        return Pulled(source, files, (Filled("prices", rows, f"{self.name}-"),))


def _digest(body: bytes) -> str:
    try:
        digest = msgspec.json.decode(body, type=Latest).sha256
    except msgspec.MsgspecError as error:
        raise SourceError(f"latest.json names no snapshot: {error}") from None
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise SourceError(f"latest.json names the snapshot {digest[:70]!r}, which is no sha256")
    return digest


def decode(body: bytes) -> Snapshot:
    """Return what is read of a snapshot.

    Raises:
        SourceError: It is not a snapshot of the schema known here.
    """
    try:
        snapshot = msgspec.json.decode(body, type=Snapshot)
        date.fromisoformat(snapshot.updated_at[:10])
    except (msgspec.MsgspecError, ValueError) as error:
        raise SourceError(f"the snapshot is not one of prices: {error}") from None
    if snapshot.schema != SCHEMA:
        raise SourceError(f"the snapshot is of schema {snapshot.schema}, known here is {SCHEMA}")
    return snapshot


def read(snapshot: Snapshot, source: str, least: int) -> list[Price]:
    """Return first-party standard prices, a row a change.

    Args:
        snapshot: What was read of the file.
        source: Id of its source.
        least: Models it holds at the least.

    Raises:
        SourceError: It holds too few, or a price that is none.
    """
    enough(sum(len(models) for models in snapshot.prices.values()), least, "models")
    rows = []
    for provider, models in sorted(snapshot.prices.items()):
        for model, kinds in sorted(models.items()):
            try:
                steps = msgspec.convert(kinds.get("standard", ()), list[Step])
            except msgspec.ValidationError as error:
                raise SourceError(f"the prices of {provider}/{model} are none: {error}") from None
            rows += _changes(provider, model, steps, source)
    return rows


def _changes(provider: str, model: str, steps: list[Step], source: str) -> list[Price]:
    """Return the changes of one model's price, one a day: the last of that day."""
    rows: list[Price] = []
    for step in steps:
        rates = step.rates
        # A price of 0 is an introductory offer or a gap, and says nothing of a list price.
        if rates is None or not rates.input or not rates.output:
            continue
        price = (rates.input, rates.output)
        if min(price) < 0:
            raise SourceError(f"{provider}/{model} is priced below 0")
        # Steps may change another price only, such as that of a cache.
        if rows and (rows[-1].input, rows[-1].output) == price:
            continue
        since = (step.start or rates.valid_from)[:10]
        if rows and rows[-1].since == since:
            rows.pop()  # recorded and corrected on one day
            if rows and (rows[-1].input, rows[-1].output) == price:
                continue
        rows.append(
            Price(
                provider=provider,
                model=model,
                since=since,
                input=rates.input,
                output=rates.output,
                basis=rates.valid_from_basis,
                page=re.sub(r"^https://github.com/sst/models.dev/commit/", "", rates.source),
                source=source,
            )
        )
    return rows

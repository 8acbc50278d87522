"""models.dev: one JSON file of providers with prices, one of models without prices."""

from collections import Counter
from datetime import date

import msgspec

from twoloops.atlas.list_prices import MAKERS, ListPrice
from twoloops.atlas.publishers.port import (
    Fetched,
    Filled,
    Get,
    Pulled,
    SourceError,
    enough,
    published,
)
from twoloops.atlas.regions import LabWeights
from twoloops.atlas.tables import Source


class Cost(msgspec.Struct):
    """USD per million tokens."""

    input: float | None = None
    output: float | None = None


class Offer(msgspec.Struct):
    """A model as a provider offers it (`api.json`)."""

    id: str
    open_weights: bool | None = None
    release_date: str = ""
    cost: Cost | None = None


class Provider(msgspec.Struct):
    """A provider with its offers (`api.json`)."""

    id: str
    models: dict[str, Offer]


class Model(msgspec.Struct):
    """A model whoever offers it (`models.json`)."""

    open_weights: bool


class ModelsDev:
    """The files `api.json` and `models.json`.

    Args:
        address: The folder they are in, with a slash at its end.
        least: Offers in `api.json` at the least.
        least_models: Models in `models.json` at the least.
    """

    name = "models-dev"

    def __init__(self, address: str, least: int = 1000, least_models: int = 100) -> None:
        self.address = address
        self.least = least
        self.least_models = least_models

    def pull(self, get: Get, today: date) -> Pulled:
        """Read both files; see `Publisher.pull`."""
        offers = get(f"{self.address}api.json", "json")
        models = get(f"{self.address}models.json", "json")
        source = Source(
            id=f"{self.name}-{today.isoformat()}",
            publisher="models.dev",
            title="models.dev: api.json and models.json",
            url=self.address,
            published=published(offers, today),
            licence="MIT",
            seen="file",
        )
        prices = read_prices(offers.body, source.id, self.least)
        labs = read_labs(models.body, source.id, self.least_models)
        files = (
            Fetched("api.json", f"{self.address}api.json", offers.body),
            Fetched("models.json", f"{self.address}models.json", models.body),
        )
        tables = (
            Filled("list_prices", prices, f"{self.name}-"),
            Filled("catalogue_labs", labs, f"{self.name}-"),
        )
        return Pulled(source, files, tables)


def read_prices(body: bytes, source: str, least: int) -> list[ListPrice]:
    """Return the makers' prices from `api.json`.

    Args:
        body: The JSON file.
        source: Id of its source.
        least: Offers it holds at the least.

    Raises:
        SourceError: It is not such a file.
    """
    try:
        providers = msgspec.json.decode(body, type=dict[str, Provider])
    except msgspec.MsgspecError as error:
        raise SourceError(f"api.json is not a list of providers with models: {error}") from None
    enough(sum(len(one.models) for one in providers.values()), least, "offers in api.json")
    rows = []
    for name in MAKERS:
        if name not in providers:
            continue
        for offer in providers[name].models.values():
            # A price of 0 is a free preview, or not known.
            if offer.cost is None or not offer.cost.input or not offer.cost.output:
                continue
            if min(offer.cost.input, offer.cost.output) < 0:
                raise SourceError(f"api.json prices {name}/{offer.id} below 0")
            priced = (name, offer.id, offer.cost.input, offer.cost.output)
            rows.append(ListPrice(*priced, source, offer.release_date, offer.open_weights))
    enough(len(rows), 1, "priced models of their makers in api.json")
    return sorted(rows, key=lambda row: (row.provider, row.model))


def read_labs(body: bytes, source: str, least: int) -> list[LabWeights]:
    """Return how many models of each lab are open and closed, from `models.json`.

    Args:
        body: The JSON file.
        source: Id of its source.
        least: Models it holds at the least.

    Raises:
        SourceError: It is not such a file.
    """
    try:
        models = msgspec.json.decode(body, type=dict[str, Model])
    except msgspec.MsgspecError as error:
        raise SourceError(f"models.json is not a list of models by lab/name: {error}") from None
    enough(len(models), least, "models in models.json")
    counts = Counter((name.partition("/")[0], one.open_weights) for name, one in models.items())
    labs = sorted({lab for lab, _ in counts})
    return [LabWeights(lab, counts[lab, True], counts[lab, False], source) for lab in labs]

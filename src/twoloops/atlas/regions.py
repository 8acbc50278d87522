"""Tracked open models: where their publishers are, how large they are, what is open."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from twoloops.atlas.tables import table

BLOCS = {"us": "US", "china": "China", "eu": "EU"}
"""Regions by the names that other tables use; the others keep their own."""
BOUNDS = (1.0, 4.0, 10.0, 40.0, 150.0)
"""Upper ends of the size classes but the last, in billions of parameters."""
CLASSES = ("up to 1", "1 to 4", "4 to 10", "10 to 40", "40 to 150", "above 150")
"""Names of the size classes, in billions of parameters; an upper end belongs to its class."""


class Organisation(msgspec.Struct, frozen=True):
    """An account that publishes open models.

    Args:
        organisation: The account's name on the Hugging Face Hub.
        region: `china`, `us`, `eu`, `other`, or `unknown` where none can be named.
        models: Models of it in the main list.
        source: Id of the source.
        note: Why, where that is not plain.
    """

    organisation: str
    region: str
    models: int
    source: str
    note: str = ""


class ModelSize(msgspec.Struct, frozen=True):
    """An open model's size.

    Args:
        model: Account and name on the Hugging Face Hub.
        region: Of its account, see `Organisation`; never taken from its base.
        total: Parameters in billions.
        source: Id of the source.
        active: Parameters used for a token, in billions, where experts are mixed.
    """

    model: str
    region: str
    total: float
    source: str
    active: float | None = None


class LabWeights(msgspec.Struct, frozen=True):
    """Models of a lab in a catalogue of models: with published weights, and without."""

    lab: str
    open: int
    closed: int
    source: str


def organisations() -> tuple[Organisation, ...]:
    """Return all accounts."""
    return table("regions", Organisation)


def region_of(organisation: str) -> str:
    """Return where an account's owner is; `unknown` for accounts that are not listed."""
    named = {row.organisation.casefold(): row.region for row in organisations()}
    return named.get(organisation.casefold(), "unknown")


def sizes() -> tuple[ModelSize, ...]:
    """Return the sizes of tracked open models."""
    return table("model_sizes", ModelSize)


def size_class(billions: float) -> str:
    """Return the name of a size class.

    >>> size_class(8), size_class(10), size_class(671)
    ('4 to 10', '4 to 10', 'above 150')
    """
    return CLASSES[sum(billions > bound for bound in BOUNDS)]


def by_size(rows: Iterable[ModelSize]) -> Counter[tuple[str, str]]:
    """Return the number of models by region and size class."""
    return Counter((row.region, size_class(row.total)) for row in rows)


def catalogue() -> tuple[LabWeights, ...]:
    """Return the labs of the catalogue."""
    return table("catalogue_labs", LabWeights)

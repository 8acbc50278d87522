"""Counts open models by country and year in Epoch AI's published files of AI models.

A model is open when its accessibility begins with `Open weights` (unrestricted, restricted use,
non-commercial). A model of several countries counts once for each of them, so countries must not
be added up. Rows without accessibility are not open: the publisher fills it in later, so that the
same year's count grows from snapshot to snapshot.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from twoloops.records.errors import UserError

OPEN = "Open weights"
COUNTRY = ("Country (of organization)", "Country (from Organization)")
"""The column was renamed between the snapshots."""


class PublishedModel(msgspec.Struct, frozen=True):
    """A model of a published file.

    Args:
        name: Its name.
        countries: Of its organisations, each once; empty where the publisher leaves it blank.
        published: ISO date, or empty.
        accessibility: As the publisher says it, empty where it is not filled in.
    """

    name: str
    countries: tuple[str, ...]
    published: str
    accessibility: str

    @property
    def open(self) -> bool:
        """Whether its weights are published."""
        return self.accessibility.startswith(OPEN)


class Summary(msgspec.Struct, frozen=True):
    """What a published file holds: first and last publication date, and numbers of models."""

    first: str
    last: str
    models: int
    open: int
    blank: int


def read_models(text: str, name: str) -> tuple[PublishedModel, ...]:
    """Read a published file of AI models.

    Args:
        text: The CSV text; cells may hold line feeds.
        name: What to call the file in an error.

    Raises:
        UserError: A column that is needed is not there, or the file has no model.
    """
    with long_cells():
        return _models(text, name)


@contextmanager
def long_cells() -> Iterator[None]:
    """Let CSV cells be long (abstracts and notes are), for as long as one file is read."""
    before = csv.field_size_limit(1 << 24)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _models(text: str, name: str) -> tuple[PublishedModel, ...]:
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    columns = list(reader.fieldnames or ())
    country = next((column for column in COUNTRY if column in columns), None)
    needed = ("Model", "Publication date", "Model accessibility")
    missing = [column for column in needed if column not in columns]
    if country is None:
        missing.append(" or ".join(COUNTRY))
    if missing or country is None:
        raise UserError(
            f"{name} has no column {', '.join(repr(column) for column in missing)}; "
            f"it has {', '.join(columns[:8]) or 'none'} …: is it Epoch AI's file of AI models?"
        )
    models = tuple(
        PublishedModel(
            row["Model"],
            tuple(dict.fromkeys(one for one in (row[country] or "").split(",") if one)),
            row["Publication date"] or "",
            row["Model accessibility"] or "",
        )
        for row in reader
    )
    if not models:
        raise UserError(f"{name} lists no model: is the file whole?")
    return models


def counts_by_year(models: Sequence[PublishedModel]) -> Counter[tuple[str, int]]:
    """Return how many open models were published, by country and year (annual, a flow)."""
    return Counter(
        (country, int(model.published[:4]))
        for model in models
        if model.open and model.published
        for country in model.countries
    )


def summary(models: Sequence[PublishedModel]) -> Summary:
    """Return the size of a file: all models, open ones, and those of unknown accessibility."""
    dates = [model.published for model in models if model.published]
    return Summary(
        min(dates, default=""),
        max(dates, default=""),
        len(models),
        sum(model.open for model in models),
        sum(not model.accessibility for model in models),
    )

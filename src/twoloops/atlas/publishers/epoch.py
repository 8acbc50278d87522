"""Epoch AI's files of AI models: how many open ones each country published in each year."""

import csv
import io
import re
from datetime import date

from twoloops.atlas.counting import counts_by_year, long_cells, read_models, summary
from twoloops.atlas.open_models import Snapshot, YearCount
from twoloops.atlas.publishers.port import (
    Fetched,
    Filled,
    Get,
    Pulled,
    SourceError,
    enough,
    published,
    text_of,
)
from twoloops.atlas.tables import Source

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

SCOPES = {"all": "all models", "notable": "notable models", "large": "large-scale models"}
"""What the publisher admits to each file, in the words of the packaged snapshots."""


class Epoch:
    """One of Epoch AI's files.

    Args:
        part: `all`, `notable` or `large`.
        address: Where the file is.
        least: Models it holds at the least.
    """

    def __init__(self, part: str, address: str, least: int) -> None:
        self.part = part
        self.name = f"epoch-{part}"
        self.address = address
        self.least = least

    def pull(self, get: Get, today: date) -> Pulled:
        """Read the file; see `Publisher.pull`."""
        answer = get(self.address, "csv")
        text = text_of(answer.body, "the file")
        whole(text)
        models = read_models(text, "the file")
        enough(len(models), self.least, "models")
        for model in models:
            if model.published and not DAY.fullmatch(model.published):
                raise SourceError(
                    f"the publication date of {model.name!r} is {model.published!r}, "
                    "not a day such as 2025-03-14"
                )
        counts = counts_by_year(models)
        enough(len(counts), 1, "open models with country and date")
        source = Source(
            id=f"{self.name}-{today.isoformat()}",
            publisher="Epoch AI",
            title=f"Data on AI models: {SCOPES[self.part]}",
            url=self.address,
            published=published(answer, today),
            licence="CC-BY-4.0",
            seen="file",
            credit="Epoch AI, 'Data on AI Models', https://epoch.ai/data/ai-models",
        )
        snapshot = f"{self.part}-{today.isoformat()}"
        told = summary(models)
        rows = [
            YearCount(snapshot, country, year, count, source.id)
            for (country, year), count in sorted(counts.items())
        ]
        head = Snapshot(
            snapshot,
            SCOPES[self.part],
            told.first,
            told.last,
            told.models,
            told.open,
            told.blank,
            source.id,
        )
        tables = (Filled("open_models", rows, ""), Filled("open_model_snapshots", [head], ""))
        return Pulled(source, (Fetched("models.csv", self.address, answer.body),), tables)


def whole(text: str) -> None:
    """Check that a CSV text does not end within a row.

    Raises:
        SourceError: A row has another number of cells than the header, or a quote stays open.
    """
    with long_cells():
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        width = None
        try:
            for row in reader:
                width = width or len(row)
                if row and len(row) != width:
                    raise SourceError(
                        f"line {reader.line_num:,} has {len(row)} cells, the header {width}: "
                        "the file is broken or cut off"
                    )
        except csv.Error as error:
            raise SourceError(
                f"line {reader.line_num:,} is not CSV ({error}): the file is broken or cut off"
            ) from None

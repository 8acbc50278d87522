"""Read the packaged tables: CSV files whose every row names its source.

    data/sources.csv     one row a source: who published what, when, under which licence
    data/NAME.csv        rows of one kind; the column `source` holds an id of sources.csv

A table is written by `tools/build_atlas.py` or by hand, and never at run time.
"""

import csv
import io
from functools import cache
from importlib.resources import files
from typing import Protocol, TypeVar

import msgspec

from twoloops.records.errors import UserError


class Source(msgspec.Struct, frozen=True):
    """Where a fact comes from.

    Args:
        id: Short name, such as `epoch-all-2025-04`.
        publisher: Who says so.
        title: Of the page, paper or file.
        url: Where it was published.
        published: ISO date (or year, or year and month) of what was used.
        licence: SPDX id, `public`, or `quoted` for single figures that are cited only.
        seen: How it was read: `file` (the data itself), `page`, `excerpt` (quoted by another
            page) or `memory`.
        credit: What the licence asks to be printed; empty for nothing.
    """

    id: str
    publisher: str
    title: str
    url: str
    published: str
    licence: str
    seen: str
    credit: str = ""


class Sourced(Protocol):
    """A row of a table."""

    @property
    def source(self) -> str:
        """Id of its source."""


Row = TypeVar("Row", bound=msgspec.Struct)


def parse(text: str, kind: type[Row], name: str) -> tuple[Row, ...]:
    """Read the rows of a CSV text; empty cells are left to the fields' defaults.

    Raises:
        UserError: A cell does not fit its column, or a needed cell is missing: with its line.
    """
    rows = []
    for line, cells in enumerate(csv.DictReader(io.StringIO(text, newline="")), 2):
        filled = {key: value for key, value in cells.items() if key and value not in (None, "")}
        try:
            rows.append(msgspec.convert(filled, kind, strict=False))
        except msgspec.ValidationError as error:
            raise UserError(f"{name}, line {line}: {error}") from error
    return tuple(rows)


@cache
def table(name: str, kind: type[Row]) -> tuple[Row, ...]:
    """Return the rows of a packaged table, such as `table("prices", Price)`."""
    text = (files("twoloops.atlas") / "data" / f"{name}.csv").read_text(encoding="utf-8")
    return parse(text, kind, f"{name}.csv")


@cache
def sources() -> dict[str, Source]:
    """Return all sources by id."""
    return {source.id: source for source in table("sources", Source)}


def source_of(row: Sourced) -> Source:
    """Return the source of a row."""
    return sources()[row.source]

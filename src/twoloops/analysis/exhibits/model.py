"""What an exhibit is: charts and tables, each number with its source, date, unit and making.

An exhibit knows nothing of files and pages: `analysis.exhibits.page`, `.text` and `.png` show it.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from twoloops.atlas.tables import Source
from twoloops.records.errors import UserError

Value = str | int | float | None
"""A cell: text, a number in its column's unit, or unknown."""


class Chart(msgspec.Struct, frozen=True):
    """A chart as a Vega-Lite specification, without colours of the page and without fonts.

    Args:
        id: Name within its exhibit: letters, digits and hyphens.
        title: What it shows, in a few words.
        spec: A Vega-Lite 6 specification with its data inline, such as `altair_chart.to_dict()`;
            every axis has a title with its unit.
        caption: How to read it, and what it does not show; a sentence or two.
        sources: Ids of the sources of its numbers.
    """

    id: str
    title: str
    spec: dict[str, Any]
    caption: str
    sources: tuple[str, ...]


class Column(msgspec.Struct, frozen=True):
    """A column of a table.

    Args:
        name: Its heading.
        unit: Of its numbers, such as `USD per million tokens`; empty for text.
        definition: What is counted: stock or flow, denominator, index version; how computed.
        digits: Significant digits shown; 0 shows whole numbers with thousands separators.
    """

    name: str
    unit: str = ""
    definition: str = ""
    digits: int = 0


class Remark(msgspec.Struct, frozen=True):
    """A disagreement (or another finding), marked where it stands: beneath its row.

    Args:
        verdict: In a word or two: `contradicts`, `differs_by_definition`, `fails`, `confirms`.
        text: What is found instead, in a sentence.
        sources: Ids of the sources it rests on.
    """

    verdict: str
    text: str
    sources: tuple[str, ...] = ()


class Row(msgspec.Struct, frozen=True):
    """A row of a table.

    Args:
        cells: One value for each column.
        as_of: Date of the figures: ISO date, month, year or a span; empty where unknown.
        sources: Ids of the sources of its figures.
        computed: How its figures were computed; empty when they are as published.
        remarks: What disagrees with it.
    """

    cells: tuple[Value, ...]
    as_of: str
    sources: tuple[str, ...]
    computed: str = ""
    remarks: tuple[Remark, ...] = ()


class Table(msgspec.Struct, frozen=True):
    """A table whose every row names its sources and its date.

    Args:
        id: Name within its exhibit: letters, digits and hyphens.
        title: What it lists.
        columns: Its columns; the first one heads the rows.
        rows: Its rows.
        note: A sentence beneath it.
    """

    id: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""


class Note(msgspec.Struct, frozen=True):
    """A definition, a caution or a correction that belongs to the whole exhibit.

    Args:
        kind: `definition`, `caution`, `correction` or `gap` (looked for, not found).
        text: One to three sentences.
        sources: Ids of the sources it rests on.
    """

    kind: str
    text: str
    sources: tuple[str, ...] = ()


class Exhibit(msgspec.Struct, frozen=True):
    """Charts and tables that answer one question.

    Args:
        id: Short name, such as `open-models`.
        title: What it is about.
        question: The question it answers.
        charts: In the order shown.
        tables: In the order shown, after the charts.
        notes: Definitions, cautions, corrections and gaps.
        sources: Where its numbers come from, all of them and no others.
        origin: Whose exhibit it is, such as `the article, section 2.1` or `this workspace`.
    """

    id: str
    title: str
    question: str
    charts: tuple[Chart, ...]
    tables: tuple[Table, ...]
    notes: tuple[Note, ...]
    sources: tuple[Source, ...]
    origin: str = ""


def cited(
    charts: Iterable[Chart], tables: Iterable[Table], notes: Iterable[Note]
) -> tuple[str, ...]:
    """Return the ids of all sources that charts, tables and notes name, each once, in order."""
    found: dict[str, None] = {}
    for chart in charts:
        found.update(dict.fromkeys(chart.sources))
    for table in tables:
        for row in table.rows:
            found.update(dict.fromkeys(row.sources))
            for remark in row.remarks:
                found.update(dict.fromkeys(remark.sources))
    for note in notes:
        found.update(dict.fromkeys(note.sources))
    return tuple(found)


def exhibit(
    id: str,
    title: str,
    question: str,
    *,
    known: dict[str, Source],
    charts: Iterable[Chart] = (),
    tables: Iterable[Table] = (),
    notes: Iterable[Note] = (),
    origin: str = "",
) -> Exhibit:
    """Return an exhibit with the sources it cites.

    Args:
        id: Its short name.
        title: What it is about.
        question: The question it answers.
        known: Sources by id: `atlas.tables.sources()`, or one's own.
        charts: Its charts.
        tables: Its tables; every row has a cell for each column.
        notes: Its notes.
        origin: Whose exhibit it is.

    Raises:
        UserError: A source is named that is not known, or a row does not fit its table.
    """
    charts, tables, notes = tuple(charts), tuple(tables), tuple(notes)
    for table in tables:
        for number, row in enumerate(table.rows, 1):
            if len(row.cells) != len(table.columns):
                raise UserError(
                    f"exhibit {id!r}, table {table.id!r}: row {number} has {len(row.cells)} cells "
                    f"for {len(table.columns)} columns"
                )
    ids = cited(charts, tables, notes)
    unknown = [name for name in ids if name not in known]
    if unknown:
        raise UserError(f"exhibit {id!r} names sources that are not known: {', '.join(unknown)}")
    return Exhibit(
        id, title, question, charts, tables, notes, tuple(known[name] for name in ids), origin
    )

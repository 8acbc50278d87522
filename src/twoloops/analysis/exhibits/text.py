"""Exhibits as Markdown, and figures as text."""

from collections.abc import Mapping, Sequence

from twoloops.analysis.exhibits.collection import Collection
from twoloops.analysis.exhibits.model import Chart, Column, Exhibit, Row, Table, Value
from twoloops.atlas.tables import Source

UNKNOWN = "—"
SEEN = {
    "file": "the data itself was read",
    "page": "the page was read",
    "excerpt": "seen in excerpt, or as others quote it",
    "memory": "from memory, not looked up",
}
"""How a source was read, in words."""
LONG = 30  # rows; a longer table is cut in Markdown, JSON has them all


def figure(value: Value, column: Column) -> str:
    """Return a cell as text.

    >>> figure(51064545.0, Column("downloads")), figure(12.6386, Column("ratio", digits=3))
    ('51,064,545', '12.6')
    >>> figure(None, Column("derivatives")), figure(5e26, Column("compute", digits=3))
    ('—', '5e+26')
    """
    if value is None or value == "":
        return UNKNOWN
    if isinstance(value, str):
        return value
    if column.digits:
        digits = f"{value:.{column.digits}g}"
        return digits if "e" not in digits or abs(value) >= 1e15 else f"{value:,.0f}"
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:g}"


def heading(column: Column) -> str:
    """Return a column's heading with its unit, unless its name says it already."""
    said = not column.unit or column.name == column.unit
    return column.name if said else f"{column.name} ({column.unit})"


def definitions(table: Table) -> list[str]:
    """Return what its columns mean, and how all its rows were computed where that is the same."""
    said = [f"{one.name}: {one.definition}" for one in table.columns if one.definition]
    if how := common(table):
        said.append(f"computed: {how}")
    return list(dict.fromkeys(said))


def common(table: Table) -> str:
    """Return how its rows were computed if that is the same for all of several rows."""
    ways = {row.computed for row in table.rows}
    return ways.pop() if len(ways) == 1 and len(table.rows) > 1 else ""


def beneath(table: Table) -> str:
    """Return what stands beneath a table in one sentence: definitions and its note."""
    said = [*definitions(table), table.note]
    written = "; ".join(one.rstrip(".") for one in said if one)
    return f"{written[:1].upper()}{written[1:]}." if written else ""


def cite(source: Source) -> str:
    """Return a source in one line: who, what, when, licence and how it was read."""
    return (
        f"{source.publisher}, “{source.title}”, {source.published}; licence {source.licence}; "
        f"{SEEN.get(source.seen, source.seen)}"
    )


def markdown(collection: Collection, pictures: str = "", *, long: int = LONG) -> str:
    """Return exhibits as Markdown.

    Args:
        collection: What to show.
        pictures: Where the charts' PNG files are, relative to the page; without it charts are
            named by title and caption only.
        long: Rows after which a table is cut; 0 for never.
    """
    numbers = {source.id: number for number, source in enumerate(collection.sources, 1)}
    parts = [f"# {collection.title}", *collection.about, f"Tables: {collection.tables}."]
    for exhibit in collection.exhibits:
        parts += _exhibit(exhibit, pictures, numbers, long)
    if collection.corrections is not None:
        parts += ["## Corrections", *_table(collection.corrections, numbers, 0)]
    parts += ["## Sources", *_sources(collection.sources)]
    return "\n\n".join(parts) + "\n"


def picture_name(exhibit: Exhibit, chart: Chart) -> str:
    """Return the file name of a chart's picture."""
    return f"{exhibit.id}-{chart.id}.png"


def _exhibit(exhibit: Exhibit, pictures: str, numbers: Mapping[str, int], long: int) -> list[str]:
    parts = [f"## {exhibit.title}", f"**{exhibit.question}**"]
    if exhibit.origin:
        parts.append(f"`{exhibit.id}`, {exhibit.origin}.")
    for chart in exhibit.charts:
        parts.append(f"### {chart.title}")
        if pictures:
            parts.append(f"![{_cell(chart.title)}]({pictures}/{picture_name(exhibit, chart)})")
        parts.append(f"{chart.caption} {_marks(chart.sources, numbers)}")
    for table in exhibit.tables:
        parts += [f"### {table.title}", *_table(table, numbers, long)]
    if exhibit.notes:
        notes = (f"- {n.kind}: {n.text} {_marks(n.sources, numbers)}" for n in exhibit.notes)
        parts += ["### Notes", "\n".join(one.rstrip() for one in notes)]
    return parts


def _table(table: Table, numbers: Mapping[str, int], long: int) -> list[str]:
    heads = [*(heading(one) for one in table.columns), "as of", "source"]
    lines = [
        _line(heads),
        _line(["---:" if _right(table, i) else "---" for i in range(len(heads))]),
    ]
    kept = table.rows if not long or len(table.rows) <= long else table.rows[:long]
    for row in kept:
        cells = [figure(v, c) for v, c in zip(row.cells, table.columns, strict=True)]
        lines.append(_line([*cells, row.as_of or UNKNOWN, _marks(row.sources, numbers)]))
    parts = ["\n".join(lines)]
    if len(kept) < len(table.rows):
        left = len(table.rows) - len(kept)
        parts.append(f"… and {left} more rows: `twoloops exhibits --format json` has all.")
    if said := beneath(table):
        parts.append(said)
    remarks = [one for row in kept for one in _remarks(row, numbers)]
    return [*parts, "\n".join(remarks)] if remarks else parts


def _remarks(row: Row, numbers: Mapping[str, int]) -> list[str]:
    name = row.cells[0]
    lines = [f"- {name}: {row.computed}"] if row.computed and row.remarks else []
    for one in row.remarks:
        marks = _marks(one.sources, numbers)
        lines.append(f"- **{name}, {one.verdict}**: {one.text} {marks}".rstrip())
    return lines


def _right(table: Table, place: int) -> bool:
    """Say whether a column holds figures."""
    if place >= len(table.columns):
        return False
    return all(isinstance(row.cells[place], int | float | None) for row in table.rows)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_cell(one) for one in cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _marks(ids: Sequence[str], numbers: Mapping[str, int]) -> str:
    return " ".join(f"[{numbers[id]}](#source-{numbers[id]})" for id in dict.fromkeys(ids))


def _sources(sources: Sequence[Source]) -> list[str]:
    lines = []
    for number, one in enumerate(sources, 1):
        where = f" <{one.url}>" if one.url else ""
        credit = f" Credit: {one.credit}." if one.credit else ""
        lines.append(f'{number}. <a id="source-{number}"></a>{cite(one)}.{where}{credit}')
    return ["\n".join(lines)]

"""Exhibits as one HTML file that needs nothing else: charts, tables, notes and sources.

The charts are drawn twice: as SVG in the page, which is what a printer and a browser without
scripts show, and by Vega with tooltips once the script has run. Scripts are in the file; the
page's own policy forbids it every request.
"""

import json
from collections.abc import Mapping, Sequence
from string import Template

from twoloops.analysis.exhibits.collection import Collection
from twoloops.analysis.exhibits.model import Chart, Exhibit, Note, Row, Table
from twoloops.analysis.exhibits.picture import shown, svg, vegalite_version
from twoloops.analysis.exhibits.text import UNKNOWN, beneath, cite, common, figure, heading
from twoloops.analysis.looks import coloured, inline
from twoloops.analysis.markup import Html, bullets, esc, join, more, packaged, tag
from twoloops.analysis.markup import figure as framed
from twoloops.atlas.tables import Source

OPEN = 14  # rows; a longer table is folded away

SNIPPET = "window.vegaEmbed = vegaEmbed;"
"""What the bundled libraries hand to the page."""

Numbers = Mapping[str, int]


def page(collection: Collection) -> str:
    """Return the whole page as text.

    Raises:
        ModuleNotFoundError: altair or vl-convert is not installed.
    """
    import vl_convert

    numbers = {source.id: number for number, source in enumerate(collection.sources, 1)}
    parts = [(one.id, one.title, _exhibit(one, numbers)) for one in collection.exhibits]
    if collection.corrections is not None:
        parts.append(
            (
                "corrections",
                "Where the article and others differ",
                _table(collection.corrections, numbers, folded=False),
            )
        )
    parts.append(("sources", "Sources", _sources(collection.sources)))
    sections = join(
        Html("\n") + tag("section", tag("h2", title), content, id=id)
        for id, title, content in parts
    )
    head = join(
        (
            tag("p", "twoloops exhibits", class_="kicker"),
            tag("h1", collection.title),
            *(tag("p", sentence) for sentence in collection.about),
            tag("p", f"Tables: {collection.tables}.", class_="note"),
        )
    )
    return Template(packaged("exhibits/page.html")).substitute(
        style=packaged("style.css"),
        title=esc(collection.title),
        head=head,
        navigation=join(tag("a", title, href=f"#{id}") for id, title, _ in parts),
        body=sections,
        library=vl_convert.javascript_bundle(SNIPPET, vl_version=vegalite_version()),
    )


def _exhibit(exhibit: Exhibit, numbers: Numbers) -> Html:
    origin = f"{exhibit.id} · {exhibit.origin}" if exhibit.origin else exhibit.id
    return join(
        (
            tag("p", exhibit.question, class_="lede"),
            tag("p", origin, class_="note"),
            *(_chart(exhibit, chart, numbers) for chart in exhibit.charts),
            *(_table(table, numbers, folded=len(table.rows) > OPEN) for table in exhibit.tables),
            _notes(exhibit.notes, numbers),
        )
    )


def _chart(exhibit: Exhibit, chart: Chart, numbers: Numbers) -> Html:
    name = f"chart-{exhibit.id}-{chart.id}"
    # In a script element only `</` and `<!--` could end the data; escaping every `<` is simplest.
    spec = coloured(json.dumps(shown(chart), ensure_ascii=False, separators=(",", ":")))
    held = str(spec).replace("<", "\\u003c")
    data = Html(f'<script type="application/json" id="{name}">{held}</script>')
    drawing = (
        Html(f'<div class="live" data-chart="{name}">') + inline(svg(chart), name) + Html("</div>")
    )
    caption = join((chart.caption, " ", _marks(chart.sources, numbers)))
    shown_ = framed(drawing, caption, described=f"{chart.title}. {chart.caption}")
    return tag("div", tag("h3", chart.title), shown_, data, class_="chart")


def _table(table: Table, numbers: Numbers, *, folded: bool) -> Html:
    heads = [*(heading(one) for one in table.columns), "as of", "source"]
    right = [
        all(isinstance(row.cells[place], int | float | None) for row in table.rows)
        for place in range(len(table.columns))
    ] + [False, False]
    head = tag(
        "tr",
        *(
            tag("th", name, scope="col", class_="n" if flush else "t")
            for name, flush in zip(heads, right, strict=True)
        ),
    )
    body = join(_row(row, table, right, numbers) for row in table.rows)
    whole = tag("table", tag("thead", head), tag("tbody", body))
    parts = [tag("div", whole, class_="scroll")]
    if said := beneath(table):
        parts.append(tag("p", said, class_="note"))
    if folded:
        return more(f"{table.title} ({len(table.rows)} rows)", *parts)
    return tag("div", tag("h3", table.title), *parts)


def _small(definition: str) -> Html:
    return tag("small", definition) if definition else Html("")


def _row(row: Row, table: Table, right: Sequence[bool], numbers: Numbers) -> Html:
    cells = [figure(v, column) for v, column in zip(row.cells, table.columns, strict=True)]
    how = "" if common(table) else row.computed
    made = [tag("th", cells[0], _small(how), scope="row", class_="n" if right[0] else "t")]
    made += [
        tag("td", cell, class_="n" if flush else "t")
        for cell, flush in zip(cells[1:], right[1:], strict=False)
    ]
    made.append(tag("td", row.as_of or UNKNOWN, class_="day"))
    made.append(tag("td", _marks(row.sources, numbers), class_="t"))
    lines = [tag("tr", *made, class_="remarked" if row.remarks else "plain")]
    for remark in row.remarks:
        said = join(
            (tag("b", remark.verdict), ": ", remark.text, " ", _marks(remark.sources, numbers))
        )
        lines.append(tag("tr", tag("td", said, colspan=str(len(made))), class_="remark"))
    return join(lines)


def _marks(ids: Sequence[str], numbers: Numbers) -> Html:
    links = [
        tag("a", f"[{numbers[id]}]", href=f"#source-{numbers[id]}") for id in dict.fromkeys(ids)
    ]
    return tag("span", join(_spaced(links)), class_="cited")


def _spaced(parts: Sequence[Html]) -> list[str]:
    return [one for part in parts for one in (" ", part)][1:]


def _notes(notes: Sequence[Note], numbers: Numbers) -> Html:
    if not notes:
        return Html("")
    said = (
        join((tag("b", one.kind), ": ", one.text, " ", _marks(one.sources, numbers)))
        for one in notes
    )
    return tag("div", tag("h3", "Notes"), bullets(said))


def _sources(sources: Sequence[Source]) -> Html:
    lines = []
    for number, one in enumerate(sources, 1):
        parts: list[str] = [cite(one), ". "]
        if one.url.startswith("http"):
            parts.append(tag("a", one.url, href=one.url, rel="noreferrer"))
        if one.credit:
            parts += [" Credit: ", one.credit, "."]
        lines.append(tag("li", *parts, id=f"source-{number}"))
    return tag("ol", *lines, class_="sources")

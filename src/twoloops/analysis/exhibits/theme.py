"""How exhibits look: colours and marks that can be told apart in grey, and one type of axis.

Colours are the Okabe–Ito palette. Each series also has its own mark and dash, and neighbouring
colours differ in lightness. Altair takes a second to import: it is imported inside the functions.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

from twoloops.analysis.exhibits.model import Chart
from twoloops.analysis.looks import INK

BLUE, ORANGE, GREEN, RED, PURPLE, GREY = (
    "#0072b2",
    "#e69f00",
    "#009e73",
    "#d55e00",
    "#cc79a7",
    "#7f7f7f",
)
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, RED, GREY)
MARKS = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down")
DASHES = ((1, 0), (6, 3), (2, 2), (8, 3, 2, 3), (1, 3), (4, 4))
WIDTH = 620
FIRST = ("US", "United States of America", "China", "EU", "France")
"""Names that keep their colour from chart to chart, because they come first where they occur."""
FONT = "system-ui, 'DejaVu Sans', sans-serif"
CONFIG: dict[str, Any] = {
    "font": FONT,
    "padding": 8,
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "gridColor": INK,
        "gridOpacity": 0.13,
        "domainColor": INK,
        "domainOpacity": 0.5,
        "tickColor": INK,
        "tickOpacity": 0.5,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "labelLimit": 330,
    },
    "legend": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titleLimit": 420,
        "labelLimit": 420,
        "symbolSize": 80,
        "orient": "top",
        "symbolOpacity": 1,
    },
    "text": {"color": INK, "fontSize": 12},
    "header": {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "titleFontSize": 12},
    "title": {"color": INK, "fontSize": 13, "anchor": "start"},
    "view": {"stroke": None},
}
"""What every specification gets when it is shown; the ink is the colour of the page's text."""


def chart(id: str, title: str, drawing: Any, caption: str, sources: Sequence[str]) -> Chart:
    """Return an altair drawing as a chart of an exhibit, each source once."""
    spec = drawing.to_dict(validate=False)
    spec.pop("config", None)
    return Chart(id, title, spec, caption, tuple(dict.fromkeys(sources)))


def ordered(names: Iterable[str]) -> list[str]:
    """Return names of blocs, each once, in the order in which they get their colours."""
    return sorted(set(names), key=lambda one: (FIRST.index(one) if one in FIRST else 99, one))


def data(rows: Sequence[dict[str, Any]]) -> Any:
    """Return rows as a drawing's inline data."""
    import altair as alt

    return alt.Data(values=list(rows))


def colour(field: str, names: Sequence[str], title: str | None = None, legend: bool = True) -> Any:
    """Return the colour of each series, in the order of `names`."""
    import altair as alt

    scale = alt.Scale(domain=list(names), range=[PALETTE[i % 6] for i in range(len(names))])
    shown = alt.Legend(title=title) if legend else None
    return alt.Color(f"{field}:N", scale=scale, legend=shown)


def shape(field: str, names: Sequence[str], title: str | None = None, legend: bool = True) -> Any:
    """Return the mark of each series, in the order of `names`."""
    import altair as alt

    scale = alt.Scale(domain=list(names), range=[MARKS[i % 6] for i in range(len(names))])
    shown = alt.Legend(title=title) if legend else None
    return alt.Shape(f"{field}:N", scale=scale, legend=shown)


def dash(field: str, names: Sequence[str], title: str | None = None, legend: bool = True) -> Any:
    """Return the dash of each series, in the order of `names`."""
    import altair as alt

    scale = alt.Scale(domain=list(names), range=[list(DASHES[i % 6]) for i in range(len(names))])
    shown = alt.Legend(title=title) if legend else None
    return alt.StrokeDash(f"{field}:N", scale=scale, legend=shown)


def dimmed(field: str) -> tuple[Any, Any]:
    """Return a selection by legend, and the opacity that dims the series not selected."""
    import altair as alt

    chosen = alt.selection_point(fields=[field], bind="legend", name=f"chosen_{field}")
    return chosen, alt.condition(chosen, alt.value(1.0), alt.value(0.15))


def tip(field: str, title: str, format: str = "", kind: str = "N") -> Any:
    """Return a line of a tooltip."""
    import altair as alt

    if format:
        return alt.Tooltip(f"{field}:Q", title=title, format=format)
    return alt.Tooltip(f"{field}:{kind}", title=title)


def days(first: date, last: date) -> Any:
    """Return the scale of an axis of days, in UTC: dates are the same in every time zone."""
    import altair as alt

    ends = [datetime.combine(day, time(), UTC).timestamp() * 1000 for day in (first, last)]
    return alt.Scale(type="utc", domain=ends)


def sides(places: Sequence[tuple[float, float]]) -> list[str]:
    """Say on which side of each point its label goes, so that neighbours stay readable.

    Args:
        places: Points, scaled so that the plot is about 1 wide and 1.7 high.

    Returns:
        `left` for a point that has another one close to its right at the same height.
    """
    return [
        "left"
        if any(0 < other_x - x < 0.25 and abs(other_y - y) < 0.08 for other_x, other_y in places)
        else "right"
        for x, y in places
    ]


def labels(base: Any, text: str) -> list[Any]:
    """Return two layers of labels: rows whose `side` is `left`, and those whose is `right`."""
    import altair as alt

    return [
        base.transform_filter(alt.FieldEqualPredicate(field="side", equal=side))
        .mark_text(align="right" if side == "left" else "left", dx=-10 if side == "left" else 10)
        .encode(text=text)
        for side in ("left", "right")
    ]

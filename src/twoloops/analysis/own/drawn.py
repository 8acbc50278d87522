"""The few charts that one's own loops need, as Vega-Lite specifications; units on every axis.

Each returns `None` where there is nothing to draw.

Altair takes a second to import: it is imported inside the functions.
"""

from collections.abc import Sequence
from typing import Any

from twoloops.analysis.exhibits import theme
from twoloops.analysis.exhibits.model import Chart
from twoloops.analysis.looks import INK


def bars(
    id: str,
    title: str,
    rows: Sequence[tuple[str, str, float]],
    measure: str,
    caption: str,
    sources: tuple[str, ...],
) -> Chart | None:
    """Return horizontal bars, stacked where several parts share a name.

    Args:
        id: Of the chart.
        title: What it shows.
        rows: Name of the bar, part, value.
        measure: Title of the value axis, with its unit.
        caption: How to read it.
        sources: Ids.
    """
    if not rows:
        return None
    import altair as alt

    names = list(dict.fromkeys(name for name, _, _ in rows))
    parts = list(dict.fromkeys(part for _, part, _ in rows))
    data = [
        {"name": name, "part": part, "value": value, "place": parts.index(part)}
        for name, part, value in rows
    ]
    chart = (
        alt.Chart(theme.data(data), width=theme.WIDTH, height=alt.Step(34))
        .mark_bar()
        .encode(
            y=alt.Y("name:N", sort=names, title=None),
            x=alt.X("value:Q", title=measure, axis=_whole(rows)),
            color=theme.colour("part", parts, legend=len(parts) > 1),
            order=alt.Order("place:Q"),
            tooltip=["name:N", "part:N", "value:Q"],
        )
    )
    return theme.chart(id, title, chart, caption, sources)


def columns(
    id: str,
    title: str,
    rows: Sequence[tuple[str, str, float]],
    across: str,
    measure: str,
    caption: str,
    sources: tuple[str, ...],
) -> Chart | None:
    """Return upright bars in the order given, stacked where several parts share a place.

    Args:
        id: Of the chart.
        title: What it shows.
        rows: Place on the axis, part, value.
        across: Title of the axis below.
        measure: Title of the value axis, with its unit.
        caption: How to read it.
        sources: Ids.
    """
    if not rows:
        return None
    import altair as alt

    places = list(dict.fromkeys(place for place, _, _ in rows))
    parts = list(dict.fromkeys(part for _, part, _ in rows))
    data = [
        {"at": place, "part": part, "value": value, "place": parts.index(part)}
        for place, part, value in rows
    ]
    chart = (
        alt.Chart(theme.data(data), width=theme.WIDTH, height=220)
        .mark_bar()
        .encode(
            x=alt.X("at:O", sort=places, title=across, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("value:Q", title=measure, axis=_whole(rows)),
            color=theme.colour("part", parts, legend=len(parts) > 1),
            order=alt.Order("place:Q"),
            tooltip=["at:O", "part:N", "value:Q"],
        )
    )
    return theme.chart(id, title, chart, caption, sources)


def dots(
    id: str,
    title: str,
    rows: Sequence[tuple[str, str, float]],
    measure: str,
    caption: str,
    sources: tuple[str, ...],
) -> Chart | None:
    """Return points on a logarithmic axis, for positive figures of very different size.

    Args:
        id: Of the chart.
        title: What it shows.
        rows: Name, group (told apart by colour and mark), value above zero.
        measure: Title of the value axis, with its unit.
        caption: How to read it.
        sources: Ids.
    """
    if not rows:
        return None
    import altair as alt

    names = list(dict.fromkeys(name for name, _, _ in rows))
    groups = list(dict.fromkeys(group for _, group, _ in rows))
    data = [{"name": n, "group": g, "value": v, "text": f"{v:,.3g}" if v < 1000 else f"{v:,.0f}"}
            for n, g, v in rows]  # fmt: skip
    several = len(groups) > 1
    base = alt.Chart(theme.data(data), width=theme.WIDTH, height=alt.Step(40)).encode(
        y=alt.Y("name:N", sort=names, title=None, axis=alt.Axis(grid=True)),
        x=alt.X("value:Q", title=measure, scale=alt.Scale(type="log", nice=True)),
        tooltip=["name:N", "group:N", "value:Q"],
    )
    chart = alt.layer(
        base.mark_point(filled=True, size=110, opacity=1).encode(
            color=theme.colour("group", groups, legend=several),
            shape=theme.shape("group", groups, legend=several),
        ),
        base.mark_text(dy=-13).encode(text="text:N"),
    )
    return theme.chart(id, title, chart, caption, sources)


def ranges(
    id: str,
    title: str,
    rows: Sequence[tuple[str, float, float, float]],
    measure: str,
    caption: str,
    sources: tuple[str, ...],
    *,
    zero: bool = False,
) -> Chart | None:
    """Return points with their intervals.

    Args:
        id: Of the chart.
        title: What it shows.
        rows: Name, value, lower and upper end.
        measure: Title of the value axis, with its unit.
        caption: How to read it.
        sources: Ids.
        zero: Whether zero is drawn as a rule.
    """
    if not rows:
        return None
    import altair as alt

    names = list(dict.fromkeys(row[0] for row in rows))
    data = [{"name": n, "value": v, "low": low, "high": high} for n, v, low, high in rows]
    base = alt.Chart(theme.data(data), width=theme.WIDTH, height=alt.Step(34)).encode(
        y=alt.Y("name:N", sort=names, title=None),
        tooltip=["name:N", "value:Q", "low:Q", "high:Q"],
    )
    across = alt.X("low:Q", title=measure, scale=alt.Scale(zero=zero, nice=True))
    # No layer without data: a chart of nothing has an infinite extent, and warns of it.
    marks = [alt.Chart(theme.data([{"zero": 0}])).mark_rule(color=INK).encode(x="zero:Q")]
    chart = alt.layer(
        *(marks if zero else []),
        base.mark_rule(strokeWidth=3, color=theme.BLUE).encode(x=across, x2="high:Q"),
        base.mark_point(filled=True, size=90, opacity=1, color=theme.BLUE).encode(x="value:Q"),
    )
    return theme.chart(id, title, chart, caption, sources)


def courses(
    id: str,
    title: str,
    rows: Sequence[tuple[str, str, float]],
    across: str,
    measure: str,
    caption: str,
    sources: tuple[str, ...],
) -> Chart | None:
    """Return one line a series over ordered places, told apart by dash and mark too.

    Args:
        id: Of the chart.
        title: What it shows.
        rows: Place on the axis, series, value.
        across: Title of the axis below.
        measure: Title of the value axis, with its unit.
        caption: How to read it.
        sources: Ids.
    """
    if not rows:
        return None
    import altair as alt

    places = list(dict.fromkeys(place for place, _, _ in rows))
    series = list(dict.fromkeys(name for _, name, _ in rows))
    data = [{"at": place, "series": name, "value": value} for place, name, value in rows]
    alone = len(series) < 2
    base = alt.Chart(theme.data(data), width=theme.WIDTH, height=240).encode(
        x=alt.X("at:O", sort=places, title=across, axis=alt.Axis(labelAngle=0)),
        y=alt.Y("value:Q", title=measure, scale=alt.Scale(zero=False)),
        color=theme.colour("series", series, legend=not alone),
        tooltip=["at:O", "series:N", "value:Q"],
    )
    dash = theme.dash("series", series, legend=not alone)
    shape = theme.shape("series", series, legend=not alone)
    chart = alt.layer(
        base.mark_line(strokeWidth=2).encode(strokeDash=dash),
        base.mark_point(filled=True, size=70, opacity=1).encode(shape=shape),
    )
    return theme.chart(id, title, chart, caption, sources)


def _whole(rows: Sequence[tuple[str, str, float]]) -> Any:
    """Return an axis that has no half of what is counted in whole numbers."""
    import altair as alt

    return (
        alt.Axis(tickMinStep=1) if all(float(row[2]).is_integer() for row in rows) else alt.Axis()
    )

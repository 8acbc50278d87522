"""Charts as inline SVG: altair describes them, vl-convert draws them; no script, no network.

Altair takes a second to import: it is imported inside the functions.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from twoloops.analysis.looks import INK, STYLES, Style, inline, legend
from twoloops.analysis.markup import Html
from twoloops.analysis.report.arms import FOUR, NAMES, Arm
from twoloops.analysis.words import clip, known, percent, points
from twoloops.convergence.replays.outcome import Loops, MoneyFigures, Price, TurnFigures

MAX_PERIODS = 14  # more than that and the axis shows turn numbers alone
WIDTH, HEIGHT = 820, 290


def _draw(chart: Any, prefix: str) -> Html:
    import altair as alt
    import vl_convert

    axis = {
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
    }
    chart = (
        chart.configure(aria=False, font="system-ui, sans-serif", padding=8)
        .configure_axis(**axis)
        .configure_view(stroke=None)
        .configure_text(color=INK, fontSize=12)
    )
    spec = chart.to_dict(validate=False)  # the check takes longer than the drawing
    spec["background"] = None
    version = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    svg = vl_convert.vegalite_to_svg(spec, vl_version=version, allowed_base_urls=[])
    return inline(svg, prefix)


def _domain(values: Sequence[float], top: float | None = None) -> list[float]:
    """Return the ends of an axis that leave some air around the values, 0 and `top` kept."""
    low, high = min(values), max(values)
    air = max(0.12 * (high - low), 1e-9 if top is None else 0.02 * top)
    ends = [max(min(0.0, low), low - air), high + air]
    if top is not None:
        ends = [ends[0], min(top, ends[1])]
    return ends if ends[0] < ends[1] else [ends[0], ends[0] + 1]


def _tick(turn: TurnFigures, with_period: bool) -> str:
    period = clip(turn.period, 11).replace("|", "/")
    return f"{turn.turn}|{period}" if with_period else str(turn.turn)


def _turn_axis(labels: Sequence[str], title: str) -> Any:
    import altair as alt

    axis = alt.Axis(
        labelExpr="split(datum.label, '|')",
        labelAngle=0,
        labelOverlap=True,
        labelSeparation=8,  # the page's font may be wider than the one measured here
    )
    return alt.X("tick:O", sort=list(labels), title=title, axis=axis)


def by_turn(
    arms: Sequence[Arm], field: str, title: str, prefix: str, limit: float | None = None
) -> Html | None:
    """Return a figure's course over the turns, one line an arm, or `None` without any figure.

    Args:
        arms: The series; those without a style of their own are left out.
        field: A field of `TurnFigures` that is a share in [0, 1].
        title: The axis title, with its unit.
        prefix: What the ids of the drawing begin with.
        limit: A share to mark by a horizontal rule.
    """
    import altair as alt

    shown = [arm for arm in arms if arm.key in STYLES]
    turns = max((arm.turns for arm in shown), key=len)
    with_period = len(turns) <= MAX_PERIODS
    rows: list[dict[str, Any]] = [
        {"tick": _tick(turn, with_period), "share": 100 * value, "arm": arm.name}
        for arm in shown
        for turn in arm.turns
        if known(value := getattr(turn, field))
    ]
    if not rows:
        return None
    shown = [arm for arm in shown if any(row["arm"] == arm.name for row in rows)]
    styles = {arm.name: STYLES[arm.key] for arm in shown}
    values = [row["share"] for row in rows] + ([100 * limit] if limit is not None else [])
    ticks = [_tick(turn, with_period) for turn in turns]

    base = alt.Chart(alt.Data(values=rows)).encode(
        x=_turn_axis(ticks, "turn (number, period below)" if with_period else "turn (number)"),
        y=alt.Y(
            "share:Q",
            title=title,
            scale=alt.Scale(domain=_domain(values, 100.0), nice=True),
            axis=alt.Axis(tickCount=6),
        ),
    )
    width = alt.condition(
        alt.FieldEqualPredicate(field="arm", equal=NAMES["both"]),
        alt.value(STYLES["both"].width),
        alt.value(STYLES["neither"].width),
    )
    layers = _lines_and_marks(base, "arm", styles, strokeWidth=width)
    if limit is not None:
        layers += _limit(limit, ticks)
    drawn = _draw(alt.layer(*layers).properties(width=WIDTH, height=HEIGHT), prefix)
    return legend(styles) + drawn


def _lines_and_marks(base: Any, field: str, styles: Mapping[str, Style], **line: Any) -> list[Any]:
    """Return a layer of lines and one of marks, each series in its style; `line` adds to it."""
    import altair as alt

    def scale(values: list[Any]) -> Any:
        return alt.Scale(domain=list(styles), range=values)

    looks = list(styles.values())
    series = f"{field}:N"
    colour = alt.Color(series, scale=scale([style.colour for style in looks]), legend=None)
    dash = alt.StrokeDash(series, scale=scale([list(s.dash) for s in looks]), legend=None)
    shape = alt.Shape(series, scale=scale([style.mark for style in looks]), legend=None)
    return [
        base.mark_line(strokeWidth=looks[0].width).encode(color=colour, strokeDash=dash, **line),
        base.mark_point(filled=True, size=65, opacity=1).encode(color=colour, shape=shape),
    ]


def _limit(limit: float, ticks: Sequence[str]) -> list[Any]:
    import altair as alt

    text = f"limit {percent(limit)}"
    data = alt.Data(values=[{"tick": ticks[0], "share": 100 * limit, "text": text}])
    base = alt.Chart(data).encode(y="share:Q")
    return [
        base.mark_rule(color=INK, strokeDash=[1, 3], strokeWidth=1.5),
        base.mark_text(align="left", dx=5, color=INK).encode(x=alt.value(WIDTH), text="text:N"),
    ]


def interaction_plot(loops: Loops, prefix: str) -> Html | None:
    """Return accuracy with the data loop off and on, one line for each setting of the other.

    Parallel lines mean that the gains of the two loops merely add up.
    """
    import altair as alt

    shares = {key: 100 * getattr(loops, key) for key in FOUR}
    if not all(known(share) for share in shares.values()):
        return None
    added = shares["data"] + shares["models"] - shares["neither"]
    off, on = "off (first labels only)", "on (labels every turn)"
    rows = [
        {"loop": off, "share": shares["neither"], "line": "models loop off"},
        {"loop": on, "share": shares["data"], "line": "models loop off"},
        {"loop": off, "share": shares["models"], "line": "models loop on"},
        {"loop": on, "share": shares["both"], "line": "models loop on"},
        {"loop": off, "share": shares["models"], "line": "if the gains only added up"},
        {"loop": on, "share": added, "line": "if the gains only added up"},
    ]
    looks = {
        "models loop off": Style(STYLES["data"].colour, (2, 2), "diamond", 2.4),
        "models loop on": Style(STYLES["both"].colour, (1, 0), "circle", 2.4),
        "if the gains only added up": Style(STYLES["neither"].colour, (8, 4), "cross", 2.4),
    }

    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X(
            "loop:N",
            sort=[off, on],
            title="data loop (setting)",
            axis=alt.Axis(labelAngle=0),
            scale=alt.Scale(padding=0.6),
        ),
        y=alt.Y(
            "share:Q",
            title="mean accuracy (% decided right)",
            scale=alt.Scale(domain=_domain([*shares.values(), added]), nice=True),
        ),
    )
    layers = _lines_and_marks(base, "line", looks)
    drawn = _draw(alt.layer(*layers).properties(width=400, height=270), prefix)
    return legend(looks) + drawn


def interaction_intervals(measured: Mapping[str, Loops], prefix: str) -> Html | None:
    """Return the interactions with their 95 % intervals, in points, around a rule at zero."""
    import altair as alt

    rows: list[dict[str, Any]] = [
        {
            "name": name,
            "value": 100 * loops.interaction,
            "low": 100 * loops.interval[0],
            "high": 100 * loops.interval[1],
            "text": points(loops.interaction),
        }
        for name, loops in measured.items()
        if all(known(figure) for figure in (loops.interaction, *loops.interval))
    ]
    if not rows:
        return None
    reach = max(1.0, 1.15 * max(abs(row[end]) for row in rows for end in ("low", "high")))
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=alt.Y(
            "name:N", sort=list(measured), title=None, axis=alt.Axis(labelLimit=200, minExtent=118)
        )
    )
    across = alt.X(
        "low:Q",
        title="interaction (points of accuracy, 95 % interval)",
        scale=alt.Scale(domain=[-reach, reach], nice=True),
        axis=alt.Axis(labelExpr="(datum.value > 0 ? '+' : '') + datum.label", tickCount=7),
    )
    colour = STYLES["both"].colour
    zero = alt.Chart(alt.Data(values=[{"zero": 0}])).mark_rule(color=INK, strokeWidth=1.2)
    drawn = alt.layer(
        zero.encode(x="zero:Q"),
        base.mark_rule(color=colour, strokeWidth=3).encode(x=across, x2="high:Q"),
        base.mark_point(filled=True, size=110, color=colour, opacity=1).encode(x="value:Q"),
        base.mark_text(dy=-13).encode(x="value:Q", text="text:N"),
    )
    return _draw(drawn.properties(width=400, height=alt.Step(52)), prefix)


def spending(money: MoneyFigures, turns: Sequence[TurnFigures], prefix: str) -> Html | None:
    """Return what labels cost: bars a turn, and a line with the data at cost to date."""
    import altair as alt

    spent = money.spent_by_turn
    if not spent:
        return None
    with_period = len(turns) <= MAX_PERIODS
    ticks = [_tick(turn, with_period) for turn in turns[: len(spent)]]
    if len(spent) == len(turns) + 1:  # the seed set was bought before the first turn
        ticks = ["0|seed set" if with_period else "0", *(_tick(t, with_period) for t in turns)]
    ticks += [str(number) for number in range(len(ticks) + 1, len(spent) + 1)]
    bar = Style(STYLES["models"].colour, (1, 0), "bar", 2.4)
    course = Style(STYLES["data"].colour, (1, 0), "circle", 2.4)
    rows = [
        {"tick": tick, "turn": now, "total": total}
        for tick, now, total in zip(ticks, spent, itertools.accumulate(spent), strict=True)
    ]
    base = alt.Chart(alt.Data(values=rows)).encode(x=_turn_axis(ticks, "turn (number)"))
    title = f"labels bought ({clip(money.currency, 12)})"
    bars = base.mark_bar(size=22 if len(spent) <= 20 else 6, color=bar.colour).encode(
        y=alt.Y("turn:Q", title=title)
    )
    line = base.mark_line(strokeWidth=course.width, color=course.colour).encode(y="total:Q")
    dots = base.mark_point(filled=True, size=55, color=course.colour, opacity=1)
    drawn = alt.layer(bars, line, dots.encode(y="total:Q"))
    names = {"spent in the turn": bar, "data at cost, to date": course}
    return legend(names) + _draw(drawn.properties(width=WIDTH, height=220), prefix)


def prices(price: Price, currency: str, prefix: str) -> Html | None:
    """Return the price of a million decisions beside the frontier list price.

    Ours is split into labels and compute. `None` where the list price is not known.
    """
    import altair as alt

    if not known(price.frontier_per_million):
        return None
    frontier = clip(f"{price.frontier_model} (list price)", 40)
    ours = "small model, both loops"
    parts = {
        "labels": Style(STYLES["data"].colour, (1, 0), "bar", 1),
        "compute": Style(STYLES["models"].colour, (1, 0), "bar", 1),
        "tokens at list price": Style(STYLES["neither"].colour, (1, 0), "bar", 1),
    }
    shares = (price.ours_of_which_labels, price.ours_of_which_compute, price.frontier_per_million)
    rows = [
        {"who": who, "part": part, "place": place, "money": share}
        for place, (who, part, share) in enumerate(
            zip((ours, ours, frontier), parts, shares, strict=True)
        )
    ]
    colours = alt.Scale(domain=list(parts), range=[style.colour for style in parts.values()])
    room = 7.6 * max(len(ours), len(frontier))  # pixels: system fonts are wider or narrower
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(size=24)
        .encode(
            y=alt.Y(
                "who:N",
                sort=[ours, frontier],
                title=None,
                axis=alt.Axis(labelLimit=320, minExtent=room),
            ),
            x=alt.X(
                "money:Q",
                title=f"{clip(currency, 12)} per million decisions",
                axis=alt.Axis(tickCount=5),
            ),
            color=alt.Color("part:N", scale=colours, legend=None),
            order=alt.Order("place:Q"),
        )
    )
    return legend(parts) + _draw(chart.properties(width=460, height=alt.Step(44)), prefix)

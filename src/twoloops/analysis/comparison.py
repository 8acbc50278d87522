"""Bases on a task as one chart: what they get right, and what their decisions cost."""

from typing import Any

from twoloops.analysis.exhibits.model import Chart
from twoloops.analysis.exhibits.theme import BLUE, GREY, RED, WIDTH, chart, data
from twoloops.convergence.trials.compare import Compared, Comparison

ROW = 34
"""Pixels a base."""
FRONT, BEHIND = "no other as good in all", "another is as good in all"


def drawn(found: Comparison) -> Chart:
    """Return the chart: a row a base, its accuracy with 95 % interval, beside it its price.

    Args:
        found: The comparison; its order is kept, the most frequent label is the dashed line.
    """
    import altair as alt

    rows = [_row(one) for one in found.bases if one.accuracy.value is not None]
    points = alt.Chart(data(rows))
    names = [row["base"] for row in rows]
    bases: Any = alt.Y("base:N", sort=names, title=None, axis=alt.Axis(grid=True))
    kinds = [FRONT, BEHIND]
    colour: Any = alt.Color(
        "front:N", title=None, scale=alt.Scale(domain=kinds, range=[BLUE, GREY])
    )
    shape: Any = alt.Shape(
        "front:N", title=None, scale=alt.Scale(domain=kinds, range=["circle", "diamond"])
    )
    right: Any = alt.X(
        "right:Q",
        title="right, %, 95 % interval; dashed: always the most frequent label",
        scale=alt.Scale(zero=False, nice=True),
    )
    accuracy = [
        points.mark_rule(strokeWidth=1.5).encode(x="low:Q", x2="high:Q", y=bases, color=colour),
        points.mark_point(filled=True, size=90, opacity=1).encode(
            x=right, y=bases, color=colour, shape=shape
        ),
    ]
    if found.majority.value is not None:
        majority = alt.Chart(data([{"right": 100 * found.majority.value}]))
        accuracy.append(majority.mark_rule(strokeDash=[5, 4], color=RED).encode(x="right:Q"))
    price: Any = alt.X(
        "price:Q",
        title="a million decisions, USD",
        scale=alt.Scale(type="log", nice=False, padding=20),
        axis=alt.Axis(format="~g", tickCount=3),
    )
    cost = points.mark_point(filled=True, size=90, opacity=1).encode(
        x=price, y=alt.Y("base:N", sort=names, title=None, axis=None), color=colour, shape=shape
    )
    said = points.mark_text(dx=9, align="left").encode(
        x=price, y=alt.Y("base:N", sort=names, axis=None), text="says:N"
    )
    height = ROW * max(len(rows), 2)
    return chart(
        "bases",
        f"Bases on {found.task}: {found.trained_on} training items, {found.judged_by} judging",
        alt.hconcat(
            alt.layer(*accuracy).properties(width=0.55 * WIDTH, height=height),
            alt.layer(cost, said).properties(width=0.3 * WIDTH, height=height),
        ),
        "The best of several looks better than it is; what is released is the gate's to say.",
        [],
    )


def _row(one: Compared) -> dict[str, Any]:
    value = one.accuracy.value
    low, high = one.accuracy.interval or (value, value)
    assert value is not None
    assert low is not None
    assert high is not None
    return {
        "base": one.base + (" (deployed)" if one.deployed else ""),
        "price": one.usd_per_million,
        "says": f"{one.usd_per_million:.3g}",
        "right": 100 * value,
        "low": 100 * low,
        "high": 100 * high,
        "front": FRONT if one.front else BEHIND,
    }

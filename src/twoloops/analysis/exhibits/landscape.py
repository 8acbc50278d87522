"""Exhibit: the competitive landscape (section I), and where compute has gone since."""

from collections.abc import Sequence
from typing import Any

from twoloops.analysis.exhibits import theme
from twoloops.analysis.exhibits.basis import Basis
from twoloops.analysis.exhibits.marks import Article
from twoloops.analysis.exhibits.model import Chart, Column, Exhibit, Note, Row, Table, exhibit
from twoloops.atlas import chips
from twoloops.atlas.article import Leader, leaders

GAPS = {
    "Training compute": ("FLOP_RATIO",),
    "Training data": ("TOK_LEADER", "TOK_RATIO"),
    "Model parameters": ("PAR_RATIO",),
    "Inference cost": ("COST_X",),
    "AI capital expenditure": ("CAPEX_RATIO",),
}
"""Claims on the gap in each dimension."""
OWNER = "China"
"""Owner in the table of chips whose share is drawn; the table names countries and companies."""


def landscape(basis: Basis) -> Exhibit:
    """Return the exhibit."""
    article = basis.article
    pairs = _pairs(leaders("landscape"))
    return exhibit(
        "landscape",
        "Competitive landscape",
        "How far apart are the leaders that the article names, and what is compared with what?",
        known=basis.view.sources(),
        charts=(_ratios(article, pairs), *_compute()),
        tables=(_table(article, pairs), _quarters()),
        notes=_notes(),
        origin="the article, section I",
    )


def _pairs(rows: Sequence[Leader]) -> dict[str, tuple[Leader, Leader]]:
    """Return the two leaders of each dimension, in the order of the table."""
    found: dict[str, list[Leader]] = {}
    for row in rows:
        found.setdefault(row.dimension, []).append(row)
    return {name: (pair[0], pair[1]) for name, pair in found.items()}


def _ends(article: Article, leader: Leader) -> tuple[float, float]:
    low = article.number(leader.low) or 0.0
    high = article.number(leader.high) if leader.high else None
    return low, low if high is None else high


def _ratios(article: Article, pairs: dict[str, tuple[Leader, Leader]]) -> Chart:
    import altair as alt

    rows: list[dict[str, Any]] = []
    for name, (one, other) in pairs.items():
        (low, high), (other_low, other_high) = _ends(article, one), _ends(article, other)
        shown = f"{low / other_high:.3g}" + (f" to {high / other_low:.3g}" if high > low else "")
        rows.append(
            {
                "dimension": name,
                "low": low / other_high,
                "high": high / other_low,
                "text": f"{shown} ×",
                "one": f"{one.bloc}: {one.leader}",
                "other": f"{other.bloc}: {other.leader}",
                "unit": article.claim(one.low).unit,
            }
        )
    first = next(iter(pairs.values()))
    base = alt.Chart(theme.data(rows)).encode(
        y=alt.Y("dimension:N", sort=list(pairs), title=None),
        tooltip=[
            theme.tip("dimension", "dimension"),
            theme.tip("one", "numerator"),
            theme.tip("other", "denominator"),
            theme.tip("text", "ratio"),
            theme.tip("unit", "unit of both"),
        ],
    )
    across = alt.X(
        "low:Q",
        title=f"{first[0].bloc} leader ÷ {first[1].bloc} leader (times, logarithmic)",
        scale=alt.Scale(type="log", domain=[0.5, 1000], nice=False),
        axis=alt.Axis(values=[0.5, 1, 3, 10, 30, 100, 300, 1000], format="~g"),
    )
    one = alt.Chart(theme.data([{"at": 1}])).mark_rule(strokeDash=[3, 3]).encode(x="at:Q")
    drawing = alt.layer(
        one,
        base.mark_rule(strokeWidth=4, color=theme.BLUE).encode(x=across, x2="high:Q"),
        base.mark_point(filled=True, size=110, color=theme.BLUE, opacity=1).encode(x="high:Q"),
        base.mark_text(align="left", dx=9).encode(x="high:Q", text="text:N"),
    ).properties(width=theme.WIDTH, height=alt.Step(40))
    caption = (
        "Ratios of the figures that the article prints. At the dashed line both are equal. Each "
        "row compares different things: the data row sets tokens of video against tokens of "
        "text, and in the cost row the larger figure is the dearer one. Capital expenditure is "
        "a pair of bounds."
    )
    return theme.chart("ratios", "One leader over the other", drawing, caption, ["article"])


def _table(article: Article, pairs: dict[str, tuple[Leader, Leader]]) -> Table:
    rows = []
    for name, (one, other) in pairs.items():
        claims = [one.low, one.high, other.low, other.high, *GAPS[name]]
        ends = [_said(*_ends(article, leader)) for leader in (one, other)]
        said, checked = article.claim(one.low), article.checked(*claims)
        rows.append(
            Row(
                (name, said.unit, one.leader, ends[0], other.leader, ends[1], checked),
                said.as_of,
                ("article",),
                remarks=article.remarks(*claims),
            )
        )
    first = next(iter(pairs.values()))
    columns = (
        Column("dimension"),
        Column("unit"),
        Column(f"{first[0].bloc} leader"),
        Column("figure", "see unit", "as the article prints it"),
        Column(f"{first[1].bloc} leader"),
        Column("figure", "see unit", "as the article prints it"),
        Column("elsewhere", definition="what other sources say; the gravest of the row's claims"),
    )
    note = "The row on open ecosystems has no figure but derivatives: see the exhibit downloads."
    return Table("leaders", "The leaders, as the article names them", columns, tuple(rows), note)


def _said(low: float, high: float) -> str:
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"


def _compute() -> tuple[Chart, Chart]:
    """Return an owner's stock of compute with its interval, and its share of all."""
    import altair as alt

    shares = chips.share_by_quarter(OWNER)
    rows = [
        {
            "quarter": row.quarter,
            "low": row.low / 1000,
            "median": row.median / 1000,
            "high": row.high / 1000,
            "share": shares[row.quarter],
        }
        for row in chips.owned(OWNER)
    ]
    tips = [
        theme.tip("quarter", "end of quarter"),
        theme.tip("median", "thousand H100e", ",.1f"),
        theme.tip("low", "5th percentile", ",.1f"),
        theme.tip("high", "95th percentile", ",.1f"),
        theme.tip("share", "share of all (%)", ".1f"),
    ]
    across = alt.X("quarter:O", title="end of quarter", axis=alt.Axis(labelAngle=-45))
    base = alt.Chart(theme.data(rows), width=theme.WIDTH, height=220).encode(x=across, tooltip=tips)
    stock = alt.layer(
        base.mark_area(opacity=0.25, color=theme.BLUE).encode(
            y=alt.Y("low:Q", title="cumulative (thousand H100e)"), y2="high:Q"
        ),
        base.mark_line(strokeWidth=2.5, color=theme.BLUE).encode(y="median:Q"),
        base.mark_point(filled=True, size=60, color=theme.BLUE, opacity=1).encode(y="median:Q"),
    )
    share = alt.layer(
        base.mark_line(strokeWidth=2.5, color=theme.RED).encode(
            y=alt.Y("share:Q", title="share of all owners (%)")
        ),
        base.mark_point(filled=True, size=60, color=theme.RED, opacity=1, shape="square").encode(
            y="share:Q"
        ),
    )
    scope = "Legal and estimated supply of Nvidia chips; no other makers, no rented capacity."
    used = [row.source for row in chips.owned(OWNER)]
    return (
        theme.chart(
            "compute",
            f"Nvidia compute delivered to {OWNER}",
            stock,
            f"A stock: all quarters since 2022 added up; the band is the 5th to 95th percentile of "
            f"the publisher's model. {scope}",
            used,
        ),
        theme.chart(
            "compute-share",
            f"Share of Nvidia compute delivered to {OWNER}",
            share,
            f"Cumulative compute of {OWNER} divided by that of all owners, median over median. "
            f"{scope}",
            used,
        ),
    )


def _quarters() -> Table:
    shares = chips.share_by_quarter(OWNER)
    rows = tuple(
        Row(
            (row.quarter, round(row.median), round(row.low), round(row.high), shares[row.quarter]),
            row.to,
            (row.source,),
            "share = median / median of all owners",
        )
        for row in chips.owned(OWNER)
    )
    columns = (
        Column("end of quarter"),
        Column("compute", "H100e", "cumulative since 2022-Q1 (a stock), median"),
        Column("5th percentile", "H100e"),
        Column("95th percentile", "H100e"),
        Column("share", "%", "of the cumulative compute of all owners", 3),
    )
    return Table("quarters", f"Nvidia compute delivered to {OWNER}, by quarter", columns, rows)


def _notes() -> tuple[Note, ...]:
    return (
        Note(
            "caution",
            "Qwen3-Max, named as China's leader, is offered by API only, while Cosmos-1.0, named "
            "as the US leader in data, has published weights: the table does not compare open "
            "models.",
            ("epoch-notable-2026-07", "epoch-all-2025-04"),
        ),
        Note(
            "caution",
            "Tokens of video and tokens of text are not the same unit, so the ratio of training "
            "data says little.",
            ("epoch-all-2025-04", "epoch-notable-2025-12"),
        ),
        Note(
            "definition",
            "An H100 equivalent (H100e) is the compute of as many H100 chips, in the publisher's "
            "conversion.",
            ("epoch-chips-2026-04",),
        ),
    )

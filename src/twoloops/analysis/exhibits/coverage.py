"""Exhibit: control coverage as the article rates it (section 6.1), beside dated instruments."""

from typing import Any

from twoloops.analysis.exhibits import theme
from twoloops.analysis.exhibits.basis import Basis
from twoloops.analysis.exhibits.marks import Article
from twoloops.analysis.exhibits.model import Chart, Column, Exhibit, Note, Row, Table, exhibit
from twoloops.atlas.instruments import Instrument, Rules, StateRow, packaged
from twoloops.atlas.ratings import ratings

RISKS = ("Medium", "High", "Critical")
"""The article's ratings, lowest first."""
LAYERS = {
    "hardware": ("training-compute", "edge-hardware"),
    "training": ("training-compute",),
    "base": ("base-weights",),
    "data": ("deployment-data",),
    "flow": ("cross-border-flow",),
    "teacher": ("teacher-api",),
}
"""Layers that an instrument's subjects belong to."""


def coverage(basis: Basis) -> Exhibit:
    """Return the exhibit."""
    article = basis.article
    return exhibit(
        "controls",
        "Control coverage, as the article rates it",
        "Which layers does the article call covered, and which dated instruments touch them?",
        known=basis.view.sources(),
        charts=(_ratings(), _instruments()),
        tables=(_table(article), _listed()),
        notes=(
            Note(
                "caution",
                "Coverage and risk are the article's own ratings; the paper it reports on was not "
                "available. One word per row leaves out partial instruments and dates.",
                ("article",),
            ),
            Note(
                "caution",
                "Instruments are listed with a state and a date. This is no legal advice, and no "
                "outcome for anybody is computed here; twoloops controls applies the list to a "
                "system of one's own.",
            ),
        ),
        origin="the article, section 6.1",
    )


def _claims(number: int) -> tuple[str, str]:
    return f"EC_COV_{number}", f"EC_RISK_{number}"


def _ratings() -> Chart:
    import altair as alt

    rows = [
        {
            "dimension": row.dimension,
            "coverage": row.coverage,
            "risk": row.risk,
            "place": RISKS.index(row.risk) + 1,
            "workaround": row.workaround,
            "text": row.coverage.lower(),
        }
        for row in ratings()
    ]
    kinds = list(dict.fromkeys(str(row["coverage"]) for row in rows))
    base = alt.Chart(theme.data(rows)).encode(
        y=alt.Y("dimension:N", sort=[row.dimension for row in ratings()], title=None),
        x=alt.X(
            "risk:O",
            sort=list(RISKS),
            title="risk, as the article rates it (three grades)",
            scale=alt.Scale(domain=list(RISKS)),
            axis=alt.Axis(labelAngle=0, grid=True),
        ),
        tooltip=[
            theme.tip("dimension", "dimension"),
            theme.tip("coverage", "coverage"),
            theme.tip("risk", "risk"),
            theme.tip("workaround", "workaround, as the article has it"),
        ],
    )
    drawing = alt.layer(
        base.mark_point(filled=True, size=170, opacity=1).encode(
            color=theme.colour("coverage", kinds, "coverage, as the article rates it"),
            shape=theme.shape("coverage", kinds, "coverage, as the article rates it"),
        ),
        base.mark_text(dy=16, fontSize=10).encode(text="text:N"),
    ).properties(width=440, height=alt.Step(44))
    return theme.chart(
        "ratings",
        "Coverage and risk, as the article rates them",
        drawing,
        "Ratings of the article, not measurements: the grades have no unit and no stated rule.",
        ["article"],
    )


def _stretches(rules: Rules, end: str) -> list[dict[str, Any]]:
    """Return every state of every instrument, those without a known end until `end`."""
    rows: list[dict[str, Any]] = []
    named = {row.id: row for row in rules.instruments}
    for state in rules.states:
        one = named[state.instrument]
        rows.append(
            {
                "instrument": one.title,
                "state": state.state,
                "since": state.since.isoformat(),
                "until": state.until.isoformat() if state.until else end,
                "open": state.until.isoformat() if state.until else "no end known",
                "layer": ", ".join(_layers(one)),
                "issuer": one.issuer,
                "source": state.source,
            }
        )
    return rows


def _instruments() -> Chart:
    """Return when each instrument was in which state, by the layer it touches."""
    import altair as alt

    rules = packaged()
    end = max(row.as_of for row in rules.instruments).isoformat()
    rows = _stretches(rules, end)
    order = [row["instrument"] for row in sorted(rows, key=lambda row: str(row["since"]))]
    kinds = list(dict.fromkeys(str(row["state"]) for row in rows))
    base = alt.Chart(theme.data(rows)).encode(
        y=alt.Y(
            "instrument:N",
            sort=list(dict.fromkeys(order)),
            title=None,
            axis=alt.Axis(labelLimit=480),
        ),
        tooltip=[
            theme.tip("instrument", "instrument"),
            theme.tip("issuer", "issuer"),
            theme.tip("layer", "layer"),
            theme.tip("state", "state"),
            theme.tip("since", "since"),
            theme.tip("open", "until"),
            theme.tip("source", "source"),
        ],
    )
    across = alt.X(
        "since:T",
        title="date",
        scale=alt.Scale(type="utc"),
        axis=alt.Axis(format="%Y-%m", tickCount=6),
    )
    drawing = alt.layer(
        base.mark_rule(strokeWidth=6).encode(
            x=across, x2="until:T", color=theme.colour("state", kinds, "state")
        ),
        base.mark_point(filled=True, size=70, opacity=1).encode(
            x=across,
            color=theme.colour("state", kinds, "state"),
            shape=theme.shape("state", kinds, "state"),
        ),
    ).properties(width=360, height=alt.Step(22))
    return theme.chart(
        "instruments",
        "Instruments and their states",
        drawing,
        f"A mark is the day a state begins; bars without a known end are drawn to {end}, the last "
        "look at the list. Older instruments begin where they were looked at.",
        [row.source for row in rules.states],
    )


def _layers(one: Instrument) -> list[str]:
    found: dict[str, None] = {}
    for subject in one.subjects.split("|"):
        found.update(dict.fromkeys(LAYERS.get(subject, (subject,))))
    return list(found)


def _table(article: Article) -> Table:
    rows = []
    for number, row in enumerate(ratings(), 1):
        claims = _claims(number)
        touching = [one for one in packaged().instruments if row.layer in _layers(one)]
        cells = (row.dimension, row.coverage, row.risk, row.workaround, _states(touching))
        used = (row.source, *(one.source for one in touching))
        rows.append(
            Row(cells, row.as_of, tuple(dict.fromkeys(used)), remarks=article.remarks(*claims))
        )
    columns = (
        Column("dimension"),
        Column("coverage", definition="the article's rating"),
        Column("risk", definition="the article's rating"),
        Column("workaround", definition="as the article has it"),
        Column("instruments", definition="on the layer the dimension is set beside, by last state"),
    )
    return Table("coverage", "Coverage as rated, and instruments counted", columns, tuple(rows))


def _states(touching: list[Instrument]) -> str:
    """Count instruments by their last recorded state."""
    counted: dict[str, int] = {}
    for one in touching:
        last = _last(one)
        counted[last.state] = counted.get(last.state, 0) + 1
    return ", ".join(f"{number} {state}" for state, number in sorted(counted.items())) or "none"


def _last(one: Instrument) -> StateRow:
    return max(
        (row for row in packaged().states if row.instrument == one.id), key=lambda row: row.since
    )


def _listed() -> Table:
    rows = []
    for one in packaged().instruments:
        last = _last(one)
        until = None if last.until is None else last.until.isoformat()
        dates = (last.since.isoformat(), until, one.review_by.isoformat())
        cells = (one.title, one.issuer, ", ".join(_layers(one)), last.state, *dates)
        used = tuple(dict.fromkeys((one.source, last.source)))
        rows.append(Row(cells, one.as_of.isoformat(), used))
    columns = (
        Column("instrument"),
        Column("issuer"),
        Column("layers"),
        Column("last state"),
        Column("since"),
        Column("until"),
        Column("look again by"),
    )
    return Table("instruments", "Instruments with their last recorded state", columns, tuple(rows))

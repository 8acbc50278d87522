"""Exhibit: growth of open models by country, of every snapshot, as stock and as flow."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from twoloops.analysis.exhibits import theme
from twoloops.analysis.exhibits.basis import Basis
from twoloops.analysis.exhibits.marks import Article
from twoloops.analysis.exhibits.model import (
    Chart,
    Column,
    Exhibit,
    Note,
    Remark,
    Row,
    Table,
    exhibit,
)
from twoloops.atlas.open_models import Snapshot, YearCount, cumulative

SAID = {
    "China": ("OM_CN_2022", "OM_CN_2025"),
    "United States of America": ("OM_US_2022", "OM_US_2025"),
}
"""Claims of the article on the number of open models, by country."""
FROM = 2018
"""First year drawn: earlier ones hold a handful of models."""
PRINTED = "the article"


MANY = 40.0
"""Percent of unknown accessibility above which a snapshot is marked."""
MANY_UNKNOWN = Remark(
    "caution",
    "So many models have no accessibility yet that counts of open models are a lower bound.",
)


class Counted(NamedTuple):
    """Open models of a country in a snapshot.

    Attributes:
        snapshot: What is counted.
        country: Whose.
        stock: Cumulative number by year, to the last year of the snapshot.
        annual: New models by year.
    """

    snapshot: Snapshot
    country: str
    stock: dict[int, int]
    annual: dict[int, int]


def open_models(basis: Basis) -> Exhibit:
    """Return the exhibit."""
    counted = _counted(basis)
    said = {country: SAID[country] for country in basis.countries if country in SAID}
    return exhibit(
        "open-models",
        "Growth of open models by country",
        "How many open models has each country published, as a stock and as new ones a year?",
        known=basis.view.sources(),
        charts=(
            _stocks(basis, counted, said),
            _flows(basis, counted),
        ),
        tables=(*_printed(basis.article, said), _years(counted), _snapshots(basis)),
        notes=_notes(),
        origin="the article, section II",
    )


def _counted(basis: Basis) -> list[Counted]:
    rows = basis.view.rows("open_models", YearCount)
    found = []
    for snapshot in basis.view.rows("open_model_snapshots", Snapshot):
        until = int(snapshot.last[:4])
        for country in basis.countries:
            annual = {
                row.year: row.models
                for row in rows
                if (row.snapshot, row.country) == (snapshot.snapshot, country)
            }
            stock = cumulative(rows, snapshot.snapshot, country, until)
            found.append(Counted(snapshot, country, stock, annual))
    return found


def _line(snapshot: Snapshot) -> str:
    return f"{snapshot.scope}, to {snapshot.last[:7]}"


def _stocks(basis: Basis, counted: Sequence[Counted], said: dict[str, tuple[str, str]]) -> Chart:
    rows = [
        {
            "country": one.country,
            "line": _line(one.snapshot),
            "year": year,
            "at": one.snapshot.last if year == int(one.snapshot.last[:4]) else f"{year}-12-31",
            "models": number,
            "source": one.snapshot.source,
        }
        for one in counted
        for year, number in one.stock.items()
        if year >= FROM
    ]
    for country, claims in said.items():
        for claim in claims:
            year = int(basis.article.claim(claim).as_of[:4])
            number = basis.article.number(claim)
            rows.append(
                {
                    "country": country,
                    "line": PRINTED,
                    "year": year,
                    "at": f"{year}-12-31",
                    "models": int(number or 0),
                    "source": "article",
                }
            )
    return theme.chart(
        "stock",
        "Open models published so far (a stock)",
        _panels(rows, _lines(counted, bool(said))),
        "Cumulative number to the end of each year; the last mark of a line is the day its data "
        "ends. The article's figures have no word on stock or flow: its figures for 2022 are near "
        "the stock and far from the flow. A model of several countries counts for each of them.",
        ["article", *(one.snapshot.source for one in counted)],
    )


def _lines(counted: Sequence[Counted], printed: bool) -> list[str]:
    lines = list(dict.fromkeys(_line(one.snapshot) for one in counted))
    return [*lines, PRINTED] if printed else lines


def _panels(rows: Sequence[dict[str, Any]], lines: Sequence[str]) -> Any:
    """Return one panel a country, all with the same axes; the article's points stay unjoined."""
    import altair as alt

    countries = list(dict.fromkeys(str(row["country"]) for row in rows))
    top = max(int(row["models"]) for row in rows)
    chosen, opacity = theme.dimmed("line")
    printed = alt.FieldEqualPredicate(field="line", equal=PRINTED)
    panels = []
    for country in countries:
        mine = [row for row in rows if row["country"] == country]
        base = _axes(mine, top, _last(rows) + 1).encode(color=theme.colour("line", lines))
        line = base.transform_filter(~printed).mark_line(strokeWidth=2)
        point = base.mark_point(filled=True, size=75)
        panel = alt.layer(
            line.encode(strokeDash=theme.dash("line", lines), opacity=opacity),
            point.encode(shape=theme.shape("line", lines), opacity=opacity),
        )
        panels.append(panel.properties(title=country))
    return _beside(panels, chosen)


def _beside(panels: Sequence[Any], chosen: Any) -> Any:
    """Return panels two in a row; the selection stands in the first and is read by all."""
    import altair as alt

    first, *others = panels
    return alt.concat(first.add_params(chosen), *others, columns=2)


def _axes(rows: Sequence[dict[str, Any]], top: int, end: int) -> Any:
    """Return a panel without marks: years from `FROM` to `end`, models from 0 to `top`."""
    import altair as alt

    return alt.Chart(theme.data(rows), width=theme.WIDTH // 2 - 20, height=280).encode(
        x=alt.X(
            "at:T",
            title="date (year)",
            axis=alt.Axis(format="%Y", tickCount={"interval": "year", "step": 2}),
            scale=theme.days(date(FROM, 1, 1), date(end, 3, 1)),
        ),
        y=alt.Y(
            "models:Q",
            title="models published so far (number)",
            scale=alt.Scale(domain=[0, top * 1.05], nice=True),
        ),
        tooltip=[
            theme.tip("country", "country"),
            theme.tip("line", "what is counted"),
            theme.tip("at", "until"),
            theme.tip("models", "models", ","),
            theme.tip("source", "source"),
        ],
    )


def _last(rows: Sequence[dict[str, Any]]) -> int:
    return max(int(row["year"]) for row in rows)


def _flows(basis: Basis, counted: Sequence[Counted]) -> Chart:
    import altair as alt

    rows = [
        {
            "country": one.country,
            "line": _line(one.snapshot),
            "year": str(year),
            "models": one.annual.get(year, 0),
            "source": one.snapshot.source,
        }
        for one in counted
        for year in range(FROM, int(one.snapshot.last[:4]) + 1)
    ]
    countries = theme.ordered(basis.countries)
    chosen, opacity = theme.dimmed("country")
    lines = _lines(counted, printed=False)
    panels = [
        alt.Chart(
            theme.data([row for row in rows if row["line"] == line]),
            width=theme.WIDTH // 2 - 20,
            height=150,
            title=line,
        )
        .mark_bar()
        .encode(
            x=alt.X("year:O", title="year of publication", axis=alt.Axis(labelAngle=-45)),
            xOffset=alt.XOffset("country:N", sort=countries),
            y=alt.Y("models:Q", title="new models (a year)"),
            color=theme.colour("country", countries),
            opacity=opacity,
            tooltip=[
                theme.tip("country", "country"),
                theme.tip("year", "year"),
                theme.tip("models", "new models", ","),
                theme.tip("source", "source"),
            ],
        )
        for line in lines
    ]
    return theme.chart(
        "flow",
        "New open models a year (a flow)",
        _beside(panels, chosen),
        "Bars from left to right in the order of the legend; each panel has its own scale. The "
        "last year of each snapshot is incomplete. Years before are filled in later by the "
        "publisher.",
        [one.snapshot.source for one in counted],
    )


def _printed(article: Article, said: dict[str, tuple[str, str]]) -> tuple[Table, ...]:
    """Return what the article prints of the countries compared, nothing if it names none."""
    if not said:
        return ()
    rows = []
    for country, claims in said.items():
        for id in claims:
            claim = article.claim(id)
            cells = (country, claim.as_of, article.number(id), article.checked(id))
            rows.append(Row(cells, claim.as_of, ("article",), remarks=article.remarks(id)))
    columns = (
        Column("country"),
        Column("year"),
        Column("models", "models", "as printed; stock or flow is not said"),
        Column("elsewhere"),
    )
    return (Table("printed", "What the article prints", columns, tuple(rows)),)


def _years(counted: Sequence[Counted]) -> Table:
    rows = []
    for one in counted:
        for year, stock in one.stock.items():
            ends = one.snapshot.last if year == int(one.snapshot.last[:4]) else f"{year}-12-31"
            cells = (one.country, _line(one.snapshot), str(year), one.annual.get(year, 0), stock)
            how = "stock = sum of the new models of all years so far"
            rows.append(Row(cells, ends, (one.snapshot.source,), how))
    columns = (
        Column("country"),
        Column("snapshot"),
        Column("year", definition="calendar year"),
        Column("new", "models a year", "published in the year, weights open (a flow)"),
        Column("so far", "models", "published until the end of the year (a stock)"),
    )
    return Table("years", "Open models by country and year", columns, tuple(rows))


def _snapshots(basis: Basis) -> Table:
    rows = []
    for one in basis.view.rows("open_model_snapshots", Snapshot):
        share = 100 * one.blank / one.models
        cells = (_line(one), one.models, one.open, one.blank, share, one.first)
        how = f"share = {one.blank:,} / {one.models:,}"
        remarks = (MANY_UNKNOWN,) if share > MANY else ()
        rows.append(Row(cells, one.last, (one.source,), how, remarks))
    columns = (
        Column("snapshot"),
        Column("models", "models", "in the file"),
        Column("open", "models", "accessibility begins with 'Open weights'"),
        Column("unknown", "models", "accessibility not filled in; counted as not open"),
        Column("share unknown", "%", "unknown / models", 3),
        Column("first date"),
    )
    return Table("snapshots", "What each snapshot holds", columns, tuple(rows))


def _notes() -> tuple[Note, ...]:
    return (
        Note(
            "definition",
            "Open: published weights under any terms (unrestricted, restricted use or "
            "non-commercial). A joint model counts for each country of its organisations, so "
            "countries must not be added up. Hong Kong is a row of its own in the data.",
            ("epoch-all-2025-04",),
        ),
        Note(
            "definition",
            "All, notable and large-scale models are three files of one publisher that admit "
            "different models; they are never mixed in one line.",
            ("epoch-all-2025-04", "epoch-notable-2026-07", "epoch-large-2025-12"),
        ),
        Note(
            "gap",
            "No copy of the full file later than April 2025 was at hand, so the article's figures "
            "for 2025 could not be counted again.",
            ("epoch-all-2025-04",),
        ),
    )

"""Exhibit: applications and their traffic (section 6.3)."""

from typing import Any

from twoloops.analysis.exhibits import theme
from twoloops.analysis.exhibits.basis import Basis
from twoloops.analysis.exhibits.marks import Article
from twoloops.analysis.exhibits.model import Chart, Column, Exhibit, Note, Row, Table, exhibit
from twoloops.atlas.article import Leader, leaders


def applications(basis: Basis) -> Exhibit:
    """Return the exhibit."""
    article = basis.article
    rows = leaders("applications")
    pairs = list(zip(rows[::2], rows[1::2], strict=True))
    ahead = sum(
        (article.number(one.low) or 0) > (article.number(other.low) or 0) for one, other in pairs
    )
    return exhibit(
        "applications",
        "Applications",
        "Which service of which bloc has more visits, in each category the article names?",
        known=basis.view.sources(),
        charts=(_visits(article, pairs),),
        tables=(_table(article, pairs),),
        notes=(
            Note(
                "definition",
                f"Visits a month, in millions. Month and counter are not said. The {rows[0].bloc} "
                f"leader has more visits in {ahead} of {len(pairs)} categories.",
                ("article",),
            ),
            Note(
                "gap",
                "No open source of this table was found, so that it could not be counted again "
                "except where a remark says so.",
            ),
        ),
        origin="the article, section 6.3",
    )


def _visits(article: Article, pairs: list[tuple[Leader, Leader]]) -> Chart:
    import altair as alt

    rows: list[dict[str, Any]] = []
    for pair in pairs:
        for leader in pair:
            value = article.number(leader.low) or 0.0
            rows.append(
                {
                    "category": leader.dimension,
                    "bloc": leader.bloc,
                    "service": leader.leader,
                    "visits": value,
                    "text": f"{leader.leader} {value:g}",
                }
            )
    names = [pair[0].dimension for pair in pairs]
    blocs = [leader.bloc for leader in pairs[0]]
    chosen, opacity = theme.dimmed("bloc")
    base = alt.Chart(theme.data(rows)).encode(
        y=alt.Y("category:N", sort=names, title=None),
        x=alt.X(
            "visits:Q",
            title="visits a month (millions, logarithmic)",
            scale=alt.Scale(type="log", domain=[0.7, 20000], nice=False),
            axis=alt.Axis(values=[1, 10, 100, 1000, 10000], format="~g"),
        ),
    )
    upper = alt.FieldEqualPredicate(field="bloc", equal=blocs[0])
    lower = alt.FieldEqualPredicate(field="bloc", equal=blocs[1])
    drawing = alt.layer(
        base.mark_line(strokeWidth=1.5, color=theme.GREY).encode(detail="category:N"),
        base.mark_point(filled=True, size=130).encode(
            color=theme.colour("bloc", blocs, "bloc, as the article lists it"),
            shape=theme.shape("bloc", blocs, "bloc, as the article lists it"),
            opacity=opacity,
            tooltip=[
                theme.tip("category", "category"),
                theme.tip("service", "service"),
                theme.tip("bloc", "bloc"),
                theme.tip("visits", "millions a month", ",.4~g"),
            ],
        ),
        base.transform_filter(upper).mark_text(dy=-13).encode(text="text:N"),
        base.transform_filter(lower).mark_text(dy=16).encode(text="text:N"),
    ).add_params(chosen)
    return theme.chart(
        "visits",
        "Visits a month of each category's leaders",
        drawing.properties(width=theme.WIDTH, height=alt.Step(52)),
        "As the article prints them: a flow over a month that it does not name.",
        ["article"],
    )


def _table(article: Article, pairs: list[tuple[Leader, Leader]]) -> Table:
    rows = []
    for number, (one, other) in enumerate(pairs, 1):
        claims = [one.low, other.low, f"TV_LEAD_{number}"]
        claims += ["TV_SEAART"] if one.leader == "SeaArt" else []
        first, second = article.number(one.low), article.number(other.low)
        ratio = first / second if first and second else None
        cells = (one.dimension, one.leader, first, other.leader, second, ratio)
        checked = article.checked(*claims)
        how = f"{first:g} / {second:g}" if ratio else ""
        as_of = article.claim(one.low).as_of or "not said"
        rows.append(Row((*cells, checked), as_of, ("article",), how, article.remarks(*claims)))
    bloc, against = (leader.bloc for leader in pairs[0])
    columns = (
        Column("category"),
        Column(f"{bloc} leader"),
        Column("visits", "millions a month", "as printed (a flow)", 4),
        Column(f"{against} leader"),
        Column("visits", "millions a month", "as printed (a flow)", 4),
        Column("ratio", "times", f"{bloc} / {against}", 3),
        Column("elsewhere", definition="what computing and other sources say"),
    )
    return Table("visits", "Leaders by category", columns, tuple(rows))

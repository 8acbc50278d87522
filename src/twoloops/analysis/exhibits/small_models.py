"""Exhibit: small models, where the loops meet (section IV)."""

from collections import Counter
from typing import Any

from twoloops.analysis.exhibits import theme
from twoloops.analysis.exhibits.basis import Basis
from twoloops.analysis.exhibits.marks import Article
from twoloops.analysis.exhibits.model import Chart, Column, Exhibit, Note, Row, Table, exhibit
from twoloops.atlas.article import Downloaded, downloads
from twoloops.atlas.regions import BLOCS, CLASSES, by_size, size_class, sizes
from twoloops.atlas.tables import sources

SMALL = 10.0
"""Billions of parameters up to which a model is called small here."""
SAID = ("SLM_BULK", "SLM_LO", "SLM_HI", "TARSIER", "E5_CARD_1", "E5_CARD_2", "E5_CARD_3")
"""Claims of the section."""


def small_models(basis: Basis) -> Exhibit:
    """Return the exhibit."""
    article = basis.article
    return exhibit(
        "small-models",
        "Small models, where the loops meet",
        "How small are the models that are downloaded and published, and what do they save?",
        known=basis.view.sources(),
        charts=(_downloaded(article), _published()),
        tables=(_claims(article), _rows(article), _classes()),
        notes=(
            Note(
                "definition",
                f"Small means up to {SMALL:g} billion parameters here. Neither the article nor "
                "its sources draw a line.",
            ),
            Note(
                "gap",
                "The numbers of three cards in this section were lost in the article's text; they "
                "are not guessed.",
                ("article",),
            ),
            Note(
                "definition",
                "What a small model saves on one's own task is measured by twoloops: "
                "twoloops exhibits --mine sets its price beside a frontier list price.",
            ),
        ),
        origin="the article, section IV",
    )


def _parameters(row: Downloaded) -> tuple[str, ...]:
    known = sources()
    return (row.source, row.parameters_from) if row.parameters_from in known else (row.source,)


def _downloaded(article: Article) -> Chart:
    import altair as alt

    rows: list[dict[str, Any]] = [
        {
            "model": row.model,
            "parameters": row.parameters,
            "downloads": (article.number(row.downloads) or 0.0) / 1e6,
            "bloc": article.text(row.country),
            "from": row.parameters_from,
        }
        for row in downloads()
    ]
    # Labels point away from the line at `SMALL`.
    rows = [row | {"side": "left" if row["parameters"] <= SMALL else "right"} for row in rows]
    blocs = theme.ordered(str(row["bloc"]) for row in rows)
    chosen, opacity = theme.dimmed("bloc")
    base = alt.Chart(theme.data(rows)).encode(
        x=alt.X(
            "parameters:Q",
            title="parameters (billions, logarithmic)",
            scale=alt.Scale(type="log", domain=[0.7, 400], nice=False),
            axis=alt.Axis(values=[1, 3, 10, 30, 100, 300], format="~g"),
        ),
        y=alt.Y(
            "downloads:Q",
            title="downloads, 2025-11 and 12 (millions)",
            scale=alt.Scale(domain=[4, 11.5], nice=False),
        ),
        tooltip=[
            theme.tip("model", "model"),
            theme.tip("bloc", "flag in the article"),
            theme.tip("parameters", "parameters (billions)", "~g"),
            theme.tip("from", "parameters from"),
            theme.tip("downloads", "downloads (millions)", ".2f"),
        ],
    )
    line = alt.Chart(theme.data([{"at": SMALL}])).mark_rule(strokeDash=[3, 3]).encode(x="at:Q")
    drawing = alt.layer(
        line,
        base.mark_point(filled=True, size=130).encode(
            color=theme.colour("bloc", blocs, "flag in the article"),
            shape=theme.shape("bloc", blocs, "flag in the article"),
            opacity=opacity,
        ),
        *theme.labels(base, "model:N"),
    ).add_params(chosen)
    small = sum(row["parameters"] <= SMALL for row in rows)
    return theme.chart(
        "downloaded",
        "Size of the ten most downloaded models",
        drawing.properties(width=theme.WIDTH, height=430),
        f"{small} of the ten are at or below {SMALL:g} billion parameters (dashed line). Sizes are "
        "those of the models' names, or of the source named in the tooltip.",
        [name for row in downloads() for name in _parameters(row)],
    )


def _published() -> Chart:
    import altair as alt

    counted = _counted()
    totals = {region: sum(counted[region, name] for name in CLASSES) for region, _ in counted}
    regions = theme.ordered(totals)
    rows = [
        {
            "size": name,
            "region": region,
            "models": counted[region, name],
            "share": 100 * counted[region, name] / totals[region],
            "of": totals[region],
        }
        for region in regions
        for name in CLASSES
        if totals[region] >= 10  # shares of a handful of models say nothing
    ]
    shown = [region for region in regions if totals[region] >= 10]
    chosen, opacity = theme.dimmed("region")
    drawing = (
        alt.Chart(theme.data(rows))
        .mark_bar()
        .encode(
            x=alt.X(
                "size:O",
                sort=list(CLASSES),
                title="parameters (billions)",
                axis=alt.Axis(labelAngle=0),
            ),
            xOffset=alt.XOffset("region:N", sort=shown),
            y=alt.Y("share:Q", title="share of the region's models (%)"),
            color=theme.colour("region", shown, "region of the publishing account"),
            opacity=opacity,
            tooltip=[
                theme.tip("region", "region"),
                theme.tip("size", "parameters (billions)"),
                theme.tip("models", "models", ","),
                theme.tip("of", "of", ","),
                theme.tip("share", "share (%)", ".1f"),
            ],
        )
        .add_params(chosen)
    )
    caption = (
        "Open models with a recorded size on the ATOM project's list, bars from left to right in "
        "the order of the legend ("
        + ", ".join(f"{region}: n = {totals[region]}" for region in shown)
        + "). The list has sizes of chosen families only, so it is not all open models."
    )
    chart = drawing.properties(width=theme.WIDTH, height=240)
    return theme.chart("published", "Sizes of tracked open models", chart, caption, _size_sources())


def _counted() -> Counter[tuple[str, str]]:
    """Return tracked models by bloc and size class."""
    counted: Counter[tuple[str, str]] = Counter()
    for (region, name), number in by_size(sizes()).items():
        counted[BLOCS.get(region, region), name] += number
    return counted


def _size_sources() -> list[str]:
    return [row.source for row in sizes()]


def _claims(article: Article) -> Table:
    rows = []
    for id in SAID:
        one = article.claim(id)
        cells = (one.claim, one.value, one.unit, article.checked(id))
        used = ("article", *(source.id for source in one.sources))
        rows.append(Row(cells, one.as_of, used, one.arithmetic_shown, article.remarks(id)))
    columns = (
        Column("the article says"),
        Column("value", "see unit", "empty where the text lost it", 4),
        Column("unit"),
        Column("elsewhere"),
    )
    return Table("claims", "What the article says of small models", columns, tuple(rows))


def _rows(article: Article) -> Table:
    rows = tuple(
        Row(
            (row.model, row.parameters, size_class(row.parameters), article.number(row.downloads)),
            article.claim(row.downloads).as_of,
            _parameters(row),
            f"parameters: {row.parameters_from}",
        )
        for row in downloads()
    )
    columns = (
        Column("model"),
        Column("parameters", "billions", "", 3),
        Column("size class", "billions of parameters"),
        Column("downloads", "files requested", "in November and December 2025 (a flow)"),
    )
    return Table("sizes", "Sizes of the ten most downloaded models", columns, rows)


def _classes() -> Table:
    counted = _counted()
    source = sizes()[0].source
    regions = theme.ordered(region for region, _ in counted)
    rows = tuple(
        Row(
            (region, *(counted[region, name] for name in CLASSES)),
            sources()[source].published,
            (source,),
            "counted from the list; an upper end belongs to its class",
        )
        for region in regions
    )
    columns = (
        Column("region of the account"),
        *(Column(name, "models", f"{name} billion parameters (a stock)") for name in CLASSES),
    )
    return Table("classes", "Tracked open models by size and region", columns, rows)

"""Exhibit: downloads and derivatives (section 2.1), and five different shares of one word."""

import math
from collections.abc import Sequence
from typing import Any

from twoloops.analysis.exhibits import theme
from twoloops.analysis.exhibits.basis import Basis
from twoloops.analysis.exhibits.marks import Article
from twoloops.analysis.exhibits.model import Chart, Column, Exhibit, Note, Row, Table, exhibit
from twoloops.atlas.article import Downloaded, downloads
from twoloops.atlas.hub import HubModel
from twoloops.atlas.regions import BLOCS, LabWeights, organisations, region_of
from twoloops.atlas.series import shares
from twoloops.atlas.tables import sources

COMPARED = {region: BLOCS[region] for region in ("china", "us")}
"""Regions whose shares are set beside those of the article."""


def downloads_and_derivatives(basis: Basis) -> Exhibit:
    """Return the exhibit."""
    article = basis.article
    rows = downloads()
    shares_ = _shares(basis, rows)
    return exhibit(
        "downloads",
        "Downloads and derivatives",
        "Whose models are downloaded and built upon, and what is each share a share of?",
        known=basis.view.sources(),
        charts=(_top(article, rows), _built_upon(article, rows), _drawn(shares_)),
        tables=(_table(article, rows), *_now(basis), shares_),
        notes=_notes(article),
        origin="the article, section 2.1",
    )


def _blocs(article: Article, rows: Sequence[Downloaded]) -> list[str]:
    return theme.ordered(article.text(row.country) for row in rows)


def _values(article: Article, rows: Sequence[Downloaded]) -> list[dict[str, Any]]:
    return [
        {
            "model": row.model,
            "company": row.company,
            "bloc": article.text(row.country),
            "downloads": (article.number(row.downloads) or 0.0) / 1e6,
            "derivatives": article.number(row.derivatives),
            "label": f"{(article.number(row.downloads) or 0.0) / 1e6:.1f}  {row.company}, "
            f"{article.text(row.country)}",
        }
        for row in rows
    ]


def _tips() -> list[Any]:
    return [
        theme.tip("model", "model"),
        theme.tip("company", "publisher"),
        theme.tip("bloc", "flag in the article"),
        theme.tip("downloads", "downloads (millions)", ".2f"),
        theme.tip("derivatives", "derivatives", ","),
    ]


def _top(article: Article, rows: Sequence[Downloaded]) -> Chart:
    import altair as alt

    values, blocs = _values(article, rows), _blocs(article, rows)
    chosen, opacity = theme.dimmed("bloc")
    base = alt.Chart(theme.data(values)).encode(
        y=alt.Y("model:N", sort=[row.model for row in rows], title=None), tooltip=_tips()
    )
    across = alt.X(
        "downloads:Q",
        title="downloads in November and December 2025 (millions)",
        scale=alt.Scale(domain=[0, 14]),
    )
    drawing = alt.layer(
        base.mark_bar(size=18).encode(
            x=across, color=theme.colour("bloc", blocs, "flag in the article"), opacity=opacity
        ),
        base.mark_text(align="left", dx=5).encode(x=across, text="label:N"),
    ).add_params(chosen)
    return theme.chart(
        "top-ten",
        "The ten most downloaded models",
        drawing.properties(width=theme.WIDTH, height=alt.Step(27)),
        "A flow over two months on Hugging Face, as the article prints it; what counts as a "
        "download there is a request of a file and no installation. Download counts of November "
        "and December 2025 could not be read again.",
        ["article"],
    )


def _built_upon(article: Article, rows: Sequence[Downloaded]) -> Chart:
    import altair as alt

    values = [one for one in _values(article, rows) if one["derivatives"] is not None]
    sides = theme.sides([(one["downloads"] / 7, math.log10(one["derivatives"])) for one in values])
    values = [one | {"side": side} for one, side in zip(values, sides, strict=True)]
    blocs = _blocs(article, rows)
    chosen, opacity = theme.dimmed("bloc")
    base = alt.Chart(theme.data(values)).encode(
        x=alt.X(
            "downloads:Q",
            title="downloads in November and December 2025 (millions)",
            scale=alt.Scale(domain=[4, 11]),
        ),
        y=alt.Y(
            "derivatives:Q",
            title="derivatives (models, logarithmic)",
            scale=alt.Scale(type="log", domain=[100, 5000], nice=False),
            axis=alt.Axis(values=[100, 200, 500, 1000, 2000, 5000], format="~g"),
        ),
        tooltip=_tips(),
    )
    drawing = alt.layer(
        base.mark_point(filled=True, size=130).encode(
            color=theme.colour("bloc", blocs, "flag in the article"),
            shape=theme.shape("bloc", blocs, "flag in the article"),
            opacity=opacity,
        ),
        *theme.labels(base, "model:N"),
    ).add_params(chosen)
    return theme.chart(
        "derivatives",
        "Downloaded and built upon",
        drawing.properties(width=theme.WIDTH, height=320),
        "Derivatives are a stock (models whose cards name this one as their base), downloads a "
        "flow. The article prints a dash for Tarsier2-Recap-7b, which is therefore missing here.",
        ["article"],
    )


def _table(article: Article, rows: Sequence[Downloaded]) -> Table:
    made = []
    for row in rows:
        claims = (row.downloads, row.derivatives, row.country)
        cells = (
            row.model,
            row.rank,
            row.company,
            article.text(row.country),
            article.number(row.downloads),
            article.number(row.derivatives),
            article.checked(row.downloads, row.derivatives),
        )
        as_of = article.claim(row.downloads).as_of
        made.append(Row(cells, as_of, (row.source,), remarks=article.remarks(*claims)))
    columns = (
        Column("model"),
        Column("rank"),
        Column("publisher"),
        Column("flag", definition="country of the publisher, as the article flags it"),
        Column("downloads", "files requested", "in November and December 2025 (a flow)"),
        Column("derivatives", "models", "naming this one as their base (a stock)"),
        Column("elsewhere", definition="what other sources say of both figures"),
    )
    return Table("top-ten", "The ten most downloaded models", columns, tuple(made))


def _now(basis: Basis) -> tuple[Table, ...]:
    """Return what the Hub counted when it was last asked, nothing where it never was."""
    held = (part.name for one in basis.view.kept for part in one.vintage.tables)
    if "hub_models" not in held:
        return ()
    found, reading = basis.view.read("hub_models", HubModel)
    mine = {one.source.id for one in reading.vintages}
    rows = tuple(
        Row((row.model, row.downloads, row.derivatives), reading.date, (row.source,))
        for row in sorted(found, key=lambda one: -one.downloads)
        if row.source in mine
    )
    columns = (
        Column("model"),
        Column("downloads", "files requested", "in the last 30 days (a flow)"),
        Column("derivatives", "models", "naming this one as their base (a stock)"),
    )
    return (Table("hub", "The same models, as fetched from the Hub", columns, rows),)


def _shares(basis: Basis, rows: Sequence[Downloaded]) -> Table:
    """Return every share at hand with its denominator, computed ones and quoted ones."""
    made = [*_of_the_ten(basis.article, rows), *_of_tracked(), *_of_catalogue(basis)]
    for share in shares():
        how = f"{share.numerator:g} / {share.denominator:g}" if share.share is None else ""
        cells = (share.of, share.bloc, share.percent, share.window)
        made.append(Row(cells, share.window, (share.source,), how))
    columns = (
        Column("share of"),
        Column("bloc"),
        Column("share", "%", "", 3),
        Column("window"),
    )
    note = "None of these contradicts another: they divide by different things."
    return Table("shares", "Shares, each with what it is a share of", columns, tuple(made), note)


def _of_the_ten(article: Article, rows: Sequence[Downloaded]) -> list[Row]:
    made = []
    total = sum(article.number(row.downloads) or 0.0 for row in rows)
    window = article.claim(rows[0].downloads).as_of
    for bloc in reversed(_blocs(article, rows)):
        mine = [row for row in rows if article.text(row.country) == bloc]
        got = sum(article.number(row.downloads) or 0.0 for row in mine)
        for of, part, whole in (
            ("models in the article's top ten (a count)", len(mine), len(rows)),
            ("downloads of the article's top ten (a flow)", got, total),
        ):
            how = f"{part:,.0f} / {whole:,.0f}"
            made.append(Row((of, bloc, 100 * part / whole, window), window, ("article",), how))
    return sorted(made, key=lambda row: str(row.cells[0]), reverse=True)


def _of_tracked() -> list[Row]:
    listed = organisations()
    whole = sum(row.models for row in listed)
    source = listed[0].source
    made = []
    for region, bloc in COMPARED.items():
        part = sum(row.models for row in listed if row.region == region)
        of = "open models on the ATOM project's list (a stock)"
        how = f"{part:,} / {whole:,}; region of the publishing account"
        day = sources()[source].published
        made.append(Row((of, bloc, 100 * part / whole, day), day, (source,), how))
    return made


def _of_catalogue(basis: Basis) -> list[Row]:
    labs = basis.view.rows("catalogue_labs", LabWeights)
    whole = sum(row.open for row in labs)
    day = basis.view.sources()[labs[0].source].published
    made = []
    for region, bloc in COMPARED.items():
        part = sum(row.open for row in labs if _lab_region(row.lab) == region)
        of = "open-weight models in the catalogue of models.dev (a stock)"
        how = f"{part} / {whole}; region of the lab"
        made.append(Row((of, bloc, 100 * part / whole, day), day, (labs[0].source,), how))
    return made


def _lab_region(lab: str) -> str:
    """Return where a lab of the catalogue is, by the accounts it publishes under."""
    return region_of(ACCOUNTS.get(lab, lab))


ACCOUNTS = {
    "alibaba": "Qwen",
    "deepseek": "deepseek-ai",
    "meta": "meta-llama",
    "minimax": "MiniMaxAI",
    "mistral": "mistralai",
    "stepfun": "stepfun-ai",
    "xiaomi": "XiaomiMiMo",
    "zhipuai": "zai-org",
    "cohere": "CohereLabs",
}
"""Account on the Hugging Face Hub of labs that the catalogue calls otherwise."""


def _drawn(table: Table) -> Chart:
    import altair as alt

    rows = [
        {
            "of": str(row.cells[0]).partition(" (")[0].partition(",")[0].partition(";")[0],
            "bloc": row.cells[1],
            "share": row.cells[2],
            "window": row.cells[3],
        }
        for row in table.rows
    ]
    for row in rows:
        row["line"] = f"{row['of']} · {row['window']}"
    lines = list(dict.fromkeys(str(row["line"]) for row in rows))
    blocs = theme.ordered(str(row["bloc"]) for row in rows)
    chosen, opacity = theme.dimmed("bloc")
    base = alt.Chart(theme.data(rows)).encode(
        y=alt.Y("line:N", sort=lines, title=None, axis=alt.Axis(labelLimit=470)),
        tooltip=[
            theme.tip("of", "share of"),
            theme.tip("window", "window"),
            theme.tip("bloc", "bloc"),
            theme.tip("share", "share (%)", ".1f"),
        ],
    )
    drawing = (
        base.mark_point(filled=True, size=130)
        .encode(
            x=alt.X("share:Q", title="share (%)", scale=alt.Scale(domain=[0, 100])),
            color=theme.colour("bloc", blocs),
            shape=theme.shape("bloc", blocs),
            opacity=opacity,
        )
        .add_params(chosen)
    )
    return theme.chart(
        "shares",
        "One word, several denominators",
        drawing.properties(width=360, height=alt.Step(27)),
        "Each line divides by something else: a count of models, downloads, tokens. The rest up "
        "to 100 % are other countries or models that are not listed.",
        [name for row in table.rows for name in row.sources],
    )


def _notes(article: Article) -> tuple[Note, ...]:
    said = article.claim("QWEN_DERIV")
    return (
        Note(
            "definition",
            "A derivative is a model whose card names another as its base: fine-tunes, adapters, "
            "merges and quantised copies. Those that name none are not counted.",
        ),
        Note(
            "definition",
            f"The article gives {said.value:,.0f} or more derivatives of the Qwen family "
            f"({said.as_of}). {said.explanation}",
            tuple(source.id for source in said.sources) or ("article",),
        ),
        Note(
            "gap",
            "No bulk history of downloads from Hugging Face was at hand; the ten figures stand "
            "as printed.",
        ),
    )

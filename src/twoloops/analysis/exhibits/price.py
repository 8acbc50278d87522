"""Exhibit: price and value ratio (section 2.2), recomputed from dated list prices."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from twoloops.analysis.exhibits import theme
from twoloops.analysis.exhibits.basis import Basis
from twoloops.analysis.exhibits.marks import Article
from twoloops.analysis.exhibits.model import Chart, Column, Exhibit, Note, Row, Table, exhibit
from twoloops.atlas import prices
from twoloops.atlas.article import PricedModel, priced_models
from twoloops.atlas.prices import BLEND, IndexPrice, Price, index_prices

PRINTED, LISTED = "as the article prints it", "from list prices"
INDEX = "Artificial Analysis Intelligence Index, scale of early 2026"
OPEN_INDEX = "Epoch Capabilities Index, December 2025"


class Compared(NamedTuple):
    """A row of the article's table with its list price.

    Attributes:
        row: Its place in the article.
        score: The index as the article prints it.
        price: Blended, as the article prints it, USD per million tokens.
        ratio: Index / price, as the article prints it.
        listed: The list price of the day named in `row`; `None` where none is known.
    """

    row: PricedModel
    score: float
    price: float
    ratio: float
    listed: Price | None


def price_and_value(basis: Basis) -> Exhibit:
    """Return the exhibit."""
    article = basis.article
    listed = basis.view.rows("prices", Price)
    compared = [_compared(article, row, listed) for row in priced_models()]
    return exhibit(
        "price",
        "Price and value ratio",
        "What does a unit of index cost, at which price and on which version of which index?",
        known=basis.view.sources(),
        charts=(
            _dumbbell(compared, "price"),
            _dumbbell(compared, "ratio"),
            _history(compared, listed),
            _open_index(index_prices()),
        ),
        tables=(_table(article, compared), _steps(compared, listed), _indexed(index_prices())),
        notes=_notes(),
        origin="the article, section 2.2",
    )


def _compared(article: Article, row: PricedModel, rows: Sequence[Price]) -> Compared:
    index, price, ratio = (article.number(f"{kind}_{row.key}") for kind in ("II", "PR", "VR"))
    listed = prices.price_on(rows, row.provider, row.listed, row.on)
    return Compared(row, index or 0.0, price or 0.0, ratio or 0.0, listed)


def _dumbbell(compared: Sequence[Compared], what: str) -> Chart:
    """Return printed and recomputed figures of each model, joined by a line."""
    import altair as alt

    rows = _figures(compared, what)
    names = list(dict.fromkeys(str(row["model"]) for row in rows))
    per = "USD per million tokens, logarithmic"
    title = {
        "price": f"price at three read for one written ({per})",
        "ratio": f"index ÷ price (points per {per})",
    }[what]
    base = alt.Chart(theme.data(rows)).encode(y=alt.Y("model:N", sort=names, title=None))
    across = alt.X(
        "value:Q",
        title=title,
        scale=alt.Scale(type="log", domain=[0.3, 150], nice=False),
        axis=alt.Axis(values=[0.5, 1, 2, 5, 10, 20, 50, 100], format="~g"),
    )
    kinds = [PRINTED, LISTED]
    upper = alt.FieldEqualPredicate(field="kind", equal=PRINTED)
    lower = alt.FieldEqualPredicate(field="kind", equal=LISTED)
    points = base.mark_point(filled=True, size=130, opacity=1).encode(
        x=across,
        color=theme.colour("kind", kinds),
        shape=theme.shape("kind", kinds),
        tooltip=[
            theme.tip("model", "model"),
            theme.tip("kind", "figure"),
            theme.tip("text", "value"),
            theme.tip("since", "list price since"),
        ],
    )
    drawing = alt.layer(
        base.mark_line(strokeWidth=1.5, color=theme.GREY).encode(x=across, detail="model:N"),
        points,
        base.transform_filter(upper).mark_text(dy=-13).encode(x=across, text="text:N"),
        base.transform_filter(lower).mark_text(dy=16).encode(x=across, text="text:N"),
    )
    name = {"price": "Blended price", "ratio": "Value ratio"}[what]
    caption = {
        "price": f"Blend: {BLEND}, list prices of the maker. Where the marks part, the printed "
        "price does not follow from the maker's list price; the table says which day's price is "
        "taken.",
        "ratio": f"Index ({INDEX}) divided by the blended price. The index has no natural zero, "
        "so a ratio of ratios has no meaning; scores of another version of the index are never "
        "divided by these.",
    }[what]
    used = ["article", *(one.listed.source for one in compared if one.listed)]
    chart = drawing.properties(width=theme.WIDTH, height=alt.Step(46))
    return theme.chart(what, f"{name}, printed and recomputed", chart, caption, used)


def _figures(compared: Sequence[Compared], what: str) -> list[dict[str, Any]]:
    """Return the printed and the recomputed figure of each model."""
    rows: list[dict[str, Any]] = []
    for one in compared:
        for kind, value in _both(one, what):
            rows.append(
                {
                    "model": f"{one.row.model} ({one.row.bloc})",
                    "kind": kind,
                    "value": value,
                    "text": f"{value:.3g}",
                    "since": one.listed.since if one.listed and kind == LISTED else "",
                }
            )
    return rows


def _both(one: Compared, what: str) -> list[tuple[str, float]]:
    if what == "price":
        found = [(PRINTED, one.price)]
        return found + ([(LISTED, one.listed.blended)] if one.listed else [])
    found = [(PRINTED, one.ratio)]
    return found + ([(LISTED, one.score / one.listed.blended)] if one.listed else [])


def _history(compared: Sequence[Compared], listed: Sequence[Price]) -> Chart:
    """Return the course of the list prices of the article's models."""
    import altair as alt

    rows: list[dict[str, Any]] = []
    end = max(row.since for row in listed)
    for one in compared:
        name = f"{one.row.provider}: {one.row.listed}"
        steps = prices.history(listed, one.row.provider, one.row.listed)
        for step in steps:
            rows.append({"model": name, "since": step.since, "price": step.blended, "change": True})
        if steps:
            rows.append({"model": name, "since": end, "price": steps[-1].blended, "change": False})
    names = list(dict.fromkeys(str(row["model"]) for row in rows))
    chosen, opacity = theme.dimmed("model")
    base = alt.Chart(theme.data(rows)).encode(
        x=alt.X(
            "since:T",
            title="date",
            axis=alt.Axis(format="%Y-%m", tickCount={"interval": "month", "step": 3}),
        ),
        y=alt.Y(
            "price:Q",
            title="blended list price (USD/M tokens, log)",
            scale=alt.Scale(type="log", domain=[0.1, 150], nice=False),
            axis=alt.Axis(values=[0.1, 0.3, 1, 3, 10, 30, 100], format="~g"),
        ),
        color=theme.colour("model", names),
        opacity=opacity,
        tooltip=[
            theme.tip("model", "sold as"),
            theme.tip("since", "since"),
            theme.tip("price", "USD per million tokens", ".4g"),
        ],
    )
    drawing = alt.layer(
        base.mark_line(interpolate="step-after", strokeWidth=2.2).encode(
            strokeDash=theme.dash("model", names)
        ),
        base.transform_filter(alt.FieldEqualPredicate(field="change", equal=True))
        .mark_point(filled=True, size=70)
        .encode(shape=theme.shape("model", names)),
    ).add_params(chosen)
    return theme.chart(
        "history",
        "List prices over time",
        drawing.properties(width=theme.WIDTH, height=280),
        "A mark is a recorded change; between marks the price is taken to stand. The name "
        "deepseek-chat has served one model after another (V3, V3.1, V3.2, V4): its line is the "
        "price of the name, not of one model. A line also runs on after a model is withdrawn.",
        [row.source for row in listed if row.since],
    )


def _open_index(rows: Sequence[IndexPrice]) -> Chart:
    import altair as alt

    values = [
        {
            "version": row.version,
            "maker": row.maker.partition(",")[0],
            "country": row.country.partition(",")[0],
            "score": row.score,
            "price": row.blended,
            "priced": row.priced,
        }
        for row in rows
    ]
    countries = theme.ordered(str(one["country"]) for one in values)
    chosen, opacity = theme.dimmed("country")
    drawing = (
        alt.Chart(theme.data(values))
        .mark_point(filled=True, size=85)
        .encode(
            x=alt.X(
                "price:Q",
                title="first list price recorded, blended (USD per million tokens, logarithmic)",
                scale=alt.Scale(type="log", domain=[0.1, 150], nice=False),
                axis=alt.Axis(values=[0.1, 0.3, 1, 3, 10, 30, 100], format="~g"),
            ),
            y=alt.Y("score:Q", title="ECI of December 2025 (points)", scale=alt.Scale(zero=False)),
            color=theme.colour("country", countries, "country of the maker"),
            shape=theme.shape("country", countries, "country of the maker"),
            opacity=opacity,
            tooltip=[
                theme.tip("version", "model version"),
                theme.tip("maker", "maker"),
                theme.tip("country", "country"),
                theme.tip("score", "ECI", ".1f"),
                theme.tip("price", "USD per million tokens", ".3g"),
                theme.tip("priced", "price of"),
            ],
        )
        .add_params(chosen)
    )
    return theme.chart(
        "open-index",
        "An open index against price",
        drawing.properties(width=theme.WIDTH, height=320),
        f"{OPEN_INDEX}: an index whose scores may be passed on. Up and to the left is more for "
        f"less. n = {len(rows)} model versions that have a score and a list price of their maker; "
        "joined by name, so that many are missing. Effort levels are versions of their own.",
        [rows[0].source, rows[0].price_source],
    )


def _table(article: Article, compared: Sequence[Compared]) -> Table:
    rows = []
    for one in compared:
        keys = [f"{kind}_{one.row.key}" for kind in ("II", "PR", "VR")]
        listed = one.listed
        how = "" if listed is None else _how(one, listed)
        recomputed = None if listed is None else listed.blended
        cells = (
            one.row.model,
            one.row.bloc,
            one.score,
            one.price,
            recomputed,
            one.ratio,
            None if recomputed is None else one.score / recomputed,
        )
        used = ("article",) if listed is None else ("article", listed.source)
        as_of = article.claim(keys[1]).as_of
        rows.append(Row(cells, as_of, used, how, article.remarks(*keys)))
    unit, per = "USD per million tokens", "points per USD per million tokens"
    columns = (
        Column("model"),
        Column("flag"),
        Column("index", "points", INDEX, 3),
        Column("price printed", unit, "blended, as the article prints it", 4),
        Column("price from list", unit, f"blend {BLEND} of the maker's list price", 4),
        Column("ratio printed", per, "index / price, as the article prints it", 4),
        Column("ratio from list", per, "index as printed / price from list", 4),
    )
    return Table("prices", "Price and value ratio, printed and recomputed", columns, tuple(rows))


def _how(one: Compared, listed: Price) -> str:
    return (
        f"(3 × {listed.input:g} + {listed.output:g}) / 4 = {listed.blended:.4g}; list price of "
        f"{one.row.provider} {one.row.listed} on {one.row.on}, recorded {listed.since}"
    )


def _steps(compared: Sequence[Compared], listed: Sequence[Price]) -> Table:
    rows = []
    for one in compared:
        key = (one.row.provider, one.row.listed)
        every = [row for row in listed if (row.provider, row.model) == key]
        for row in sorted(every, key=lambda price: (price.since, price.hours)):
            cells = (f"{row.provider}: {row.model}", row.since or row.hours, row.input, row.output)
            rows.append(
                Row((*cells, row.blended, row.basis), row.since, (row.source,), f"blend {BLEND}")
            )
    unit = "USD per million tokens"
    columns = (
        Column("sold as"),
        Column("since", definition="day from which it is known, or hours of the day"),
        Column("input", unit, "", 4),
        Column("output", unit, "", 4),
        Column("blended", unit, BLEND, 4),
        Column("how the day is known"),
    )
    return Table("list-prices", "List prices with their history", columns, tuple(rows))


def _indexed(rows: Sequence[IndexPrice]) -> Table:
    made = tuple(
        Row(
            (row.version, *_first(row.maker, row.country), row.released, row.score, row.blended),
            row.priced,
            (row.source, row.price_source),
            f"(3 × {row.input:g} + {row.output:g}) / 4; first list price of {row.provider} "
            f"{row.model}",
        )
        for row in sorted(rows, key=lambda one: -one.score)
    )
    columns = (
        Column("model version", definition="a suffix is an effort level or a thinking budget"),
        Column("maker"),
        Column("country"),
        Column("released"),
        Column("score", "ECI points", OPEN_INDEX, 4),
        Column("price", "USD per million tokens", f"{BLEND}, first list price recorded", 4),
    )
    return Table("open-index", "Models with an open index and a list price", columns, made)


def _first(*lists: str) -> tuple[str, ...]:
    """Return the first name of each list: of several organisations the one named first."""
    return tuple(names.partition(",")[0] for names in lists)


def _notes() -> tuple[Note, ...]:
    return (
        Note(
            "definition",
            f"Blended price: {BLEND}. It leaves out cached tokens, batches, tiers of long inputs "
            "and how many tokens a model writes for a task.",
        ),
        Note(
            "caution",
            "Artificial Analysis re-bases its index: the same models stood near 50 in March 2026 "
            "and near 30 in October. A score without the version of its index is not a number.",
            ("openrouter-aa-2026-03", "llmval-2026-10"),
        ),
        Note(
            "caution",
            "The index also depends on the effort a model is run at: the article's 47 for GPT-5.2 "
            "is not the score of its highest effort.",
            ("openrouter-aa-2026-03",),
        ),
        Note(
            "caution",
            "Price per token is not price per task: in a test of September 2025 a comparable US "
            "model cost less per task than DeepSeek V3.1, the opposite of the prices per token.",
            ("caisi-2025-09",),
        ),
    )

"""Two exhibits: data as an asset (section 3.1), and distillation (section V), as timelines."""

import calendar
import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from twoloops.analysis.exhibits import theme
from twoloops.analysis.exhibits.basis import Basis
from twoloops.analysis.exhibits.marks import Article
from twoloops.analysis.exhibits.model import Chart, Column, Exhibit, Note, Row, Table, exhibit
from twoloops.atlas.article import Event, events
from twoloops.atlas.facts import Fact, facts
from twoloops.atlas.series import Point, disclosures, points

ARTICLE = "2026-03"
"""Month of the article: what is younger it cannot have left out."""
SAYS, OTHERS = "date in the article", "date in another source"
SPANS = {
    "fall": ("09-22", "12-20"),
    "Q1": ("01-01", "03-31"),
    "Q2": ("04-01", "06-30"),
    "Q3": ("07-01", "09-30"),
    "Q4": ("10-01", "12-31"),
}
"""First and last day of a season or a quarter."""


def data_asset(basis: Basis) -> Exhibit:
    """Return the timeline of data as an asset, and how much is booked."""
    article = basis.article
    return exhibit(
        "data-asset",
        "Data as an asset",
        "When was data made an asset on the balance sheet, and how much is booked since?",
        known=basis.view.sources(),
        charts=(_timeline(article, "data-asset"), *_booked()),
        tables=(_dates(article, "data-asset"), _series()),
        notes=(
            Note(
                "caution",
                "What is booked is a carrying amount at cost, and small against what the article "
                "reads into it: 109 of more than 5 000 listed companies in mid-2025, and three "
                "telecom operators hold 60.7 % of the amount.",
                ("data-booked-2025h1",),
            ),
            Note(
                "definition",
                "Stocks at the end of a period. Counts of companies of different publishers do "
                "not agree: the definition column names whose count it is.",
            ),
            _language(article),
        ),
        origin="the article, section 3.1",
    )


def distillation(basis: Basis) -> Exhibit:
    """Return the timeline of distillation, and what accusers count."""
    article = basis.article
    return exhibit(
        "distillation",
        "Distillation timeline",
        "What was said about distillation when, by whom, and with which figures?",
        known=basis.view.sources(),
        charts=(_timeline(article, "distillation"), _exchanges()),
        tables=(_dates(article, "distillation"), _disclosed()),
        notes=(
            Note(
                "caution",
                "All figures on accounts and exchanges are the accusers' own; no independent "
                "verification was found.",
                tuple(dict.fromkeys(row.source for row in disclosures())),
            ),
            Note(
                "correction",
                article.claim("TL_DIST_1").explanation,
                tuple(source.id for source in article.claim("TL_DIST_1").sources),
            ),
        ),
        origin="the article, section V",
    )


def span_of(stated: str) -> tuple[str, str]:
    """Return the first and the last day that a date of any precision can mean.

    >>> span_of("2025-03-01"), span_of("2025-02")
    (('2025-03-01', '2025-03-01'), ('2025-02-01', '2025-02-28'))
    >>> span_of("2017"), span_of("2024-fall")
    (('2017-01-01', '2017-12-31'), ('2024-09-22', '2024-12-20'))
    """
    year, _, rest = stated.partition("-")
    if rest in SPANS:
        first, last = SPANS[rest]
        return f"{year}-{first}", f"{year}-{last}"
    if not rest:
        return f"{year}-01-01", f"{year}-12-31"
    if re.fullmatch(r"\d{2}", rest):
        return f"{stated}-01", f"{stated}-{calendar.monthrange(int(year), int(rest))[1]}"
    return stated, stated


def _language(article: Article) -> Note:
    low, high = article.claim("NDA_LO"), article.claim("NDA_HI")
    return Note(
        "definition",
        f"The article gives the Chinese-language share of training data as {low.value:g} to "
        f"{high.value:g} %. {low.explanation}",
        tuple(source.id for source in low.sources) or ("article",),
    )


def _found(event: Event) -> tuple[str, str, str]:
    """Return the date that others give, what they call it, and the id of their source."""
    if event.fact:
        fact: Fact = next(one for one in facts() if one.id == event.fact)
        return fact.value, fact.fact, fact.source
    return event.on, event.event, event.source if event.on else ""


def _dated(article: Article, name: str) -> list[dict[str, Any]]:
    """Return the dates of all events, the article's and those of others, in order of time."""
    rows: list[dict[str, Any]] = []
    for event in sorted(events(name), key=lambda one: _when(article, one)):
        found, what, source = _found(event)
        printed = article.text(event.claim) if event.claim else ""
        for kind, stated in ((SAYS, printed), (OTHERS, found)):
            if not stated:
                continue
            first, last = span_of(stated)
            rows.append(
                {
                    "event": event.event,
                    "kind": kind,
                    "date": stated,
                    "first": first,
                    "last": last,
                    "day": first == last,
                    "who": "article" if kind == SAYS else source,
                    "what": what,
                }
            )
    return rows


def _timeline(article: Article, name: str) -> Chart:
    import altair as alt

    rows = _dated(article, name)
    names = list(dict.fromkeys(str(row["event"]) for row in rows))
    kinds = [SAYS, OTHERS]
    ends = sorted(row[end] for row in rows for end in ("first", "last"))
    short = int(ends[-1][:4]) - int(ends[0][:4]) < 4
    ticks = {"interval": "month", "step": 6} if short else {"interval": "year", "step": 1}
    base = alt.Chart(theme.data(rows)).encode(
        y=alt.Y("event:N", sort=names, title=None, axis=alt.Axis(labelLimit=430)),
        yOffset=alt.YOffset("kind:N", sort=kinds),
    )
    across = alt.X(
        "first:T",
        title="date (a bar is as wide as the date is vague)",
        axis=alt.Axis(format="%Y-%m" if short else "%Y", tickCount=ticks),
        # An explicit domain of a layer with both ends of a bar makes Vega-Lite warn: see nice.
        scale=alt.Scale(type="utc", nice={"interval": "month", "step": 1 if short else 6}),
    )
    tips = [
        theme.tip("event", "event"),
        theme.tip("date", "date"),
        theme.tip("kind", "whose date"),
        theme.tip("what", "what others name"),
        theme.tip("who", "source"),
    ]
    colour = theme.colour("kind", kinds)
    drawing = alt.layer(
        base.mark_rule(opacity=0.55, strokeWidth=9).encode(
            x=across, x2="last:T", color=colour, tooltip=tips
        ),
        base.transform_filter(alt.FieldEqualPredicate(field="day", equal=True))
        .mark_point(filled=True, size=100, opacity=1)
        .encode(x="first:T", color=colour, shape=theme.shape("kind", kinds), tooltip=tips),
    ).properties(width=380, height=alt.Step(17))
    caption = (
        "The upper one of each row is the article's date. A bar covers all days that a year, a "
        "month or a season can mean; a mark is one day. "
        "Where the two of a row share no day, the article's date and that of another source "
        "differ; a day is too small to be seen here, the table says it."
    )
    used = ["article", *(source for event in events(name) if (source := _found(event)[2]))]
    return theme.chart("timeline", "Dates, printed and found", drawing, caption, used)


def _around(first: str, last: str) -> tuple[date, date]:
    """Return the ends of an axis that leaves air around two days."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    air = (end - start) * 0.04 + timedelta(days=1)
    return start - air, end + air


def _dates(article: Article, name: str) -> Table:
    rows = []
    for event in sorted(events(name), key=lambda one: _when(article, one)):
        found, _, source = _found(event)
        printed = article.text(event.claim) if event.claim else None
        younger = bool(found) and found[:7] > ARTICLE
        absent = "younger than the article" if younger else "left out by the article"
        checked = article.checked(event.claim) if event.claim else absent
        used = tuple(dict.fromkeys(one for one in (event.source, source) if one))
        cells = (event.event, printed, found or None, checked, event.note)
        remarks = article.remarks(event.claim) if event.claim else ()
        rows.append(Row(cells, found or printed or "", used, remarks=remarks))
    columns = (
        Column("event"),
        Column("article", definition="the date it prints"),
        Column("elsewhere", definition="the date in another source"),
        Column("check"),
        Column("note"),
    )
    return Table("dates", "Events with their dates", columns, tuple(rows))


def _when(article: Article, event: Event) -> tuple[str, str]:
    return span_of(_found(event)[0] or article.text(event.claim))


def _booked() -> tuple[Chart, ...]:
    named = {
        "companies with data on the balance sheet": ("companies", "companies (number, a stock)"),
        "data on the balance sheet": ("amount", "carrying amount (bn CNY, a stock)"),
    }
    return tuple(
        _course([row for row in points() if row.series == series], id, title)
        for series, (id, title) in named.items()
    )


def _course(rows: Sequence[Point], id: str, title: str) -> Chart:
    import altair as alt

    values = [
        {
            "at": row.at,
            "value": row.value,
            "text": f"{row.value:,g}",
            "definition": row.definition,
            "source": row.source,
        }
        for row in rows
    ]
    base = alt.Chart(theme.data(values), width=theme.WIDTH, height=200).encode(
        x=alt.X(
            "at:T",
            title="end of period (month)",
            axis=alt.Axis(format="%Y-%m", tickCount={"interval": "month", "step": 3}),
            scale=theme.days(*_around(rows[0].at, rows[-1].at)),
        ),
        y=alt.Y("value:Q", title=title),
        tooltip=[
            theme.tip("at", "at"),
            theme.tip("value", title, ",.3~f"),
            theme.tip("definition", "definition"),
            theme.tip("source", "source"),
        ],
    )
    drawing = alt.layer(
        base.mark_line(strokeWidth=1.5, strokeDash=[4, 3], color=theme.GREY),
        base.mark_point(filled=True, size=100, color=theme.BLUE, opacity=1),
        base.mark_text(dy=-13).encode(text="text:N"),
    )
    caption = (
        "Listed companies in China, by the reports of each period. The line joins counts of "
        "several publishers and is no series of one of them."
    )
    return theme.chart(id, rows[0].series.capitalize(), drawing, caption, [r.source for r in rows])


def _series() -> Table:
    rows = tuple(
        Row((row.series, row.value, row.unit, row.kind, row.definition), row.at, (row.source,))
        for row in points()
    )
    columns = (
        Column("series"),
        Column("figure", "see unit", "as published", 4),
        Column("unit"),
        Column("kind"),
        Column("definition"),
    )
    return Table("series", "Data on balance sheets, and data counted", columns, rows)


def _exchanges() -> Chart:
    import altair as alt

    rows = [
        {
            "line": f"{row.disclosed} · {row.says} on {row.alleged}",
            "exchanges": row.exchanges,
            "accounts": row.accounts,
            "text": f"{row.exchanges:,}".replace(",", "\N{NARROW NO-BREAK SPACE}"),
            "pattern": row.pattern,
            "target": row.target,
        }
        for row in disclosures()
        if row.exchanges is not None
    ]
    base = alt.Chart(theme.data(rows)).encode(
        y=alt.Y("line:N", sort=None, title=None, axis=alt.Axis(labelLimit=430)),
        tooltip=[
            theme.tip("line", "disclosed by"),
            theme.tip("target", "model"),
            theme.tip("exchanges", "exchanges, at least", ","),
            theme.tip("accounts", "accounts, about", ","),
            theme.tip("pattern", "pattern described"),
        ],
    )
    across = alt.X(
        "exchanges:Q",
        title="exchanges, at least (number, logarithmic)",
        scale=alt.Scale(type="log", domain=[1e4, 3e8], nice=False),
        axis=alt.Axis(values=[1e4, 1e5, 1e6, 1e7, 1e8], format="~s"),
    )
    drawing = alt.layer(
        base.mark_point(filled=True, size=120, color=theme.RED, opacity=1).encode(x=across),
        base.mark_text(align="left", dx=10).encode(x=across, text="text:N"),
    ).properties(width=380, height=alt.Step(30))
    caption = (
        "Exchanges that a provider says it saw; exchanges are a flow over a time that is stated "
        "for the last row only (2026-04-22 to 06-05). The row of the three together is the sum "
        "of the three above it, rounded by its publisher."
    )
    used = [row.source for row in disclosures() if row.exchanges is not None]
    return theme.chart("exchanges", "Exchanges, as accusers count them", drawing, caption, used)


def _disclosed() -> Table:
    rows = []
    for row in disclosures():
        per = row.exchanges / row.accounts if row.exchanges and row.accounts else None
        how = f"{row.exchanges:,} / {row.accounts:,}" if per else ""
        cells = (f"{row.says} on {row.alleged}", row.target, row.accounts, row.exchanges)
        rows.append(Row((*cells, per, row.pattern), row.disclosed, (row.source,), how))
    columns = (
        Column("who of whom", definition="who says so, and of whom"),
        Column("model"),
        Column("accounts", "accounts", "about"),
        Column("exchanges", "exchanges", "at least, over the time described (a flow)"),
        Column("per account", "exchanges per account", "exchanges / accounts", 3),
        Column("pattern described"),
    )
    return Table("disclosures", "What accusers disclose", columns, tuple(rows))

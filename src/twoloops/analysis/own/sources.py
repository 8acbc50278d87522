"""Where one's own figures come from: journal, catalog, replay, cards and the list price."""

from collections.abc import Iterable

from twoloops.analysis.exhibits.model import Chart, Exhibit, Note, Table, exhibit
from twoloops.analysis.own.facts import Own, OwnTask, OwnTurn
from twoloops.atlas.tables import Source, sources
from twoloops.records.digests import short

JOURNAL, CATALOG, RESULT, CARDS = "own-journal", "own-catalog", "own-replay", "twoloops-cards"


def known(own: Own) -> dict[str, Source]:
    """Return one's own sources by id, beside those of the packaged tables."""
    when = day(own)
    whose = f"this {own.what}"
    whole = "" if not own.broken else f"; NOT whole: {own.broken[0]}"
    mine = [
        Source(
            id=JOURNAL,
            publisher=whose,
            title=f"journal of {own.name}, {own.facts:,} facts, head {short(own.head)}{whole}",
            url="",
            published=when,
            licence="own",
            seen="file",
        ),
        Source(
            id=CATALOG,
            publisher=whose,
            title=f"catalog of {own.name}: observations, labels, datasets, models",
            url="",
            published=when,
            licence="own",
            seen="file",
        ),
        Source(
            id=CARDS,
            publisher="twoloops",
            title=f"cards of the bases, as twoloops {own.version} has them",
            url="",
            published=own.version,
            licence="Apache-2.0",
            seen="file",
        ),
    ]
    if own.replay is not None:
        mine.append(
            Source(
                id=RESULT,
                publisher=whose,
                title=f"result.json of {own.name}, source {own.replay.source}",
                url="",
                published=when,
                licence="own",
                seen="file",
            )
        )
    mine += [_price(task) for task in own.tasks]
    return sources() | {one.id: one for one in mine}


def price_id(task: OwnTask) -> str:
    """Return the id of the source of a task's frontier price."""
    return f"list-price-{task.frontier.model}"


def _price(task: OwnTask) -> Source:
    one = task.frontier
    return Source(
        id=price_id(task),
        publisher="model-prices (package)",
        title=f"list price of {one.model}, listed at {one.source or 'no place'}",
        url=one.source if one.source.startswith("http") else "",
        published=one.as_of or "unknown",
        licence="MIT",
        seen="file",
    )


def day(own: Own) -> str:
    """Return the day of the journal's last fact; empty before any."""
    return own.latest.date().isoformat() if own.latest is not None else ""


def where(turn: OwnTurn) -> str:
    """Say where a turn's figures stand in the journal."""
    first, last = turn.facts
    return f"journal facts {first} to {last}" if last else "no fact yet"


def day_of(turn: OwnTurn) -> str:
    """Return the day of a turn's last fact; empty before any."""
    return "" if turn.at is None else turn.at.date().isoformat()


def measured_by(own: Own) -> tuple[str, ...]:
    """Return the sources of how often a model is right."""
    return (RESULT,) if own.replay is not None else (JOURNAL, CATALOG)


def made(
    own: Own,
    id: str,
    title: str,
    question: str,
    *,
    charts: Iterable[Chart | None] = (),
    tables: Iterable[Table] = (),
    notes: Iterable[Note] = (),
) -> Exhibit:
    """Return an exhibit of one's own: charts without data are left out, empty tables said."""
    tables = tuple(tables)
    empty = [
        Note("gap", table.note or f"{table.title}: nothing yet.", (CATALOG,))
        for table in tables
        if not table.rows
    ]
    return exhibit(
        id,
        title,
        question,
        known=known(own),
        charts=[chart for chart in charts if chart is not None],
        tables=[table for table in tables if table.rows],
        notes=[*notes, *empty],
        origin=f"this {own.what}",
    )


def id_of(what: str, task: str) -> str:
    """Return an id of letters, digits and hyphens for something of a task."""
    word = "".join(c if c.isascii() and c.isalnum() else "-" for c in task.lower())
    return f"{what}-{word}"

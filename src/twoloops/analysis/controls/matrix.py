"""The coverage matrix of one's own system: every item beside every instrument about its kind.

It says what a table of dated instruments *touches* or *names*, and where it cannot say. It says
nothing of what follows from that: whether something needs a licence, or may be done, depends on
facts and law that are not here.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal

import msgspec

from twoloops.analysis.controls.criteria import answer
from twoloops.analysis.controls.system import LAYERS, Item, Layer, System
from twoloops.atlas import contracts, instruments
from twoloops.atlas.contracts import UNKNOWN, Licence, TeacherTerms
from twoloops.atlas.instruments import Instrument, Rules, State, is_stale, standing
from twoloops.atlas.ratings import Rating

Finding = Literal["touches", "names", "cannot say", "not found to touch"]
LIMITS = (
    "It is no legal advice and gives no legal outcome: it compares facts with criteria, it does "
    "not read law.",
    "Not found to touch means: not by the criteria in this table, on the facts that are known.",
    "Destinations, end uses, parties and exceptions are compared only where a criterion says so.",
    "The table holds instruments of the US, the EU and China and contract terms; it is not "
    "complete. The article's ratings are of a country's controls, not of this system.",
)
"""What has to be said with every matrix."""


class Tables(msgspec.Struct, frozen=True):
    """Everything the matrix compares with."""

    rules: Rules
    licences: tuple[Licence, ...]
    terms: tuple[TeacherTerms, ...]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One item beside one instrument.

    Args:
        layer: Of the item.
        item: Its name.
        finding: What the comparison gives.
        instrument: Its title.
        instrument_id: Its id; of contract terms `licence:` or `terms:` and a name.
        issuer: Who issued it.
        state: In which state it is on the day.
        effect: What it does to what it touches.
        as_of: When the row of the table was last looked at.
        expires: The day its state ends, where an end is known.
        known_until: The last day the row speaks for.
        stale: Whether that day has passed.
        source: Id of the source of the row.
        state_source: Id of the source of the state.
        how: The comparison, or what is missing.
        note: What was seen of the state.
        scope: What the instrument is about, and what is not computed of it.
    """

    layer: Layer
    item: str
    finding: Finding
    instrument: str
    instrument_id: str
    issuer: str
    state: State
    effect: str
    as_of: date
    expires: date | None
    known_until: date
    stale: bool
    source: str
    state_source: str
    how: str
    note: str = ""
    scope: str = ""


class Matrix(msgspec.Struct, frozen=True, kw_only=True):
    """The coverage of a system on a day.

    Args:
        system: Its title.
        as_of: The day.
        items: What was looked at.
        gaps: What could not be said of a layer.
        rows: Items beside instruments, by layer.
        counts: Rows by finding, how many are stale, and how many instruments had begun.
        ratings: The article's own rating of each layer.
        limits: What has to be said with it.
    """

    system: str
    as_of: date
    items: tuple[Item, ...]
    gaps: dict[Layer, str]
    rows: tuple[Row, ...]
    counts: dict[str, int]
    ratings: tuple[Rating, ...]
    limits: tuple[str, ...] = LIMITS


def packaged() -> Tables:
    """Return the packaged tables."""
    return Tables(instruments.packaged(), contracts.licences(), contracts.teacher_terms())


def coverage(system: System, as_of: date, tables: Tables | None = None) -> list[Row]:
    """Set every item of a system beside every instrument about its kind of thing.

    Args:
        system: What is looked at.
        as_of: The day: instruments that had not begun are left out, ended ones too.
        tables: Other tables than the packaged ones.
    """
    known = tables or packaged()
    rows: list[Row] = []
    for layer in LAYERS:
        for item in (one for one in system.items if one.layer == layer):
            rows += _ruled(item, known.rules, as_of)
            rows += _licensed(item, known.licences, as_of)
            rows += _taught(item, known.terms, as_of)
    return rows


def begun(as_of: date, rules: Rules) -> list[Instrument]:
    """Return the instruments that are there on a day: begun and not ended."""
    found = []
    for one in rules.instruments:
        now = standing(one, rules.states, as_of)
        if now is not None and now.state != "ended":
            found.append(one)
    return found


def matrix(
    system: System, as_of: date, ratings: Sequence[Rating], tables: Tables | None = None
) -> Matrix:
    """Return the matrix with its counts, the article's ratings and its limits."""
    known = tables or packaged()
    rows = coverage(system, as_of, known)
    counts = {"rows": len(rows), "instruments": len(begun(as_of, known.rules))}
    for name in ("touches", "names", "cannot say", "not found to touch"):
        counts[name] = sum(row.finding == name for row in rows)
    counts["stale"] = sum(row.stale for row in rows)
    return Matrix(
        system=system.title,
        as_of=as_of,
        items=system.items,
        gaps=system.gaps,
        rows=tuple(rows),
        counts=counts,
        ratings=tuple(ratings),
    )


def _ruled(item: Item, rules: Rules, as_of: date) -> Iterator[Row]:
    for one in begun(as_of, rules):
        if item.subject not in one.subjects.split("|"):
            continue
        now = standing(one, rules.states, as_of)
        assert now is not None
        said = answer(item, [c for c in rules.conditions if c.instrument == one.id])
        finding: Finding = "cannot say" if said.met is None else "not found to touch"
        if said.met:
            finding = one.verb
        yield Row(
            layer=item.layer,
            item=item.name,
            finding=finding,
            instrument=one.title,
            instrument_id=one.id,
            issuer=one.issuer,
            state=now.state,
            effect=one.effect,
            as_of=one.as_of,
            expires=now.expires,
            known_until=now.known_until,
            stale=is_stale(now.known_until, as_of),
            source=one.source,
            state_source=now.source,
            how=said.how,
            note=now.note,
            scope=one.scope,
        )


def _licensed(item: Item, known: Sequence[Licence], as_of: date) -> Iterator[Row]:
    for name, holders in item.licences.items():
        whose = f"of {', '.join(holders)}: "
        found = contracts.licence(name, known)
        if found is None:
            missing = (
                "unknown" if name == UNKNOWN else f"the table has no licence {name}: read its text"
            )
            yield _term(
                item, f"licence:{name}", f"licence {name}", as_of, whose + missing, known[:1]
            )
            continue
        told = [
            f"asks for {found.must}" if found.must else "",
            f"training on outputs: {found.outputs}",
            f"derivatives: {found.derivatives}" if found.derivatives else "",
            found.threshold,
        ]
        words = whose + "; ".join(filter(None, told))
        yield _term(item, f"licence:{found.id}", found.title, as_of, words, [found], named=True)


def _taught(item: Item, known: Sequence[TeacherTerms], as_of: date) -> Iterator[Row]:
    if item.subject != "teacher":
        return
    found = contracts.terms(item.name, known)
    if found is None:
        missing = f"the table has no terms of {item.name}: read them"
        yield _term(item, f"terms:{item.name}", f"terms of {item.name}", as_of, missing, known[:1])
        return
    dated = f" of {found.published}" if found.published else ""
    title = f"{found.provider}: {found.document}{dated}"
    yield _term(item, f"terms:{found.provider}", title, as_of, found.says, [found], named=True)


def _term(
    item: Item,
    key: str,
    title: str,
    as_of: date,
    how: str,
    looked_in: Sequence[Licence | TeacherTerms],
    *,
    named: bool = False,
) -> Row:
    """Return a row of a contract: of one row of a table, or of a table that has none of it."""
    row = looked_in[0]
    return Row(
        layer=item.layer,
        item=item.name,
        finding="names" if named else "cannot say",
        instrument=title,
        instrument_id=key,
        issuer="contract",
        state="contract term" if named else "unknown",
        effect="requires",
        as_of=row.as_of,
        expires=None,
        known_until=row.review_by,
        stale=is_stale(row.review_by, as_of),
        source=row.source,
        state_source=row.source,
        how=how,
    )

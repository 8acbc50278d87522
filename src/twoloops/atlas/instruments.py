"""Dated instruments: rules, bills, guidance, each with what it is about and when it was looked at.

Three tables: `instruments` says what each one is, `instrument_states` in which state it was from
when to when, `conditions` by which criteria it touches a thing. A row is stale once its review
date, or the end of its last known state, has passed.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Literal

import msgspec

from twoloops.atlas.tables import table

State = Literal[
    "in force",
    "suspended",
    "proposed",
    "not enforced",
    "guidance",
    "contract term",
    "ended",
    "unknown",
]
Verb = Literal["touches", "names"]


class Instrument(msgspec.Struct, frozen=True):
    """One instrument.

    Args:
        id: Short name.
        title: As it is called.
        issuer: `US`, `EU`, `CN`, …: who issued it.
        subjects: Kinds of items it is about, separated by `|`.
        verb: Whether a criterion is reached (`touches`) or somebody is named (`names`).
        effect: What it does to what it touches: `restricts`, `relaxes`, `requires`, `excludes`
            or `informs`.
        scope: In a sentence or two, also what is not computed of it.
        as_of: When this row was last looked at.
        review_by: After this day the row is stale.
        source: Id of the source.
    """

    id: str
    title: str
    issuer: str
    subjects: str
    verb: Verb
    effect: Literal["restricts", "relaxes", "requires", "excludes", "informs"]
    scope: str
    as_of: date
    review_by: date
    source: str


class StateRow(msgspec.Struct, frozen=True):
    """The state of an instrument over a stretch of time.

    Args:
        instrument: Its id.
        state: In force, suspended, …
        since: First day.
        source: Id of the source.
        until: First day after; `None` for the last known state that has no end.
        note: What else was seen.
    """

    instrument: str
    state: State
    since: date
    source: str
    until: date | None = None
    note: str = ""


class Condition(msgspec.Struct, frozen=True):
    """One criterion; all of a clause must hold, any clause of an instrument suffices.

    Args:
        instrument: Its id.
        clause: Name of the clause.
        quantity: What is looked at: `tpp`, `publisher`, …
        source: Id of the source.
        at_least: Lower end, included.
        below: Upper end, excluded.
        equals: Words, separated by `|`, one of which it must be.
    """

    instrument: str
    clause: str
    quantity: str
    source: str
    at_least: float | None = None
    below: float | None = None
    equals: str = ""


class Rules(msgspec.Struct, frozen=True):
    """The three tables together."""

    instruments: tuple[Instrument, ...]
    states: tuple[StateRow, ...]
    conditions: tuple[Condition, ...]


class Standing(msgspec.Struct, frozen=True):
    """Where an instrument stands on a day.

    Args:
        state: `unknown` where its last known state has ended.
        expires: The day the state ends, where an end is known.
        known_until: The last day its row speaks for.
        note: What was seen of the state.
        source: Id of the source of the state.
    """

    state: State
    expires: date | None
    known_until: date
    note: str
    source: str


def instruments() -> tuple[Instrument, ...]:
    """Return the packaged table of instruments."""
    return table("instruments", Instrument)


def states() -> tuple[StateRow, ...]:
    """Return the packaged table of their states."""
    return table("instrument_states", StateRow)


def packaged() -> Rules:
    """Return the packaged tables."""
    return Rules(instruments(), states(), table("conditions", Condition))


def standing(instrument: Instrument, known: Sequence[StateRow], on: date) -> Standing | None:
    """Return where an instrument stands on a day; `None` before it was there.

    Args:
        instrument: Which one.
        known: The states of all instruments.
        on: The day.
    """
    own = sorted(
        (row for row in known if row.instrument == instrument.id), key=lambda row: row.since
    )
    begun = [row for row in own if row.since <= on]
    if not begun:
        return None
    last_end = own[-1].until
    known_until = instrument.review_by
    if last_end is not None:
        known_until = min(known_until, last_end - timedelta(days=1))
    now = begun[-1]
    if now.until is not None and on >= now.until:
        note = f"was {now.state} until {now.until - timedelta(days=1)}; what followed was not seen"
        return Standing("unknown", None, known_until, note, now.source)
    expires = None if now.until is None else now.until - timedelta(days=1)
    return Standing(now.state, expires, known_until, now.note, now.source)


def is_stale(known_until: date, on: date) -> bool:
    """Say whether a row speaks no more for a day.

    Law: what is stale on a day is stale on every later one.
    """
    return on > known_until

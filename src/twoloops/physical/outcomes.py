"""Outcomes: what became of an item, measured later and joined to its observation by a key.

Who shipped an item learns whether it came back; of what was rejected nobody ever learns. So
outcomes come from a part of the stream that a model has chosen: they train, and judge nothing
unless the observation was drawn to judge anyway.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec

from twoloops.physical.history.guess import parse_time
from twoloops.physical.history.table import parse_csv
from twoloops.physical.labelling.answers import earlier_answers, problem_of, take_in
from twoloops.records.errors import UserError
from twoloops.records.label import Label, Question
from twoloops.records.money import Money
from twoloops.records.observation import Place
from twoloops.store.rows import Quarantined
from twoloops.store.workspace import Store

PREFIX = "outcome:"


class Columns(msgspec.Struct, frozen=True, kw_only=True):
    """Which column of a file of outcomes holds what.

    Args:
        key: What the observation is called.
        label: What it turned out to be.
        at: When that was found; `None` where the file does not say.
    """

    key: str = "key"
    label: str = "label"
    at: str | None = None


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file of outcomes.

    Args:
        rows: Rows with an outcome.
        new: Labels that were not there yet.
        known: Labels that were.
        blank: Rows without an outcome.
        added: Labels the task did not have and has now.
        unmatched: Rows whose key no observation has, with the reason.
        ambiguous: Rows whose key several observations have.
        refused: Rows that cannot be taken in otherwise.
        unasked: New labels of observations that nobody was asked about.
    """

    rows: int
    new: int
    known: int
    blank: int
    added: tuple[str, ...]
    unmatched: tuple[str, ...]
    ambiguous: tuple[str, ...]
    refused: tuple[str, ...]
    unasked: int


class _Row(NamedTuple):
    """One row of the file."""

    place: str
    key: str
    label: str
    at: datetime


def import_outcomes(
    store: Store,
    task: str,
    path: Path,
    columns: Columns,
    *,
    source: str,
    at: datetime,
    new_labels: bool = False,
) -> Joined:
    """Join a file of outcomes to a task's observations.

    What cannot be joined is quarantined with its reason, and joined when the file is read again
    after its observation came in. Reading a file twice changes nothing.

    Args:
        store: The workspace's, held for writing.
        task: The task's name.
        path: A CSV file in UTF-8.
        columns: Which column holds what.
        source: Whose outcomes they are: the labeller is `outcome:SOURCE`.
        at: Now; the time of outcomes whose file has none.
        new_labels: Whether a label the task does not have is added to it, or refused.

    Raises:
        UserError: The file cannot be read, or lacks a column.
    """
    kind = store.tasks.get(task)
    labeller = PREFIX + source
    rows, blank, refused = _read(path, columns, at)
    free = Money(Decimal(0), kind.costs.label.currency)
    outcomes = len(rows) + len(refused)
    unmatched: list[tuple[_Row, str]] = []
    ambiguous: list[tuple[_Row, str]] = []
    labels: list[Label] = []
    with store.transaction():
        places = store.keys.find(task, (row.key for row in rows))
        found = {row: places.get(row.key, []) for row in rows}
        one_each = [(row, here[0]) for row, here in found.items() if len(here) == 1]
        known = store.observations.find(place for _, place in one_each)
        given = [Label(place, row.label, labeller, row.at, free) for row, place in one_each]
        earlier = earlier_answers(store, given)
        before = set(earlier)
        for (row, _), label in zip(one_each, given, strict=True):
            problem = problem_of(label, kind, known, earlier, new_labels)
            if problem is None:
                labels.append(label)
            else:
                refused.append((row, problem))
        for row, here in found.items():
            if not here:
                unmatched.append((row, f"no observation of task {task!r} has the key {row.key!r}"))
            elif len(here) > 1:
                names = ", ".join(map(str, here[:3])) + (", …" if len(here) > 3 else "")
                why = f"{len(here)} observations have the key {row.key!r}: {names}"
                ambiguous.append((row, why))
        asked = store.questions.turns_of(label.observation for label in labels)
        done = take_in(store, kind, labels, at)
        _quarantine(store, f"{labeller} {task}", [*unmatched, *ambiguous, *refused], at)
    fresh = {one.observation for one in labels if (one.observation, labeller) not in before}
    return Joined(
        rows=outcomes,
        new=done.new,
        known=len(labels) - done.new,
        blank=blank,
        added=done.added,
        unmatched=_told(unmatched),
        ambiguous=_told(ambiguous),
        refused=_told(refused),
        unasked=len(fresh - set(asked)),
    )


def unasked(store: Store, task: str, asked: Collection[Place], turn: int) -> list[Question]:
    """Return questions that outcomes answered without being asked, up to a turn.

    They have no inclusion probability: they may train and never judge.

    Args:
        store: Where labels lie.
        task: The task's name.
        asked: Observations that somebody was asked about, in any turn.
        turn: Observations claimed by later turns, or by none yet, are left for those.
    """
    places = {
        one.observation for one in store.labels.of_task(task) if one.labeller.startswith(PREFIX)
    } - set(asked)
    claimed = store.observations.turns_of(places) if places else {}
    return [
        Question(place, number, "selected", None)
        for place, number in sorted(claimed.items())
        if number <= turn
    ]


def _read(
    path: Path, columns: Columns, now: datetime
) -> tuple[list[_Row], int, list[tuple[_Row, str]]]:
    """Return rows with an outcome, how many have none, and rows that cannot be used."""
    try:
        table = parse_csv(path)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; check the path") from error
    wanted = [columns.key, columns.label, *([columns.at] if columns.at else [])]
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        raise UserError(
            f"{path} has no column {missing[0]!r}: it has {list(table.columns)}; say which ones "
            "hold key, label and time with  --key  --label  --at"
        )
    rows: list[_Row] = []
    blank = 0
    bad = [(_Row(one.place, "", "", now), one.reason) for one in table.quarantined]
    for place, key, label, when in _cells(table.places, table.columns, columns):
        if not label:
            blank += 1
            continue
        row = _Row(place, key, label, now)
        time = None if not when else parse_time(when, None)
        if any("\udc80" <= letter <= "\udcff" for letter in key + label):
            bad.append((row._replace(key="", label=""), "the key or the label is not UTF-8"))
        elif not key:
            bad.append((row, "the key is empty"))
        elif when and time is None:
            bad.append((row, f"the time {when!r} is no date as 2004-07-31 or 2004-07-31 12:00"))
        else:
            rows.append(row._replace(at=now if time is None else time.astimezone(UTC)))
    return rows, blank, bad


def _cells(
    places: Sequence[str], cells: dict[str, list[object]], columns: Columns
) -> Iterator[tuple[str, str, str, str]]:
    for number, place in enumerate(places):
        key, label = (str(cells[name][number]).strip() for name in (columns.key, columns.label))
        when = "" if columns.at is None else str(cells[columns.at][number]).strip()
        yield place, key, label, when


def _quarantine(store: Store, source: str, left: Sequence[tuple[_Row, str]], at: datetime) -> None:
    store.quarantine.add_many(
        [Quarantined(source, f"{row.place}: {row.key}={row.label}", why, at) for row, why in left]
    )


def _told(left: Sequence[tuple[_Row, str]]) -> tuple[str, ...]:
    return tuple(f"{row.place}: {why}" for row, why in left)

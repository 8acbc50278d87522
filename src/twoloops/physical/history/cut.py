"""Cut what was read into a seed and turns: pure, and the same for every source."""

import dataclasses
import re
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import PurePath

import numpy as np
from msgspec.structs import replace

from twoloops.physical.history.guess import looks_normal
from twoloops.physical.history.options import MAX_UNREADABLE, Plan, Reading
from twoloops.physical.history.stream import History, Row
from twoloops.records.errors import UserError
from twoloops.records.task import Costs, Task

MAX_SEARCHED = 0.2
"""Up to this share of the labelled rows is searched for a second label of the seed."""

START = datetime(2000, 1, 1, tzinfo=UTC)
"""Made-up time of the first row where the source has none; the next follow minute by minute."""


def cut(reading: Reading, plan: Plan) -> History:
    """Return the stream.

    Raises:
        UserError: Nothing or too little can be read, no label or only one occurs, or the rows
            do not suffice for the seed and the turns.
    """
    labels = _labels(reading)
    rows = _arrange(reading, plan)
    seed, rest, notes = _seed(reading, rows, plan)
    turns = _turns(reading, rest, plan)
    smallest = min(len(turn) for turn in turns)
    budget = plan.labels_per_turn or min(40, max(5, smallest // 10))
    normal = plan.normal
    task = Task(
        name=plan.name or _name(reading.source),
        kind=reading.kind,
        labels=labels,
        normal=normal,
        costs=plan.costs or Costs(),
        max_false_reject_rate=_limit(plan, normal),
        shape=reading.shape,
    )
    return History(
        task=task,
        seed=tuple(seed),
        turns=tuple(turns),
        quarantined=reading.quarantined,
        caveats=(*reading.caveats, *notes, *_caveats(rows, plan)),
        source=reading.source,
        labels_per_turn=budget,
        guesses=(*reading.guesses, *_normal_guess(labels, normal)),
        command=_command(reading, plan, turns=len(turns), budget=budget, seed=len(seed)),
    )


def adjust(history: History, plan: Plan) -> History:
    """Return a built-in source with what the user asked for otherwise.

    With `turns` given, the rows after the seed are cut anew into that many equal turns.

    Raises:
        UserError: The source fixes what was asked for, or there are too few rows.
    """
    if plan.normal is not None and plan.normal != history.task.normal:
        raise UserError(
            f"{history.source}: the normal label is {history.task.normal!r}: leave --normal out"
        )
    if plan.seed_size is not None:
        raise UserError(
            f"{history.source}: the seed is fixed ({len(history.seed)} rows): leave --seed-size out"
        )
    task = replace(
        history.task,
        name=plan.name or history.task.name,
        costs=plan.costs or history.task.costs,
        max_false_reject_rate=(
            history.task.max_false_reject_rate
            if plan.max_false_reject_rate is None
            else plan.max_false_reject_rate
        ),
    )
    budget, turns, command = history.labels_per_turn, history.turns, history.command
    if plan.turns is not None:
        rest = [row for turn in history.turns for row in turn]
        turns = tuple(_equal(rest, plan.turns, history.source, dated=True))
        command += f" --turns {plan.turns}"
    if plan.labels_per_turn is not None:
        budget = plan.labels_per_turn
        command += f" --labels-per-turn {budget}"
    return dataclasses.replace(
        history, task=task, labels_per_turn=budget, turns=turns, command=command
    )


def _labels(reading: Reading) -> tuple[str, ...]:
    source, total = reading.source, len(reading.rows) + len(reading.quarantined)
    if total == 0:
        raise UserError(f"{source} is empty: expected at least one row besides the header")
    if len(reading.quarantined) > MAX_UNREADABLE * total:
        first = reading.quarantined[0]
        raise UserError(
            f"{source}: {len(reading.quarantined)} of {total} items cannot be read, the first at "
            f"{first}: correct them, or say with the options which column is what"
        )
    labels = tuple(sorted({row.label for row in reading.rows if row.label is not None}))
    if len(labels) == 0:
        raise UserError(
            f"{source} has no labels: name the column that says what each input turned out to "
            "be with --label"
        )
    if len(labels) == 1:
        raise UserError(
            f"{source}: every labelled input says {labels[0]!r}, and a task needs at least two "
            "labels: choose another column with --label, or add inputs of another label"
        )
    return labels


def _arrange(reading: Reading, plan: Plan) -> list[Row]:
    """Return the rows in the order of their arrival, each with a time that does not go back."""
    default = "time" if reading.timed else "file" if reading.ordered else "shuffled"
    order = plan.order or default
    rows = list(reading.rows)
    if order == "time":
        if not reading.timed:
            raise UserError(f"{reading.source} has no times: name their column with --time")
        return sorted(rows, key=lambda row: row.observed_at)
    if order == "shuffled":
        rows = [rows[i] for i in np.random.default_rng(plan.seed).permutation(len(rows))]
    minute = timedelta(minutes=1)
    return [replace(row, observed_at=START + i * minute) for i, row in enumerate(rows)]


def _seed(
    reading: Reading, rows: list[Row], plan: Plan
) -> tuple[list[Row], list[Row], tuple[str, ...]]:
    """Return the first labelled rows, all others, and what to say of them.

    The seed is lengthened until two labels occur in it, since one label teaches nothing.
    """
    labelled = [i for i, row in enumerate(rows) if row.label is not None]
    wanted = plan.seed_size or min(300, max(30, round(0.05 * len(labelled))))
    size = min(wanted, len(labelled))
    while len({rows[i].label for i in labelled[:size]}) < 2:
        size += 1
    if size > len(labelled) * (0.5 if size == wanted else MAX_SEARCHED):
        raise UserError(
            f"{reading.source}: the seed takes {size} of {len(labelled)} labelled rows "
            f"(asked for: {wanted}, two labels needed): give more rows, a smaller --seed-size, a "
            "--time column, or --order shuffled where the rows are sorted by label"
        )
    notes: tuple[str, ...] = ()
    if size > wanted:
        notes = (f"the seed has {size} rows, not {wanted}: before that only one label occurs",)
    chosen = set(labelled[:size])
    seed = [replace(rows[i], period=rows[i].period or "seed") for i in labelled[:size]]
    return seed, [row for i, row in enumerate(rows) if i not in chosen], notes


def _turns(reading: Reading, rows: list[Row], plan: Plan) -> list[tuple[Row, ...]]:
    periods = list(dict.fromkeys(row.period for row in rows if row.period))
    if not periods:
        return _equal(rows, plan.turns or 10, reading.source, dated=reading.timed)
    if plan.turns is not None and plan.turns != len(periods):
        raise UserError(
            f"{reading.source}: the period column has {len(periods)} values, --turns says "
            f"{plan.turns}: leave one of the two out"
        )
    return [tuple(row for row in rows if row.period == period) for period in periods]


def _equal(rows: Sequence[Row], turns: int, source: str, *, dated: bool) -> list[tuple[Row, ...]]:
    """Cut rows into turns whose sizes differ by one at most, and name their periods."""
    if len(rows) < turns:
        raise UserError(
            f"{source}: {len(rows)} rows remain after the seed, too few for {turns} turns: give "
            f"--turns {max(1, len(rows))} or less, or more rows"
        )
    parts = []
    ends = np.linspace(0, len(rows), turns + 1).astype(int)
    for number in range(1, turns + 1):
        part = rows[ends[number - 1] : ends[number]]
        period = f"turn {number}"
        if dated:
            first, last = part[0].observed_at.date(), part[-1].observed_at.date()
            period = f"{first}" if first == last else f"{first} to {last}"
        parts.append(tuple(replace(row, period=period) for row in part))
    return parts


def _limit(plan: Plan, normal: str | None) -> float | None:
    if plan.max_false_reject_rate is None and normal is not None:
        return 0.03
    return plan.max_false_reject_rate


def _caveats(rows: list[Row], plan: Plan) -> list[str]:
    caveats = []
    unlabelled = sum(row.label is None for row in rows)
    if unlabelled:
        caveats.append(
            f"{unlabelled} of {len(rows)} rows have no label: they are observed and never scored"
        )
    if plan.normal is None:
        caveats.append(
            "no normal label is known, so detection and false-reject rates do not exist: name "
            "it with --normal"
        )
    elif plan.costs is None:
        caveats.append("no costs were given: an escape, a false reject and a label count as 1 each")
    return caveats


def _normal_guess(labels: Sequence[str], normal: str | None) -> list[str]:
    if normal is not None or (guess := looks_normal(labels)) is None:
        return []
    return [f"the label {guess!r} looks normal, but is not used so: say  --normal {guess!r}"]


def _name(source: str) -> str:
    stem = PurePath(source).name.split(".")[0]
    return re.sub(r"[^\w-]+", "-", stem).strip("-").lower() or "task"


def _command(reading: Reading, plan: Plan, *, turns: int, budget: int, seed: int) -> str:
    words = ["twoloops", "replay", reading.source, *reading.arguments]
    if plan.normal is not None:
        words += ["--normal", plan.normal]
    if not any(word == "--period" for word in reading.arguments):
        words += ["--turns", str(turns)]
    words += ["--labels-per-turn", str(budget), "--seed-size", str(seed)]
    if plan.order is not None:
        words += ["--order", plan.order]
    return shlex.join(words)

"""What the terminal shows: the four arms, the turns, and the closing lines.

Everything from data travels in `rich.text.Text` or plain strings, never in markup; strings
must be printed with `markup=False`.
"""

import textwrap

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from twoloops.analysis.report.arms import BRIEF, FOUR, accuracy_of, arms
from twoloops.analysis.words import (
    ABSENT,
    amount,
    clip,
    count,
    interval_text,
    items,
    known,
    mean_of,
    percent,
    points,
    seeds_note,
    signed,
    verdict,
)
from twoloops.convergence.replays.outcome import Loops, ReplayResult, TurnFigures

WIDTH = 80


def _table(title: str, *columns: tuple[str, int], left: tuple[int, ...] = (0,)) -> Table:
    """Return an empty table; a column is a name and the width below which it never shrinks."""
    table = Table(
        title=Text(title, style="bold"),
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    for place, (name, width) in enumerate(columns):
        table.add_column(
            Text(name),
            justify="left" if place in left else "right",
            no_wrap=True,
            min_width=width,
            overflow="ellipsis",
        )
    return table


def _lines(*sentences: str) -> list[Text]:
    return [Text(line) for sentence in sentences for line in textwrap.wrap(sentence, WIDTH) or [""]]


def _interaction(loops: Loops) -> str:
    return (
        f"{points(loops.interaction)} ({interval_text(loops.interval, 100)}), log-odds "
        f"{signed(loops.interaction_log_odds, 2)} "
        f"({interval_text(loops.interval_log_odds, digits=2).removeprefix('95 % ')})"
    )


def four_arm_table(result: ReplayResult) -> RenderableType:
    """Return the two loops, apart and together: mean accuracy and faults found by arm.

    Faults found are compared at the same false-reject rate where that was measured. Fits 80
    columns and needs no colour.
    """
    table = _table(
        "The two loops, apart and together",
        ("arm", 19),
        ("what it is", 10),
        ("right", 7),
        ("without gate", 12),
        ("faults found*", 13),
        left=(0, 1),
    )
    gated, free = result.loops, result.loops_without_gate
    for arm in arms(result):
        first = accuracy_of(gated, arm.key)
        table.add_row(
            Text(arm.name),
            Text(BRIEF[arm.key]),
            percent(first if first is not None else mean_of(arm.turns, "accuracy")),
            percent(accuracy_of(free, arm.key)) if arm.key in FOUR else "",
            percent(gated.detection_at_limit.get(arm.key)),
            style="bold" if arm.key == "both" else "",
        )
    limit = percent(result.false_reject_limit)
    note = (
        "* not defined: the task has no normal label"
        if result.normal is None
        else f"* at {limit} false rejects in every arm, threshold moved with hindsight"
        if known(result.false_reject_limit)
        else "* at the same false-reject rate in every arm, threshold moved with hindsight"
    )
    return Group(
        table,
        *_lines(
            note,
            "interaction = both − data − models + neither:",
            f"  gate in force: {_interaction(gated)}",
            f"  without gate:  {_interaction(free)}",
            f"With the gate in force, {verdict(gated.interaction, gated.interval)}.",
            *filter(None, [seeds_note(result.seeds)]),
        ),
    )


def _base(name: str) -> str:
    return name.replace("builtin/", "") or ABSENT


def turn_table(result: ReplayResult) -> RenderableType:
    """Return the turns of the *both* arm: the deployed model before it learned of the turn."""
    table = _table(
        "Turns, both loops, gate in force",
        ("turn", 4),
        ("period", 4),
        ("obs.", 6),
        ("labels", 6),
        ("right", 7),
        ("found", 7),
        ("reject", 6),
        ("gate", 8),
        ("base", 17),
        left=(1, 7, 8),
    )
    for turn in result.turns:
        table.add_row(
            str(turn.turn),
            Text(clip(turn.period, 12)),
            count(turn.observations),
            count(turn.labels_total),
            percent(turn.accuracy),
            percent(turn.detection_rate),
            percent(turn.false_reject_rate),
            "released" if turn.released else "refused",
            Text(clip(_base(turn.base), 18)),
        )
    notes = [
        f"turn {turn.turn}: {clip(turn.base_note, 600)}"
        for turn in result.turns
        if turn.base_note.strip()
    ]
    what = (
        "found, rejects: not defined, the task has no normal label"
        if result.normal is None
        else "found: faults called a fault; rejects: normal items called a fault"
    )
    return Group(table, *_lines(what, *notes))


def turn_line(turn: TurnFigures) -> str:
    """Return one turn as a line of at most 80 columns.

    What became of a base, or why the gate refused, follows on indented lines.

    >>> print(turn_line(TurnFigures(turn=3, period="2004", observations=512, scored=512,
    ...     labels_total=130, accuracy=0.899, base_note="base adopted: minilm", released=True)))
    turn  3 2004  512 observations, 130 labels, 89.9 % right, released
        base adopted: minilm
    """
    parts = [items(turn.observations, "observation"), items(turn.labels_total, "label")]
    parts.append(f"{percent(turn.accuracy)} right" if known(turn.accuracy) else "nothing scored")
    if known(turn.detection_rate):
        parts.append(f"{percent(turn.detection_rate)} found")
    parts.append("released" if turn.released else "refused")
    head = f"turn {turn.turn:>2} {clip(turn.period, 12)}  {', '.join(parts)}"
    notes = [f"failing slice {one}" for one in turn.opened_by] + [turn.base_note]
    if not turn.released and turn.reason and turn.reason not in turn.base_note:
        notes.append(f"refused: {turn.reason.removeprefix('refused: ')}")
    lines = textwrap.wrap(head, WIDTH, subsequent_indent="    ", replace_whitespace=False)
    for note in (clip(note, 600) for note in notes):
        lines += textwrap.wrap(note, WIDTH, initial_indent="    ", subsequent_indent="      ")
    return "\n".join(lines)


def _reached(result: ReplayResult) -> str:
    loops = result.loops
    reached = (
        f"Reached: {percent(loops.both)} right with both loops; {percent(loops.neither)} with "
        f"neither; {percent(loops.everything)} with everything labelled"
    )
    gap = loops.everything - loops.both
    if not known(gap):
        return f"{reached}."
    side = "below" if gap >= 0 else "above"
    return f"{reached} (both is {points(abs(gap)).lstrip('+')} {side})."


def _found(result: ReplayResult) -> str:
    if result.normal is None or not result.turns or not known(result.turns[-1].detection_rate):
        return "Faults found: not defined (" + (
            "no normal label)." if result.normal is None else "nothing to score in the last turn)."
        )
    last = result.turns[-1]
    first = result.neither[-1].detection_rate if result.neither else None
    return (
        f"Faults found in the last turn ({clip(last.period, 24)}): "
        f"{percent(last.detection_rate)} at {percent(last.false_reject_rate)} false rejects; "
        f"{percent(first)} with the first model kept."
    )


def _money(result: ReplayResult) -> str:
    money = result.money
    spent = (
        f"Labels: {count(money.labels)} bought for {amount(money.labels_spent, money.currency)}."
    )
    if money.saved is None:
        return f"{spent} Money saved: not defined (no normal label)."
    if money.saved < 0:
        saved = f"Money lost against the first model: {amount(-money.saved, money.currency)}"
    else:
        saved = f"Money saved against the first model: {amount(money.saved, money.currency)}"
    if money.break_even_observations is None:
        return f"{spent} {saved}; at the measured rate the labels never pay for themselves."
    volume = items(money.break_even_observations, "observation")
    return f"{spent} {saved}; at the measured rate the labels pay for themselves after {volume}."


def closing(result: ReplayResult) -> list[str]:
    """Return the closing sentences: what was reached, faults, labels and money, interaction."""
    loops = result.loops
    words = verdict(loops.interaction, loops.interval)
    lines = [
        _reached(result),
        _found(result),
        _money(result),
        f"Interaction {points(loops.interaction)} ({interval_text(loops.interval, 100)}): {words}.",
        *filter(None, [seeds_note(result.seeds)]),
    ]
    if result.quarantined:
        lines.append(f"{items(len(result.quarantined), 'item')} could not be read: see the report.")
    return lines


def _short(value: float) -> str:
    """Print a share as `.80`, and 1 as `1.00`."""
    return f"{value:.2f}".removeprefix("0") if known(value) else ABSENT


def thesis_line(result: ReplayResult) -> str:
    """Return the four arms and the interaction in one line, as the README prints it."""
    loops = result.loops
    figures = ", ".join(
        f"{key} {_short(value)}"
        for key, value in (
            ("neither", loops.neither),
            ("models", loops.models),
            ("data", loops.data),
            ("both", loops.both),
        )
    )
    interaction = f"{points(loops.interaction)} ({interval_text(loops.interval, 100)})"
    return f"{clip(result.source, 60)}: {figures}; interaction {interaction}"

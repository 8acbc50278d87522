"""Where one's own loops meet: releases, their course, and the four arms of a replay."""

from twoloops.analysis.exhibits.model import Chart, Column, Exhibit, Note, Row, Table
from twoloops.analysis.own import drawn
from twoloops.analysis.own.facts import Own, OwnTask, OwnTurn
from twoloops.analysis.own.sources import (
    CATALOG,
    JOURNAL,
    RESULT,
    day,
    day_of,
    id_of,
    made,
    where,
)
from twoloops.analysis.words import clip
from twoloops.convergence.judging.evaluate import ENOUGH
from twoloops.convergence.replays.outcome import Loops, ReplayResult

NOT_MEASURED = (
    "The loops apart and together: not measured. A workspace runs both loops at once, so what each "
    "adds alone cannot be seen in it; run  twoloops replay SOURCE  on the labelled past, and then  "
    "twoloops exhibits --mine --replay FOLDER."
)
ARMS = {
    "neither": "neither loop",
    "models": "models loop only",
    "data": "data loop only",
    "both": "both loops",
    "everything": "every observation labelled",
}


def small_models(own: Own) -> Exhibit:
    """Return where the loops meet: releases, their course, and the four arms of a replay."""
    tables = [_releases(own)]
    notes = []
    if own.replay is None:
        notes.append(Note("gap", NOT_MEASURED, (JOURNAL,)))
        charts = [_estimated_course(task) for task in own.tasks]
        notes.append(
            Note(
                "caution",
                "Accuracy by turn is estimated from each turn's audit labels alone; a turn with "
                f"fewer than {ENOUGH} of them is unknown and left out of the chart.",
                (JOURNAL, CATALOG),
            )
        )
    else:
        charts = [_arms_chart(own.replay), _counted_course(own.replay)]
        tables.insert(0, _arms_table(own, own.replay))
        notes += [Note("caution", f"{caveat}.", (RESULT,)) for caveat in own.replay.caveats]
        if len(own.replay.seeds) == 1:
            notes.append(
                Note(
                    "caution",
                    "One seed: the interval leaves out the luck of which observations were "
                    "labelled; replay with --seeds 5 to see it.",
                    (RESULT,),
                )
            )
    return made(
        own,
        "small-models",
        "Where the loops meet: the small models",
        "What did each turn release, on what evidence, and what do the loops add apart and "
        "together?",
        charts=charts,
        tables=tables,
        notes=notes,
    )


def _releases(own: Own) -> Table:
    rows = [
        Row(
            (
                task.task.name,
                str(turn.number),
                turn.released or "none",
                _share(turn.right.value),
                turn.right.labels,
                clip("; ".join(filter(None, (turn.reason, turn.base_note))), 400),
            ),
            as_of=day_of(turn),
            sources=(JOURNAL, CATALOG),
            computed=where(turn),
        )
        for task in own.tasks
        for turn in task.turns
        if turn.closed
    ]
    columns = (
        Column("task"),
        Column("turn"),
        Column("released on"),
        Column("right before", "%", "whatever was deployed, from the turn's audit labels", 3),
        Column("stands on", "audit labels"),
        Column("what the gate said"),
    )
    return Table("releases", "What each turn released", columns, tuple(rows))


def _estimated_course(task: OwnTask) -> Chart | None:
    known = [
        (f"turn {turn.number}", value, *ends)
        for turn in task.turns
        if (value := _share(turn.right.value)) is not None and (ends := _ends(turn)) is not None
    ]
    return drawn.ranges(
        id_of("course", task.task.name),
        f"{task.task.name}: decided right, by turn",
        known,
        "decided right (%, estimate with 95 % interval)",
        "Each turn's audit labels, weighted by their chances: what was deployed when they came.",
        (JOURNAL, CATALOG),
    )


def _ends(turn: OwnTurn) -> tuple[float, float] | None:
    if turn.right.interval is None:
        return None
    low, high = turn.right.interval
    return 100 * low, 100 * high


def _counted_course(result: ReplayResult) -> Chart | None:
    arms = {"neither": result.neither, "models": result.models, "data": result.data}
    series = [
        (str(turn.turn), ARMS[name], 100 * turn.accuracy)
        for name, turns in {**arms, "both": result.turns}.items()
        for turn in turns
        if turn.accuracy is not None
    ]
    return drawn.courses(
        "course",
        "Decided right, by turn and arm",
        series,
        "turn (number)",
        "decided right (%)",
        "Counted over all observations with a known label; gate in force, first seed.",
        (RESULT,),
    )


def _arms_chart(result: ReplayResult) -> Chart | None:
    def row(name: str, loops: Loops) -> tuple[str, float, float, float]:
        low, high = loops.interval
        return name, 100 * loops.interaction, 100 * low, 100 * high

    return drawn.ranges(
        "interaction",
        "Interaction of the two loops",
        [row("gate in force", result.loops), row("without gate", result.loops_without_gate)],
        "both − data − models + neither (points of accuracy, 95 % interval)",
        "Above zero, the loops give more together than the sum of what each gives alone.",
        (RESULT,),
        zero=True,
    )


def _arms_table(own: Own, result: ReplayResult) -> Table:
    rows = []
    for name, words in ARMS.items():
        gated = getattr(result.loops, name)
        free = getattr(result.loops_without_gate, name)
        rows.append(Row((words, 100 * gated, 100 * free, None, None), day(own), (RESULT,)))
    for words, one in (
        ("interaction, gate in force", result.loops),
        ("interaction, without gate", result.loops_without_gate),
    ):
        gated = one is result.loops
        value = 100 * one.interaction
        cells = (
            words,
            value if gated else None,
            None if gated else value,
            100 * one.interval[0],
            100 * one.interval[1],
        )
        rows.append(
            Row(cells, day(own), (RESULT,), computed="both − data − models + neither, in points")
        )
    columns = (
        Column("arm"),
        Column("gate in force", "% or points", "mean over the turns of the share right", 3),
        Column("without gate", "% or points", "every candidate taken", 3),
        Column("from", "points", "lower end of the 95 % interval", 3),
        Column("to", "points", "upper end", 3),
    )
    seeds = len(result.seeds)
    return Table(
        "arms",
        "The two loops, apart and together",
        columns,
        tuple(rows),
        f"{len(result.turns)} turns, {seeds} seed{'s' if seeds > 1 else ''}; interval: bootstrap "
        "over groups of observations, and over seeds where there are several.",
    )


def _share(value: float | None) -> float | None:
    return None if value is None else 100 * value

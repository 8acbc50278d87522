"""The overview page's body: the loops with live counts, then each task, what is weak first."""

from twoloops.analysis.markup import Html, bullets, join, more, table, tag
from twoloops.analysis.overview import courses, lift, loops, words
from twoloops.analysis.overview.facts import Counts, Judgement, Measured, Overview, TaskOverview
from twoloops.analysis.words import (
    clip,
    interval_text,
    items,
    percent,
    signed,
    verdict,
)
from twoloops.records.digests import short

LATEST = 8
"""Verdicts in view; earlier ones are folded away."""


def body(overview: Overview, counts: Counts) -> Html:
    """Return everything between the page's navigation and its end."""
    parts: list[Html] = [*_broken(overview), _loops(counts)]
    if not overview.tasks:
        parts.append(EMPTY)
    if len(overview.tasks) > 1:
        links = [
            tag("a", one.task.name, href=f"#task-{number}")
            for number, one in enumerate(overview.tasks)
        ]
        parts.append(tag("p", "Tasks: ", join(_spaced(links)), class_="note"))
    parts += [_task(one, number) for number, one in enumerate(overview.tasks)]
    head = f"{items(overview.facts, 'fact')}, the last one {short(overview.head)}"
    whole = "NOT whole" if overview.broken else "whole"
    parts.append(tag("p", f"The journal's chain is {whole}: {head}.", class_="note"))
    return join(parts)


def _spaced(parts: list[Html]) -> list[Html]:
    return [one if not number else Html(" · ") + one for number, one in enumerate(parts)]


def _broken(overview: Overview) -> list[Html]:
    if not overview.broken:
        return []
    told = tag(
        "p",
        tag("strong", "The journal is not whole. "),
        "What stands below rests on records that somebody has changed:",
    )
    return [tag("div", told, bullets(overview.broken[:5]), class_="alarm", role="alert")]


def _loops(counts: Counts) -> Html:
    return tag(
        "section",
        tag("h1", "The two loops"),
        tag("figure", tag("div", loops.draw(counts), class_="drawing"),
            tag("figcaption", LOOPS)),
        id="loops",
    )  # fmt: skip


LOOPS = (
    "Above, things go to the meeting point; below, what came of it goes back into use. Counts are "
    "of the whole workspace and stay up to date while the page is open."
)
EMPTY = join(
    (
        tag("p", "This workspace has no task yet. Add one with"),
        tag(
            "pre",
            tag("code", "twoloops task add NAME --kind text --labels A,B --normal A"),
        ),
        tag("p", "and bring observations in with  twoloops ingest SOURCE ."),
    )
)


def _task(one: TaskOverview, number: int) -> Html:
    sections = (
        ("Lift per turn", lift.section(one)),
        ("Cumulative return", courses.returns(one)),
        ("Learning curve", courses.learning(one)),
        ("The loops apart and together", _measured(one.measured)),
        ("Gate verdicts", _verdicts(one)),
    )
    return tag(
        "section",
        tag("h2", one.task.name),
        _standing(one),
        _sceptic(one),
        *(tag("h3", name) + content for name, content in sections),
        class_="task",
        id=f"task-{number}",
    )


def _standing(one: TaskOverview) -> Html:
    if one.deployed is None:
        return tag("p", f"Nothing is deployed yet. {_what(one)}", class_="lede")
    now = one.deployed
    since = "taken in" if now.turn < 0 else f"of turn {now.turn}"
    by = ", deployed by a person" if now.person else ""
    name = tag("a", words.model(now.model), href=words.why(one.task.name, words.model(now.model)))
    return tag(
        "p",
        "In use: ",
        name,
        f" on {now.base}, {since} ({now.approved_at:%Y-%m-%d}){by}. {_what(one)}",
        class_="lede",
    )


def _what(one: TaskOverview) -> str:
    normal = "" if one.task.normal is None else f", normal: {clip(one.task.normal, 40)}"
    shown = ", ".join(clip(label, 40) for label in one.task.labels[:12])
    rest = len(one.task.labels) - 12
    return f"Decides on {one.task.kind}: {shown}{f' and {rest} more' if rest > 0 else ''}{normal}."


def _sceptic(one: TaskOverview) -> Html:
    """Say first what is weak: trivial baselines, and how few labels everything stands on."""
    found = one.baselines
    if found is None:
        told = [
            "No audit label has come after a first release yet: nothing here has been measured "
            "on observations that no model had learned from."
        ]
        return tag("div", tag("h3", TITLE), bullets(told), class_="sceptic")
    told = [
        f"Always saying {clip(found.majority_label, 40)!r} would be right: "
        f"{words.rate(found.majority)}.",
        f"The first model, had it been kept: {words.rate(found.first)}. What was deployed: "
        f"{words.rate(found.deployed)}.",
    ]
    gain = found.gain
    if gain.value is None or gain.interval is None:
        told.append("The difference of the two is unknown: too few audit labels.")
    else:
        low, high = gain.interval
        says = "" if low > 0 else (
            " The first model was better." if high < 0 else " It may be nothing."
        )  # fmt: skip
        told.append(
            f"The difference, item by item: {words.points(gain.value, gain.interval)}.{says}"
        )
    effective = found.deployed.effective
    told.append(
        f"All of this stands on {items(found.deployed.labels, 'audit label')}, worth "
        f"{effective:.0f} drawn with equal chances."
    )
    if found.left_out:
        told.append(
            f"{items(found.left_out, 'audit label')} could not be put to the first model: the "
            "input was forgotten, or the model's file is damaged."
        )
    mine = one.estimates.accuracy
    told.append(f"The model in use now, on what came after it was made: {words.rate(mine)}.")
    return tag("div", tag("h3", TITLE), bullets(told), class_="sceptic")


TITLE = "What a sceptic would say first"


def _measured(found: Measured | None) -> Html:
    if found is None:
        return tag(
            "p",
            "Not measured here: a workspace has one history. A replay runs the same stream with "
            "neither loop, with models only, with data only and with both:",
        ) + tag("pre", tag("code", "twoloops replay SOURCE"))
    rows = []
    for name, key in (
        ("neither loop: the first model is kept", "neither"),
        ("models only", "models"),
        ("data only", "data"),
        ("both loops", "both"),
        ("every observation labelled", "everything"),
    ):
        pair = (found.loops, found.loops_without_gate)
        rows.append((name, *(percent(getattr(one, key)) for one in pair)))
    for one_of in ("interaction", "log-odds"):
        cells = []
        for one in (found.loops, found.loops_without_gate):
            if one_of == "interaction":
                cells.append(
                    f"{signed(100 * one.interaction)} ({interval_text(one.interval, 100)})"
                )
            else:
                told = interval_text(one.interval_log_odds, 1, 2)
                cells.append(f"{signed(one.interaction_log_odds, 2)} ({told})")
        name = "interaction, points" if one_of == "interaction" else "interaction, log-odds"
        rows.append((name, *cells))
    said = verdict(found.loops.interaction, found.loops.interval)
    told = (
        f"Mean share right over {items(found.turns, 'turn')} of the replay of "
        f"{clip(found.source, 80)} that this workspace began from, {items(found.seeds, 'seed')}, "
        f"twoloops {found.version}. Interaction = both − data − models + neither. With the gate: "
        f"{said}."
    )
    shown = table(("arm", "gate in force", "without gate"), rows, numbers=(1, 2), strong=(3,))
    return shown + tag("p", told, class_="note")


def _back(said: Judgement) -> str:
    """Say first that a release counts no longer, when and why."""
    return "" if said.taken_back is None else f"{clip(said.taken_back.told, 240)}. Released: "


def _verdicts(one: TaskOverview) -> Html:
    if not one.judgements:
        return tag("p", "Nothing was judged yet.")
    rows = []
    for said in one.judgements:
        release = words.model(said.model)
        if sum(other.model == said.model for other in one.judgements) > 1:
            release = f"turn-{said.turn}"  # one model, judged in several turns
        turn = "—" if said.turn < 0 else str(said.turn)
        reason = said.reason.removeprefix("released: ").removeprefix("refused: ")
        link = tag("a", "why", href=words.why(one.task.name, release))
        rows.append(
            (turn, f"{words.model(said.model)} on {said.base}", words.verdict(said),
             _back(said) + clip(reason, 160), link)
        )  # fmt: skip
    header = ("turn", "candidate", "verdict", "in a sentence", "")
    shown = table(header, rows[:LATEST])
    if len(rows) > LATEST:
        shown += more(f"{len(rows) - LATEST} earlier ones", table(header, rows[LATEST:]))
    return tag("div", shown, class_="verdicts")

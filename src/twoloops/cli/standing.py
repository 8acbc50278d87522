"""Prints where a workspace stands."""

from pathlib import Path

from twoloops.cli import options, terminal
from twoloops.cli.floor import print_edges
from twoloops.cli.rollout import line
from twoloops.convergence.judging.evaluate import Estimate, Estimates
from twoloops.convergence.judging.stopping import Advice, amount
from twoloops.records.digests import short
from twoloops.records.money import told
from twoloops.wiring.status import Status, TaskStatus


def print_status(status: Status, workspace: Path) -> None:
    """Print a workspace's status in tables of 80 columns and sentences."""
    if not status.tasks:
        terminal.say("No task yet. Add one with")
        terminal.command(
            options.going_on(workspace, "task add NAME --kind text --labels A,B --normal A")
        )
    for task in status.tasks:
        _print_task(task, workspace)
    if status.edges:
        print_edges(status.edges)
    if status.quarantined:
        bad = terminal.items(status.quarantined, "input")
        terminal.say(f"{bad} could not be used (quarantined), the last:")
        for sentence in status.latest_quarantined:
            terminal.say(f"  {sentence}")
    if status.unknown_decisions:
        terminal.say(f"Decisions of edges that are unknown: up to {status.unknown_decisions:,}.")
    if status.journal_problems:
        terminal.say(f"The journal of {terminal.items(status.journal_facts, 'fact')} is NOT whole:")
        for sentence in status.journal_problems:
            terminal.say(f"  {sentence}")
    else:
        head = short(status.journal_head)
        facts = terminal.items(status.journal_facts, "fact")
        terminal.say(f"The journal's chain of {facts} is whole (head {head}).")


def _print_task(task: TaskStatus, workspace: Path) -> None:
    table = terminal.table(task.task, "")
    normal = "" if task.normal is None else f", normal: {task.normal}"
    table.add_row("decides on", f"{task.kind}: {', '.join(task.labels)}{normal}")
    table.add_row("deployed", _deployed(task))
    if task.deployed is not None:
        table.add_row("released because", task.deployed.evidence.reason.removeprefix("released: "))
    table.add_row("right", _figure(task.estimates.accuracy, task.earlier.accuracy))
    if task.estimates.detection_rate is not None:
        for name, key in (("faults found", "detection_rate"), ("rejects", "false_reject_rate")):
            table.add_row(name, _rate(task.estimates, task.earlier, key))
    table.add_row("observations", f"{task.observations:,}, {task.new_observations:,} of them new")
    table.add_row("labels", f"{task.labels_bought:,}, for {told(task.spent)}")
    if task.deployed is not None:  # the first turn asks for as many as the policy has for it
        table.add_row("next labels", _worth(task.worth))
    table.add_row("drift", _drift(task))
    if task.rollout is not None:
        table.add_row("roll-out", f"{short(task.rollout.model)}: {line(task.rollout)}")
    table.add_row("turn", _turn(task))
    terminal.show(table)
    words = _next(task)
    terminal.say("Go on with")
    terminal.command(*(options.going_on(workspace, word) for word in words))
    print()


def _deployed(task: TaskStatus) -> str:
    one = task.deployed
    if one is None:
        return "nothing yet"
    when = one.approved_at.isoformat(sep=" ", timespec="minutes")[:16]
    # An adopted model belongs to no turn of this workspace.
    since = "adopted" if one.turn < 0 else f"of turn {one.turn}"
    return f"{short(one.model)} on {one.base}, {since} ({when} UTC)"


def _rate(now: Estimates, earlier: Estimates, key: str) -> str:
    return _figure(getattr(now, key), getattr(earlier, key))


def _figure(now: Estimate, earlier: Estimate) -> str:
    """Say a rate with its interval; where it is unknown yet, that of all models so far too."""
    if now.value is not None or earlier.value is None:
        return _percent(now)
    return f"{_percent(now)}; all models so far: {_percent(earlier)}"


def _percent(one: Estimate) -> str:
    if one.value is None or one.interval is None:
        return f"unknown ({terminal.items(one.labels, 'audit label')}, 5 needed)"
    low, high = (100 * end for end in one.interval)
    return f"{100 * one.value:.1f} % (95 %: {low:.1f} to {high:.1f}, {one.labels} audit labels)"


def _worth(advice: Advice) -> str:
    """Say in a few words what the next turn's labels are worth."""
    if advice.batch is None:
        return f"{advice.labels}, worth unknown: {advice.reason}"
    saving, cost = amount(advice.batch.saving), amount(advice.batch.cost)
    return f"{advice.labels}, {advice.verdict}: expected to save {saving}, cost {cost}"


def _drift(task: TaskStatus) -> str:
    """Say what the last look found, and how old it is."""
    found = task.drift
    if task.deployed is None:
        return "not looked for: nothing is deployed yet"
    if found is None:
        return terminal.placed("not looked for since the release: look with  twoloops drift")
    when = found.looked_at.isoformat(sep=" ", timespec="minutes")[:16]
    seen = terminal.items(found.observations, "observation")
    return f"{found.verdict}: {found.reason} ({when} UTC, {seen})"


def _turn(task: TaskStatus) -> str:
    if task.turn is None:
        return "none yet"
    if task.stage == "closed":
        return f"{task.turn} is closed, none is open"
    waits = (
        f", waits for {terminal.items(task.open_questions, 'label')}" if task.open_questions else ""
    )
    return f"{task.turn} is open, next stage: {task.stage}{waits}"


def _next(task: TaskStatus) -> tuple[str, ...]:
    if task.open_questions:
        return (f"label --task {task.task}", f"label export FILE --task {task.task}")
    if task.new_observations or task.stage not in (None, "closed", "observe"):
        return (f"turn {task.task}",)
    return (f"ingest SOURCE --task {task.task}",)

"""`twoloops distil [TASK]`: teach a small base by a large one, judged by the gate."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.convergence.trials.distilling import Cost, Distilled


def distil(
    task: str = typer.Argument(None, help="Which task.  [default: all]"),
    teacher: str = typer.Option(
        None, metavar="BASE", help="Who teaches.  [default: the last base on offer]"
    ),
    student: str = typer.Option(
        None,
        metavar="BASE",
        help="Who is taught.  [default: the deployed base, or the first one where that teaches]",
    ),
    unlabelled: int = typer.Option(
        1000, min=1, metavar="N", help="Most unlabelled observations to learn from."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Judge, and keep nothing."),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Teach a small base what a large one makes of observations that nobody labelled.

    What the teacher's licence and lineage ask is looked up first: where they forbid it, nothing is
    fitted and the path is named. The gate releases the student or says why not; the model that was
    deployed before stays in the workspace. Later turns teach it again from their labels.
    """
    from twoloops.wiring.distilling import distil_tasks

    found = distil_tasks(
        workspace,
        task,
        student=student,
        teacher=teacher,
        count=unlabelled,
        dry_run=dry_run,
        wait=wait,
        on_wait=terminal.told,
        on_task=lambda name: terminal.say(f"distilling on {name} …", err=True),
    )
    if json:
        terminal.emit({"dry_run": dry_run, "tasks": found})
        return
    table = terminal.table("task", "student", "teacher", "weight", "gain, points", "outcome")
    for one in found:
        gain, weight = "", "" if one.weight is None else f"{one.weight:g}"
        if one.gain is not None and one.interval is not None:
            half = 50 * (one.interval[1] - one.interval[0])
            gain = f"{100 * one.gain:+.1f} ± {half:.1f}"
        would = "would be " if dry_run and one.outcome == "released" else ""
        table.add_row(one.task, one.base, one.teacher, weight, gain, would + one.outcome)
    terminal.show(table)
    for one in found:
        terminal.say(f"{one.task}: {one.reason}")
        if said := _costs(one):
            terminal.say(f"{one.task}: {said}")
    if not found:
        terminal.say("This workspace has no task yet.")
    if dry_run:
        terminal.say("Nothing was kept: leave out --dry-run to release what would be released.")


def _costs(one: "Distilled") -> str:
    """Say what the student takes beside the deployed model."""
    if one.cost is None or one.cost_before is None:
        return ""

    def taken(cost: "Cost") -> str:
        return f"{cost.ms:.2f} ms a decision and {cost.mb:.1f} MB"

    cheaper = one.cost.mb < 0.9 * one.cost_before.mb
    mine = "the student is cheaper: it takes" if cheaper else "the student takes"
    return f"{mine} {taken(one.cost)}, the deployed model {taken(one.cost_before)}"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(distil)

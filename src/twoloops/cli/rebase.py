"""`twoloops rebase [TASK…] --to BASE`: try another base on tasks, each judged by the gate."""

from pathlib import Path
from typing import Any

import typer

from twoloops.cli import options, terminal

TASKS: Any = typer.Argument(None, metavar="[TASK]...", help="Which tasks.  [default: all]")
TO: Any = typer.Option(..., "--to", metavar="BASE", help="The base to try.")


def rebase(
    tasks: list[str] = TASKS,
    to: str = TO,
    dry_run: bool = typer.Option(False, "--dry-run", help="Judge, and keep nothing."),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Try another base on the same frozen datasets; the gate releases it or says why not.

    The model that was deployed before stays in the workspace. Trying twice is trying once: the
    evidence is that of the last turn, until a turn has brought more labels.
    """
    from twoloops.wiring.rebasing import rebase_tasks

    found = rebase_tasks(
        workspace,
        to,
        tasks or (),
        dry_run=dry_run,
        wait=wait,
        on_wait=terminal.told,
        on_task=lambda name: terminal.say(f"trying {to} on {name} …", err=True),
    )
    if json:
        terminal.emit({"base": to, "dry_run": dry_run, "tasks": found})
        return
    table = terminal.table("task", "before", "gain, points", "outcome", right=(2,))
    for one in found:
        gain = ""
        if one.gain is not None and one.interval is not None:
            half = 50 * (one.interval[1] - one.interval[0])
            gain = f"{100 * one.gain:+.1f} ± {half:.1f}"
        would = "would be " if dry_run and one.outcome == "released" else ""
        table.add_row(one.task, one.before or "nothing", gain, would + one.outcome)
    terminal.show(table)
    for one in found:
        terminal.say(f"{one.task}: {one.reason}")
    if not found:
        terminal.say("This workspace has no task yet.")
    if dry_run:
        terminal.say("Nothing was kept: leave out --dry-run to release what would be released.")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(rebase)

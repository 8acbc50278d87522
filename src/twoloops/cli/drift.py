"""`twoloops drift [TASK]`: whether inputs, decisions and errors are as they were."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.physical.drift.finding import Feature, Finding, Kind
    from twoloops.wiring.drift import Looked

SHOWN = 6
"""Features printed of a kind; all are in --json."""


def drift(
    task: str | None = typer.Argument(None, help="The task.  [default: all]"),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Look for drift: inputs, decisions and audit error against those the model was released on.

    One budget of false alarms holds for everything watched, every edge and every look together.
    A look may open a turn where the task says so: twoloops task set --drift-opens turn.
    """
    from twoloops.wiring.drift import drift_of

    found = drift_of(workspace, task, wait=wait, on_wait=terminal.told)
    if json:
        terminal.emit({"tasks": found})
        return
    for one in found:
        _print(one, workspace)
    if not found:
        terminal.say("This workspace has no task yet.")


def _print(one: "Looked", workspace: Path) -> None:
    terminal.say(f"{one.task}: {_verdict(one)}")
    if one.finding is None:
        return
    finding = one.finding
    for part in finding.parts:
        _print_kind(finding, part.kind)
    terminal.say(
        f"{terminal.items(finding.observations, 'observation')} since the release of turn "
        f"{finding.turn}; chance of any false alarm, over all looks at this release: "
        f"{finding.budget:g}."
    )
    if finding.unseen:
        terminal.say(f"Not tested alone, as the reference does not know it: {_edges(finding)}.")
    if one.opened is not None:
        terminal.say(f"Turn {one.opened} was opened. Go on with")
        terminal.command(options.going_on(workspace, f"turn {one.task}"))


def _verdict(one: "Looked") -> str:
    words = {"drift": "DRIFT", "none seen": "no drift seen", "unknown": "unknown"}
    return f"{words[one.verdict]}: {one.reason}."


def _edges(finding: "Finding") -> str:
    return ", ".join(finding.unseen)


def _print_kind(finding: "Finding", kind: "Kind") -> None:
    part = next(one for one in finding.parts if one.kind == kind)
    if part.unknown:
        terminal.say(f"{kind}: unknown, {part.unknown}.")
        return
    features = sorted((one for one in finding.features if one.kind == kind), key=lambda one: one.p)
    table = terminal.table(kind, "edge", "before", "since", "evidence", "", right=(2, 3, 4))
    for one in features[:SHOWN]:
        table.add_row(
            one.name,
            one.edge or "all",
            f"{one.before:.3g}",
            f"{one.after:.3g}",
            f"{one.evidence:.3g}",
            _said(one),
        )
    terminal.show(table)
    unit = "audit labels" if kind == "audit error" else "observations"
    blocks = f", averaged over up to {part.block}" if part.block > 1 else ""
    if part.left_out:
        blocks += f", {part.left_out} features not tested as their neighbours are alike too long"
    more = len(features) - SHOWN
    others = f"; {more} more features, none more telling" if more > 0 else ""
    terminal.say(f"{part.current:,} {unit} against {part.reference:,}{blocks}{others}.")


def _said(one: "Feature") -> str:
    if not one.alarm:
        return "as before"
    return "CHANGED" if one.at is None else f"CHANGED, seen after {one.at}"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(drift)

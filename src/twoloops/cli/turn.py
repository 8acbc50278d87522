"""`twoloops turn [TASK]`: advance the open turn as far as it goes."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.convergence.judging.stopping import Advice
    from twoloops.convergence.turns.state import TurnState, Waiting
    from twoloops.records.task import Task
    from twoloops.store.workspace import Store


def turn(
    task: str | None = typer.Argument(None, help="The task.  [default: the only one]"),
    empty: bool = typer.Option(
        False, "--empty", help="Open a turn though nothing came in, as to try a new base."
    ),
    audits_only: bool = typer.Option(
        False,
        "--audits-only",
        help="Do without the open turn's labels that only teach; audit labels are still asked for.",
    ),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Go on with the open turn, or open the next one, and say what it waits for.

    observe, select, label, freeze, choose base, specialise, verify, confirm, judge, release, roll
    out, publish back: each stage is done once and kept; killed anywhere, the turn goes on where
    it was.
    """
    from twoloops.convergence.turns.stopping import do_without
    from twoloops.convergence.turns.workspace_turn import current, go_on, nothing_new
    from twoloops.records.errors import UserError
    from twoloops.wiring.workspace import loop, writing

    with writing(workspace, wait=wait, on_wait=terminal.told) as store:
        chosen = options.task_of(store, task)
        if nothing_new(store, chosen.name) and not empty:
            raise UserError(
                f"nothing new came in for task {chosen.name!r} since its last turn: bring "
                "observations in with  twoloops ingest SOURCE , or open an empty turn with --empty"
            )
        two = loop(store, chosen)
        state, waiting = go_on(two, current(two))
        if audits_only and do_without(two, state):
            state, waiting = go_on(two, state)
        asking = _asking(store, two.task, state) if waiting is not None else None
    if json:
        terminal.emit(_record(chosen.name, state, waiting) | {"worth": asking})
        return
    _tell(chosen.name, state, waiting, workspace)
    if asking is not None:
        _advise(chosen.name, asking, workspace)


def _asking(store: "Store", task: "Task", state: "TurnState") -> "Advice | None":
    """Return what the labels are worth that a turn waits for and that only teach, if any."""
    from twoloops.physical.labelling.questions import open_questions
    from twoloops.wiring.worth import worth_of

    teach = [q for q in open_questions(store, task.name, state.number) if q.purpose == "selected"]
    return worth_of(store, task, labels=len(teach)).advice if teach and state.number else None


def _advise(task: str, advice: "Advice", workspace: Path) -> None:
    """Say what the labels asked for are worth, and how to do without where they are not."""
    from twoloops.cli.worth import sentence

    terminal.say(sentence(advice))
    if advice.verdict == "stop":
        terminal.say("Do without them with")
        terminal.command(options.going_on(workspace, f"turn {task} --audits-only"))


def _record(task: str, state: "TurnState", waiting: "Waiting | None") -> dict[str, Any]:
    return {
        "task": task,
        "turn": state.number,
        "stage": state.stage,
        "closed": state.stage == "closed",
        "waits_for": None if waiting is None else waiting.what,
        "released": state.released,
        "dataset": state.dataset,
        "reason": state.reason,
        "base_note": state.base_note,
    }


def _tell(task: str, state: "TurnState", waiting: "Waiting | None", workspace: Path) -> None:
    from twoloops.records.digests import short

    if waiting is not None:
        terminal.say(f"Turn {state.number} of {task!r} waits for {waiting.what}")
        return
    if state.released is None:
        terminal.say(f"Turn {state.number} of {task!r} is closed; nothing was released.")
    else:
        terminal.say(f"Turn {state.number} of {task!r} is closed.")
        terminal.say(f"Released: model {short(state.released)}.")
    terminal.say(f"Gate: {state.reason}.")
    if state.base_note:
        terminal.say(f"Bases: {state.base_note}.")
    terminal.say("Go on with")
    terminal.command(
        options.going_on(workspace, f"ingest SOURCE --task {task}"),
        options.going_on(workspace, "status"),
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(turn)

"""`twoloops teacher ask`: open questions to a teacher, within its terms and its money."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.physical.labelling.teaching.asking import Told
    from twoloops.physical.labelling.teaching.choosing import Chosen, Plan

JUDGES = (
    "These labels judge models: a teacher's mistakes then pass for the truth, and a model that "
    "makes the same mistakes looks right. Let people answer at least a part of them."
)
SEEDS = (
    "Labels of the seed judge the first releases by cross-validation: a teacher's mistakes pass "
    "for the truth there."
)
AGAIN = (
    "What is asked again may be paid for twice: nobody knows whether the first call was answered."
)


def ask(
    name: str = typer.Argument(help="Which teacher."),
    task: str | None = options.TASK,
    limit: int | None = typer.Option(None, min=1, help="Most questions."),
    money: str | None = typer.Option(
        None, metavar="AMOUNT", help="The most that this run may cost."
    ),
    purpose: Literal["selected", "all"] = typer.Option(
        "selected", help="Questions chosen to teach, or the seed's too."
    ),
    judges: bool = typer.Option(
        False, "--judges", help="Also questions whose labels judge models."
    ),
    again: bool = typer.Option(
        False, "--again", help="Also what it did not answer, and calls of unknown outcome."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Say what it may cost, and ask nothing."),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Ask a teacher the open turn's questions; what it cannot answer stays with people.

    Before a call is sent the most it may cost is put aside, so that the limit is never passed. A
    failed call costs nothing; one whose outcome nobody knows (the process was killed, no answer
    came in time) counts as paid until `twoloops teacher settle` says what it cost, and its items
    are not asked again unless --again is given.
    """
    from twoloops.physical.labelling.teaching.choosing import choose, plan
    from twoloops.records.errors import TransientError, UserError
    from twoloops.wiring import teachers
    from twoloops.wiring.workspace import now, reading, writing

    opening = (
        reading(workspace) if dry_run else writing(workspace, wait=wait, on_wait=terminal.told)
    )
    with opening as store:
        chosen_task = options.task_of(store, task)
        teacher = teachers.may_be_asked(store, name, chosen_task)
        room = _money(money, chosen_task.costs.label.currency)
        turn = teachers.open_turn(store, chosen_task)
        if turn is None:
            raise UserError(
                f"no turn of task {chosen_task.name!r} is open, so nothing is asked:  twoloops "
                f"turn {chosen_task.name}  opens the next one"
            )
        chosen = choose(
            store,
            chosen_task.name,
            teacher,
            at=now(),
            turn=turn,
            purposes=teachers.purposes(purpose, judges=judges),
            again=again,
            limit=limit,
        )
        planned = plan(store, chosen_task, teacher, chosen.questions)
        for said, warned in ((judges, JUDGES), (purpose == "all", SEEDS), (again, AGAIN)):
            if said:
                terminal.say(warned, err=True)
        if dry_run:
            _print_plan(planned, chosen, json=json)
            return
        told = teachers.ask(
            store,
            chosen_task,
            teacher,
            chosen.questions,
            money=room,
            heard=lambda call: terminal.say(
                f"{call.state}: {len(call.items)} items, {call.paid} …", err=True
            ),
        )
    _print(told, chosen, name, workspace, json=json)
    if told.stopped and told.passing:
        raise TransientError(told.stopped)
    if told.stopped:
        raise UserError(told.stopped)


def _money(money: str | None, currency: str) -> Any:
    from twoloops.cli.costs import amount
    from twoloops.records.money import Money

    return None if money is None else Money(amount("--money", money), currency)


def _print_plan(planned: "Plan", chosen: "Chosen", *, json: bool) -> None:
    if json:
        terminal.emit({"plan": planned, "left": chosen.left})
        return
    terminal.say(
        f"{planned.items:,} questions in {planned.calls:,} calls, at most {planned.read:,} tokens "
        f"read and {planned.written:,} written: at most {planned.most}."
    )
    terminal.say("What is left out of a batch is asked once more, alone, at its own price.")
    if planned.available is not None:
        terminal.say(f"{planned.available} is left of the teacher's limit.")
    _print_left(chosen)


def _print(told: "Told", chosen: "Chosen", name: str, workspace: Path, *, json: bool) -> None:
    if json:
        terminal.emit({"told": told, "left": chosen.left})
        return
    terminal.say(
        f"{told.asked:,} questions: {told.answered:,} answered in {told.calls:,} calls "
        f"({told.failed:,} failed), for {told.paid}."
    )
    for why, count in sorted(told.people.items(), key=lambda pair: (-pair[1], pair[0])):
        terminal.say(f"  {count:,} left to people: {why}")
    if told.unknown:
        terminal.say(
            f"  {told.unknown:,} are in calls whose outcome nobody knows; they count as paid, "
            f"{told.held} in all: see"
        )
        terminal.command(options.going_on(workspace, f"teacher show {name}"))
    if told.unasked:
        terminal.say(f"  {told.unasked:,} were not asked.")
    _print_left(chosen)


def _print_left(chosen: "Chosen") -> None:
    for why, count in sorted(chosen.left.items()):
        terminal.say(f"  {count:,} other open questions: {why}")
    if any("people" in why for why in chosen.left):
        terminal.say("  (--purpose all asks the teacher those as well)")

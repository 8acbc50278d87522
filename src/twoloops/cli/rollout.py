"""`twoloops rollout …`: how releases go out to the edges, and who stops them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.convergence.rollouts.plan import Least, Plan
    from twoloops.store.workspace import Store
    from twoloops.wiring.rollouts import RolloutStanding

rollouts = typer.Typer(
    no_args_is_help=True,
    help="How releases go out to the edges: shadow, canary, waves, judged on quality.",
)
WHY = typer.Option(..., "--why", metavar="TEXT", help="Why; goes on record.")
BY: Any = typer.Option(
    None, "--by", metavar="NAME", help="Who says so; goes on record.  [default: the login's name]"
)


@rollouts.command()
def status(
    workspace: Path = options.WORKSPACE,
    task: str | None = options.TASK,
    json: bool = options.JSON,
) -> None:
    """Show each task's last roll-out: its stage, its evidence, what it waits for, what it did."""
    from twoloops.wiring.rollouts import standing
    from twoloops.wiring.workspace import reading

    with reading(workspace) as store:
        if task is not None:
            store.tasks.get(task)
        found = [one for one in standing(store) if task in (None, one.task)]
    if json:
        terminal.emit({"rollouts": found})
        return
    for one in found:
        _print(one)
    if not found:
        terminal.say(
            "Nothing was rolled out yet: a release goes out by itself once edges are enrolled and "
            "run an earlier one."
        )


@rollouts.command()
def start(
    model: str = typer.Argument(help="The first digits of a model's digest, or deployed."),
    why: str = WHY,
    by: str | None = BY,
    workspace: Path = options.WORKSPACE,
    task: str | None = options.TASK,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Roll a release out, also one that was withdrawn or is older than the one in force.

    It is put in force on the server, and goes out to the edges by the task's plan. A release of
    the gate needs no start.
    """
    from twoloops.wiring import exporting
    from twoloops.wiring import rollouts as wired
    from twoloops.wiring.workspace import now, writing

    with writing(workspace, wait=wait, on_wait=terminal.told) as store:
        chosen = options.task_of(store, task) if task or model == "deployed" else None
        found = exporting.find(store, model, chosen)
        wired.start(workspace, store, found.task, found.digest, why, now(), _by(by))
        done = wired.of_task(store, found.task)
    _said(done, json)


@rollouts.command()
def pause(
    why: str = WHY,
    by: str | None = BY,
    workspace: Path = options.WORKSPACE,
    task: str | None = options.TASK,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Open no further stage until resumed; error conditions still roll the release back."""
    from twoloops.wiring import rollouts as wired
    from twoloops.wiring.workspace import now

    with _changing(workspace, task, wait, json) as (store, name):
        wired.pause(store, name, why, now(), _by(by))


@rollouts.command()
def resume(
    why: str = WHY,
    by: str | None = BY,
    workspace: Path = options.WORKSPACE,
    task: str | None = options.TASK,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Go on with a paused roll-out."""
    from twoloops.wiring import rollouts as wired
    from twoloops.wiring.workspace import now

    with _changing(workspace, task, wait, json) as (store, name):
        wired.resume(store, name, why, now(), _by(by))


@rollouts.command()
def abort(
    why: str = WHY,
    by: str | None = BY,
    workspace: Path = options.WORKSPACE,
    task: str | None = options.TASK,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """End a roll-out: every touched group goes back, and the release is withdrawn."""
    from twoloops.wiring import rollouts as wired
    from twoloops.wiring.workspace import now

    with _changing(workspace, task, wait, json) as (store, name):
        wired.abort(workspace, store, name, why, now(), _by(by))


@rollouts.command()
def plan(
    task: str | None = typer.Argument(None, help="The task.  [default: the workspace's only one]"),
    file: Path | None = typer.Option(
        None, "--set", metavar="FILE", help="Roll-outs that open from now on follow this plan."
    ),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Show a task's plan of roll-outs, or set it from a file of JSON.

    A plan without stages lets every release go to every edge at once.
    """
    from twoloops.wiring.rollout_plan import keep_plan, plan_of, read_plan
    from twoloops.wiring.workspace import reading, writing

    if file is None:
        with reading(workspace) as store:
            name = options.task_of(store, task).name
            found = plan_of(store, name)
    else:
        given = read_plan(_bytes(file))
        with writing(workspace, wait=wait, on_wait=terminal.told) as store:
            name = options.task_of(store, task).name
            keep_plan(store, name, given)
            found = plan_of(store, name)
    if json:
        terminal.emit(found)
    else:
        _print_plan(name, found, workspace)


@contextmanager
def _changing(
    workspace: Path, task: str | None, wait: float, json: bool
) -> "Iterator[tuple[Store, str]]":
    """Hold the workspace; yields its store and the task's name, and says how it stands after."""
    from twoloops.wiring.rollouts import of_task
    from twoloops.wiring.workspace import writing

    with writing(workspace, wait=wait, on_wait=terminal.told) as store:
        name = options.task_of(store, task).name
        yield store, name
        done = of_task(store, name)
    _said(done, json)


def _by(name: str | None) -> str:
    """Return who says so: as named, or the login, where it has a name."""
    import getpass

    if name is not None:
        return name.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _bytes(file: Path) -> bytes:
    from twoloops.records.errors import UserError

    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}; name a file of JSON") from error


def _said(one: "RolloutStanding", json: bool) -> None:
    if json:
        terminal.emit(one)
    else:
        _print(one)


def _print(one: "RolloutStanding") -> None:
    from twoloops.records.digests import short

    before = "none" if one.before is None else short(one.before)
    table = terminal.table(f"{one.task}, roll-out {one.number}", "")
    table.add_row("model", f"{short(one.model)}, of turn {one.turn}, after {before}")
    table.add_row("stands", line(one))
    if one.kind is not None:
        judged = one.judged
        table.add_row("groups", ", ".join(one.groups))
        table.add_row(
            "seen",
            f"{judged.decisions:,} decisions; {judged.differed:,} of {judged.paired:,} decided "
            f"otherwise than before; {judged.labels:,} audit labels ({judged.lost} lost, "
            f"{judged.won} won)",
        )
        for found in judged.findings:
            word = "STOPS" if found.breached else "holds"
            table.add_row(found.condition, f"{word}: {found.detail}")
    terminal.show(table)
    for move in one.moves:
        terminal.say(f"{move.at:%Y-%m-%d %H:%M} {move.what}: {move.why}{_who(move.by)}")
    print()


def line(one: "RolloutStanding") -> str:
    """Say in a few words how a roll-out stands."""
    where = f"{one.status}, stage {one.stage} of {one.stages}"
    if one.kind is not None:
        where += f" ({one.kind})"
    rest = (
        f"{one.why}{_who(one.by)}" if one.why else (f"waits for {one.waits}" if one.waits else "")
    )
    return f"{where}: {rest}" if rest else where


def _who(by: str) -> str:
    return f" ({by})" if by else ""


def _least(least: "Least") -> str:
    inputs = f"{least.decisions:,} inputs"
    if least.few_hours is not None and least.few < least.decisions:
        inputs += f", or {least.few:,} after {least.few_hours:g} h"
    labels = f"{least.labels} labels" if least.labels else f"no label: {least.no_labels}"
    return "\n".join((f"{least.hours:g} h", inputs, labels))


def _print_plan(task: str, plan: "Plan", workspace: Path) -> None:
    if not plan.stages:
        terminal.say(f"Releases of task {task!r} go to every edge at once: its plan has no stage.")
        return
    table = terminal.table("stage", "groups", "at least", "errors", "differ", "late")
    for one in plan.stages:
        least = one.least
        share = f"gate's + {100 * one.disagreement_margin:g}"
        table.add_row(
            one.kind,
            ", ".join(one.groups),
            _least(least),
            f"+ {100 * one.error_margin:g} pts",
            f"{share} %" if one.disagreement is None else f"{100 * one.disagreement:g} %",
            f"{100 * one.health.late:g} %",
        )
    terminal.show(table)
    terminal.say(
        f"A release that keeps these rates is stopped by chance at most {100 * plan.alpha:g} times "
        "in 100, over the whole roll-out. Change the plan with"
    )
    words = options.going_on(workspace, f"rollout plan {task}")
    terminal.command(f"{words} --json > plan.json", f"{words} --set plan.json")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(rollouts, name="rollout")

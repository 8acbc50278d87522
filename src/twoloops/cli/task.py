"""`twoloops task`: the decisions that the workspace's small models make."""

from pathlib import Path
from typing import Literal

import typer

from twoloops.cli import options, task_labelling, task_set, terminal

tasks = typer.Typer(
    name="task",
    help="Add tasks, show and change them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
tasks.command()(task_labelling.labelling)

_OPENS = {"never": "nothing", "turn": "a turn", "rebase": "a turn that tries other bases too"}


@tasks.command()
def add(
    context: typer.Context,
    name: str = typer.Argument(help="The task's name: letters, digits, - _ and ."),
    kind: Literal["text", "signal", "image"] = typer.Option(help="The kind of input."),
    labels: str = typer.Option(metavar="A,B,C", help="Every label, separated by commas."),
    normal: str | None = typer.Option(
        None, help="The label that is no fault; without it detection rates do not exist."
    ),
    shape: str | None = typer.Option(
        None, metavar="CHANNELS,SAMPLES", help="Of one window; signals need it."
    ),
    escape_cost: str | None = typer.Option(None, help="What a missed fault costs.  [default: 1]"),
    false_reject_cost: str | None = typer.Option(
        None, help="What a false reject costs.  [default: 1]"
    ),
    label_cost: str | None = typer.Option(None, help="What a label costs.  [default: 1]"),
    currency: str | None = typer.Option(None, help="Of the costs, as EUR.  [default: USD]"),
    max_false_reject_rate: float | None = typer.Option(
        None, min=0, max=1, help="Limit kept by the threshold.  [default: 0.03 with --normal]"
    ),
    latency_budget_ms: float = typer.Option(250.0, min=0, help="Longest verdict time, p99."),
    labels_per_turn: int = typer.Option(40, min=1, help="Labels asked for in a turn."),
    seed_labels: int = typer.Option(90, min=1, help="Labels asked for in the first turn."),
    seed: int = typer.Option(0, min=0, help="Of every random choice."),
    rebase_on: Literal["offers", "failures"] = typer.Option(
        "offers", help="Try another base whenever one is offered, or only while a slice fails."
    ),
    stop_when_worthless: bool = typer.Option(
        False,
        "--stop-when-worthless",
        help="Ask for audit labels only while further labels are worth less than they cost.",
    ),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
) -> None:
    """Add a task: single-label classification of texts, signals or images."""
    from twoloops.cli.costs import costs_of
    from twoloops.convergence.turns.policy import Policy
    from twoloops.convergence.turns.workspace_turn import keep_policy
    from twoloops.records.errors import UserError
    from twoloops.records.task import Costs, Task
    from twoloops.wiring.workspace import writing

    _check_name(name)
    rate = 0.03 if normal is not None and max_false_reject_rate is None else max_false_reject_rate
    task = Task(
        name=name,
        kind=kind,
        labels=_labels(labels),
        normal=normal,
        costs=costs_of(context.params, Costs()),
        max_false_reject_rate=rate,
        shape=_shape(kind, shape),
        latency_budget_ms=latency_budget_ms,
    )
    policy = Policy(
        labels_per_turn=labels_per_turn,
        seed_labels=seed_labels,
        seed=seed,
        rebase=rebase_on,
        stop_when_worthless=stop_when_worthless,
    )
    with writing(workspace, wait=wait, on_wait=terminal.told) as store, store.transaction():
        if store.tasks.find(name) is not None:
            raise UserError(f"task {name!r} is there already: see  twoloops task show {name}")
        store.tasks.put(task)
        keep_policy(store, name, policy)
    terminal.say(f"Added task {name!r}. Bring observations in with")
    terminal.command(options.going_on(workspace, f"ingest SOURCE --task {name}"))


@tasks.command()
def show(
    name: str | None = typer.Argument(None, help="One task only."),
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Show the tasks and the policy of their turns."""
    from twoloops.convergence.turns.workspace_turn import policy_of
    from twoloops.wiring.workspace import reading

    with reading(workspace) as store:
        found = store.tasks.all() if name is None else [store.tasks.get(name)]
        policies = {task.name: policy_of(store, task.name) for task in found}
    if json:
        terminal.emit({"tasks": [{"task": task, "policy": policies[task.name]} for task in found]})
        return
    if not found:
        terminal.say("No task yet. Add one with")
        terminal.command(
            options.going_on(workspace, "task add NAME --kind text --labels A,B --normal A")
        )
    for task in found:
        policy = policies[task.name]
        rows = {
            "kind": task.kind if task.shape is None else f"{task.kind} {task.shape}",
            "labels": ", ".join(task.labels),
            "normal": task.normal or "none named",
            "escape costs": str(task.costs.escape),
            "false reject costs": str(task.costs.false_reject),
            "label costs": str(task.costs.label),
            "false-reject limit": (
                "none" if task.max_false_reject_rate is None else f"{task.max_false_reject_rate:g}"
            ),
            "latency budget": f"{task.latency_budget_ms:g} ms",
            "other bases are tried": (
                "as they are offered" if policy.rebase == "offers" else "while a slice fails"
            ),
            "labels a turn": f"{policy.labels_per_turn}, {policy.seed_labels} in the first",
            "labels worth less than they cost": (
                "are not asked for" if policy.stop_when_worthless else "are asked for all the same"
            ),
        }
        rows["an alarm about drift opens"] = (
            f"{_OPENS[policy.drift_opens]} (budget of false alarms: {policy.drift_budget:g})"
        )
        table = terminal.table(task.name, "")
        for key, value in rows.items():
            table.add_row(key, value)
        terminal.show(table)


def _check_name(name: str) -> None:
    import re

    from twoloops.records.errors import UserError

    if not re.fullmatch(r"[\w][\w.-]*", name):
        raise UserError(f"a task's name is made of letters, digits, - _ and . only: got {name!r}")


def _labels(words: str) -> tuple[str, ...]:
    from twoloops.records.errors import UserError

    labels = tuple(sorted({word.strip() for word in words.split(",") if word.strip()}))
    if len(labels) < 2:
        raise UserError(f"a task needs at least two labels, as --labels ok,crack: got {words!r}")
    return labels


def _shape(kind: str, words: str | None) -> tuple[int, int] | None:
    from twoloops.records.errors import UserError

    if kind != "signal":
        if words is not None:
            raise UserError(f"--shape is for signals only, and this task is of kind {kind}")
        return None
    parts = (words or "").split(",")
    if len(parts) != 2 or not all(part.strip().isdigit() and int(part) > 0 for part in parts):
        raise UserError(
            f"a signal needs --shape CHANNELS,SAMPLES, as 3,500: got {words or 'nothing'}"
        )
    return int(parts[0]), int(parts[1])


def register(app: typer.Typer) -> None:
    """Add the commands."""
    task_set.register(tasks)
    app.add_typer(tasks)

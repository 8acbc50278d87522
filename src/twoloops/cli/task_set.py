"""`twoloops task set`: change what a task's mistakes and labels cost, and how its turns ask."""

from pathlib import Path
from typing import Literal

import typer

from twoloops.cli import options, terminal


def change(
    context: typer.Context,
    name: str | None = typer.Argument(None, help="The task.  [default: the only one]"),
    escape_cost: str | None = typer.Option(None, help="What a missed fault costs."),
    false_reject_cost: str | None = typer.Option(None, help="What a false reject costs."),
    label_cost: str | None = typer.Option(None, help="What a label costs."),
    currency: str | None = typer.Option(None, help="Of the costs, as EUR."),
    labels_per_turn: int | None = typer.Option(None, min=1, help="Labels asked for in a turn."),
    stop_when_worthless: bool | None = typer.Option(
        None,
        "--stop-when-worthless/--never-stop",
        help="Ask for audit labels only while further labels are worth less than they cost.",
    ),
    drift_opens: Literal["never", "turn", "rebase"] | None = typer.Option(
        None, help="What an alarm about drift opens: a turn, or one that tries other bases too."
    ),
    drift_budget: float | None = typer.Option(
        None, min=0, max=1, help="Chance that a release is ever alarmed about without drift."
    ),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
) -> None:
    """Change a task's costs and the labels of its turns; what is not named stays.

    Costs move the threshold of models made from now on; a deployed model keeps its own.
    """
    from msgspec.structs import replace

    from twoloops.cli.costs import costs_of
    from twoloops.convergence.turns.workspace_turn import keep_policy, policy_of
    from twoloops.records.errors import UserError
    from twoloops.wiring.workspace import writing

    asked = {
        "labels_per_turn": labels_per_turn,
        "stop_when_worthless": stop_when_worthless,
        "drift_opens": drift_opens,
        "drift_budget": drift_budget,
    }
    settings = {key: value for key, value in asked.items() if value is not None}
    money = (escape_cost, false_reject_cost, label_cost, currency)
    if not settings and not any(word is not None for word in money):
        raise UserError(
            "nothing to change: name a cost, --labels-per-turn, --stop-when-worthless, "
            "--drift-opens or --drift-budget; "
            "twoloops task show  says what holds now"
        )
    with writing(workspace, wait=wait, on_wait=terminal.told) as store, store.transaction():
        task = options.task_of(store, name)
        costs = costs_of(context.params, task.costs)
        paid = {fact.cost.currency for fact in store.journal.facts(task.name) if fact.cost}
        if costs.label.currency != task.costs.label.currency and paid - {costs.label.currency}:
            raise UserError(
                f"--currency {costs.label.currency}: labels of task {task.name!r} were paid in "
                f"{', '.join(sorted(paid))} already, and sums in two currencies are never added: "
                f"keep {task.costs.label.currency}, or begin anew in another workspace with  "
                f"twoloops task add NAME --currency {costs.label.currency}"
            )
        store.tasks.put(replace(task, costs=costs))
        keep_policy(store, task.name, replace(policy_of(store, task.name), **settings))
    terminal.say(f"Changed task {task.name!r}. See it with")
    terminal.command(options.going_on(workspace, f"task show {task.name}"))


def register(tasks: typer.Typer) -> None:
    """Add the command to its noun."""
    tasks.command("set")(change)

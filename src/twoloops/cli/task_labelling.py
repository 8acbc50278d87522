"""`twoloops task labelling NAME`: how a task's questions are asked of people."""

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.physical.labelling.policy import LabellingPolicy


def labelling(
    name: str = typer.Argument(help="The task."),
    labels_per_item: int | None = typer.Option(
        None, min=1, max=99, help="Labels wanted of a question, by different people.  [default: 1]"
    ),
    labels_per_judge: int | None = typer.Option(
        None, min=1, max=99, help="The same where the label judges models.  [default: 1]"
    ),
    passes: int | None = typer.Option(
        None, min=1, max=99, help='"Can\'t tell" by so many closes a question.  [default: 1]'
    ),
    second_looks: int | None = typer.Option(
        None, min=0, help="Suspected errors of a turn sent back to be looked at.  [default: 0]"
    ),
    opinion: Literal["asked", "shown"] | None = typer.Option(
        None, help="What the model says: on demand, or at once.  [default: asked]"
    ),
    hourly_rate: str | None = typer.Option(
        None,
        metavar="AMOUNT",
        help="What an hour of labelling costs, in the task's currency; 'none' goes back to the "
        "price of a label.",
    ),
    lease_minutes: float | None = typer.Option(
        None, help="How long an item before one person is kept from others.  [default: 10]"
    ),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Show how a task's questions are asked of people, or change it.

    What is not named stays as it is. A change holds for every question that is open.
    """
    from msgspec.structs import replace

    from twoloops.physical.labelling.policy import keep_labelling, labelling_of
    from twoloops.wiring.workspace import reading, writing

    asked = {
        "per_item": labels_per_item,
        "per_judge": labels_per_judge,
        "passes": passes,
        "second_looks": second_looks,
        "opinion": opinion,
        "lease_minutes": lease_minutes,
    }
    changed: dict[str, Any] = {key: value for key, value in asked.items() if value is not None}
    with reading(workspace) as store:
        task = store.tasks.get(name)
        policy = labelling_of(store, name)
    if hourly_rate is not None:
        changed["hourly_rate"] = _rate(hourly_rate, task.costs.label.currency)
    if changed:
        with writing(workspace, wait=wait, on_wait=terminal.told) as store, store.transaction():
            policy = replace(labelling_of(store, name), **changed)
            keep_labelling(store, name, policy)
    if json:
        terminal.emit({"task": name, "labelling": policy})
        return
    _show(name, policy, str(task.costs.label))


def _show(name: str, policy: "LabellingPolicy", flat: str) -> None:
    rate = policy.hourly_rate
    rows = {
        "labels a question": f"{policy.per_item}, {policy.per_judge} where it judges models",
        "closed by can't tell": f"of {policy.passes}",
        "second looks a turn": str(policy.second_looks),
        "the model's opinion": "shown at once" if policy.opinion == "shown" else "when asked for",
        "a label costs": flat if rate is None else f"its time, at {rate} an hour",
        "kept from others for": f"{policy.lease_minutes:g} minutes",
    }
    table = terminal.table(name, "")
    for key, value in rows.items():
        table.add_row(key, value)
    terminal.show(table)


def _rate(word: str, currency: str) -> Any:
    from decimal import InvalidOperation

    from twoloops.records.errors import UserError
    from twoloops.records.money import Money

    if word == "none":
        return None
    try:
        amount = Decimal(word)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or amount < 0:
        raise UserError(
            f"--hourly-rate is an amount of money, 0 or more, as 36, or none: got {word!r}"
        )
    return Money(amount, currency)

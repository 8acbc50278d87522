"""`twoloops worth [TASK]`: what the next labels are worth, in money."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.convergence.judging.stopping import Advice
    from twoloops.wiring.worth import Worth


def worth(
    task: str | None = typer.Argument(None, help="The task.  [default: the only one]"),
    labels: int | None = typer.Option(
        None, min=1, metavar="N", help="Labels the verdict speaks of.  [default: a turn's]"
    ),
    horizon: float | None = typer.Option(
        None,
        min=1,
        metavar="N",
        help="Observations the next model is used for.  [default: what the next 4 turns bring]",
    ),
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Say what the next labels are worth: escapes and false rejects avoided, less their price.

    From the audit labels of the turns so far: what mistakes cost per observation falls with the
    labels bought, and goes on to. Unknown where there are too few turns or faults.
    """
    from twoloops.wiring.workspace import reading
    from twoloops.wiring.worth import worth_of

    with reading(workspace) as store:
        of = options.task_of(store, task)
        found = worth_of(store, of, labels=labels, horizon=horizon)
        # What was paid stays in its currency: `task set` refuses another one from then on.
        paid = any(fact.cost for fact in store.journal.facts(of.name))
    if json:
        terminal.emit(found)
        return
    _print(found)
    if not found.priced:
        terminal.command(
            options.going_on(
                workspace,
                f"task set {found.task} --escape-cost 100 --false-reject-cost 5 "
                f"--label-cost 1 --currency {of.costs.label.currency if paid else 'EUR'}",
            )
        )


def sentence(advice: "Advice") -> str:
    """Return verdict and reason in one sentence."""
    if advice.verdict == "unknown":
        return f"What the next {advice.labels} labels are worth is unknown: {advice.reason}."
    return f"{advice.verdict}: {advice.reason}"


def unpriced(unit: str) -> str:
    """Say what amounts are in where no cost was ever set."""
    return f"in units of one label ({unit}), as the task's costs were never set"


def _print(found: "Worth") -> None:
    from twoloops.convergence.judging.stopping import amount

    advice = found.advice
    if advice.batches:
        table = terminal.table(
            "next labels", "saves", "seen, 95 %", "costs", "pays on average", right=(0, 1, 2, 3)
        )
        for one in advice.batches:
            low, high = map(amount, one.interval)
            table.add_row(
                str(one.labels),
                amount(one.saving),
                f"{low} to {high}",
                amount(one.cost),
                f"{'worth it' if one.pays else 'stop'} (chance {one.chance:.2f})",
            )
        terminal.show(table)
        terminal.say(f"In {found.unit}." if found.priced else "")
    terminal.say(f"{sentence(advice)}")
    if advice.sceptic is not None:
        again = advice.sceptic.last_gain_again
        said = "not known" if again is None else f"{amount(again)} {found.unit}"
        terminal.say(
            f"A sceptic's guesses for the same {terminal.items(advice.labels, 'label')}: the last "
            f"gain again saves {said}; no gain saves nothing."
        )
        terminal.say(_flattens(found))
    terminal.say(
        f"{terminal.items(found.bought, 'label is', 'labels are')} bought, the deployed model "
        f"learned from {found.learned:,}; {found.releases} of {found.turns} turns after the "
        "first released. The horizon of "
        f"{advice.horizon:,.0f} observations is {found.horizon_is}."
    )
    if not found.priced:
        terminal.say(f"Amounts are {unpriced(found.unit)}. Set them, as with")


def _flattens(found: "Worth") -> str:
    at = found.advice.flattens_at
    if at is None:
        return "The curve goes on to save more than a label costs for as far as is looked."
    if at <= found.bought:
        return "The curve is flat: from here on, one more label saves less than it costs."
    return f"The curve flattens at {at:,} labels: from there, one more saves less than it costs."


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(worth)

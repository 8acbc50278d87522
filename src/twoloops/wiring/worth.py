"""What a task's next labels are worth: figures only, for the command line and the pages."""

import msgspec

from twoloops.convergence.judging.stopping import Advice
from twoloops.convergence.judging.worth import Point, Prices
from twoloops.convergence.turns.valuing import HORIZON_TURNS, advise_on, basis_of, unit_of
from twoloops.convergence.turns.workspace_turn import policy_of
from twoloops.records.errors import UserError
from twoloops.records.task import Costs, Task
from twoloops.store.workspace import Store


class Measured(msgspec.Struct, frozen=True):
    """A point beside the curve: what mistakes cost per observation, by one turn's audit labels."""

    turn: int
    labels: int
    audit_labels: int
    cost: float


class Worth(msgspec.Struct, frozen=True, kw_only=True):
    """What a task's next labels are worth, with what it stands on.

    Args:
        task: Its name.
        advice: Verdict, reason, the batches priced, and the fitted curve by labels.
        unit: What amounts are in: the currency, or `labels` where no cost was ever set.
        priced: Whether the task's costs were set; 1 each is nobody's money.
        prices: What an escape, a false reject and a label cost.
        bought: Labels bought so far.
        learned: Those that the deployed model has learned from.
        turns: Closed turns after the first.
        releases: How many of them released a model.
        per_turn: Observations that a turn brings, kept or not.
        horizon_is: Where the horizon comes from, in words.
        points: What the curve is fitted to, one for each turn and deployed model.
    """

    task: str
    advice: Advice
    unit: str
    priced: bool
    prices: Prices
    bought: int
    learned: int
    turns: int
    releases: int
    per_turn: float
    horizon_is: str
    points: tuple[Measured, ...]


def worth_of(
    store: Store, task: Task, *, labels: int | None = None, horizon: float | None = None
) -> Worth:
    """Say what a task's next labels are worth.

    Args:
        store: A workspace, only read.
        task: One of its tasks.
        labels: How many the verdict speaks of; `None` for the budget of a turn.
        horizon: Observations over which the next model is used; `None` for what
            `HORIZON_TURNS` turns bring at the present rate.

    Raises:
        UserError: Labels or horizon are not above 0.
    """
    for name, value in (("--labels", labels), ("--horizon", horizon)):
        if value is not None and not 0 < value <= 1e12:
            raise UserError(f"{name} must be above 0 and at most 1e12: got {value:g}")
    basis = basis_of(store, task)
    count = labels or policy_of(store, task.name).labels_per_turn or 1
    if horizon is None:
        said = f"what {HORIZON_TURNS} turns bring at the present rate"
    else:
        said = "as asked for"
    return Worth(
        task=task.name,
        advice=advise_on(basis, task, count, horizon),
        unit=unit_of(task),
        priced=task.costs != Costs(),
        prices=basis.prices,
        bought=basis.bought,
        learned=basis.learned,
        turns=basis.turns,
        releases=basis.releases,
        per_turn=basis.per_turn,
        horizon_is=said,
        points=tuple(_measured(one, basis.prices) for one in basis.points),
    )


def _measured(one: Point, prices: Prices) -> Measured:
    cost = one.escapes * prices.escape + one.false_rejects * prices.false_reject
    return Measured(one.turn, one.learned, one.labels, cost)

"""What the labels of a task have bought so far: its first release beside the one in force."""

import msgspec

from twoloops.convergence.judging.evaluate import Estimates
from twoloops.records.money import Sums, or_nothing
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring.status import estimates_of


class Bought(msgspec.Struct, frozen=True):
    """Labels, money, and the estimates before and now.

    Each model is estimated from the audit labels of what it decided itself, so the two stand on
    different observations: their intervals say how much of the difference may be chance.

    Args:
        labels: Labels given to the task's observations, whatever they cost.
        cost: What they cost, by currency.
        releases: Models that were released.
        first: The first release; `None` where there is none, or it is the one in force.
        now: The release in force; `None` where there is none.
    """

    labels: int
    cost: Sums
    releases: int
    first: Estimates | None
    now: Estimates | None


def bought(store: Store, task: Task) -> Bought:
    """Return what a task's labels have bought so far."""
    releases = store.releases.all(task.name)
    deployed = store.releases.deployed(task.name)
    cost = or_nothing(store.journal.spent(task.name, "labels paid"), task.costs.label.currency)
    first = None
    if deployed is not None and releases[0].model != deployed.model:
        first = estimates_of(store, task, releases[0].model)
    now = None if deployed is None else estimates_of(store, task, deployed.model)
    return Bought(store.labels.count(task.name), cost, len(releases), first, now)


def told(found: Bought) -> str:
    """Say it in a line; what is unknown stays unknown.

    >>> from decimal import Decimal
    >>> from twoloops.records.money import Money
    >>> cost = (Money(Decimal(12), "EUR"), Money(Decimal(3), "USD"))
    >>> told(Bought(12, cost, 0, None, None))
    '12 labels for 12.00 EUR and 3.00 USD; no model is released yet'
    """
    labels = f"{found.labels:,} {'label' if found.labels == 1 else 'labels'} for "
    labels += " and ".join(f"{one.amount:,.2f} {one.currency}" for one in found.cost)
    if found.now is None:
        return f"{labels}; no model is released yet"
    parts = [labels, _rate("right", found, "accuracy")]
    if found.now.escape_rate is not None:
        parts.append(_rate("faults missed", found, "escape_rate"))
    return "; ".join(parts)


def _rate(name: str, found: Bought, of: str) -> str:
    if found.first is None:
        return f"{name}: {_share(found.now, of)} by the only release"
    return f"{name}: {_share(found.first, of)} by the first release, {_share(found.now, of)} now"


def _share(estimates: Estimates | None, of: str) -> str:
    one = getattr(estimates, of, None)
    if one is None or one.value is None or one.interval is None:
        return "unknown"
    low, high = one.interval
    return f"{100 * one.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"

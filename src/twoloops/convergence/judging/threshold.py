"""The threshold on the probability of any fault: from costs, kept within the false-reject limit.

On calibrated probabilities calling an item a fault costs (1 − p) · false reject and passing it
costs p · escape, so that the cheapest rule calls a fault where p > t with
t = false reject / (false reject + escape) (Elkan, "The foundations of cost-sensitive learning",
2001). A limit on the false-reject rate can only raise that threshold. The rate at a threshold is
estimated from past data alone, and from two sources pooled:

- labels: share of the normal judging items with out-of-fold p > t (few, but true);
- all observations, labelled or not: Σ (1 − p) 1[p > t] / Σ (1 − p) (many, but as good as the
  calibration); together they count as at most `POPULATION` labels.

With few labels the model's own word decides, with many the labels do. `docs/gate-statistics.md`
has what the alternatives (either alone, the stricter of both) did on the work orders.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twoloops.records.errors import UserError
from twoloops.records.task import Costs

Floats = NDArray[np.float64]

POPULATION = 300.0
"""How many normal labels the model's word on all observations counts for, at most."""


@dataclass(frozen=True)
class Choice:
    """A threshold and how it was chosen.

    Attributes:
        threshold: An item is called a fault where its probability of any fault is above this.
        reason: One sentence with figures.
        estimated: The pooled estimate of the false-reject rate at the threshold, or `None` where
            nothing could be estimated.
    """

    threshold: float
    reason: str
    estimated: float | None


def choose(
    p_fault: ArrayLike,
    is_fault: ArrayLike,
    weights: ArrayLike | None,
    costs: Costs,
    max_false_reject_rate: float | None,
    *,
    population: ArrayLike | None = None,
    population_weights: ArrayLike | None = None,
) -> Choice:
    """Choose the threshold on P(any fault).

    Args:
        p_fault: Out-of-fold probabilities of the judging items, (n,).
        is_fault: Whether each is a fault, (n,).
        weights: Of the judging items, (n,), relative within their turn (see
            `gate.relative_weights`: across turns of very different volume a few labels would
            otherwise outweigh all others); `None` for equal ones.
        costs: What an escape and a false reject cost, in one currency.
        max_false_reject_rate: The limit in [0, 1], or `None`.
        population: Probabilities of all past observations at hand, (m,), out of fold where the
            model learned from them.
        population_weights: 1 / capture probability of each, (m,), or `None`.

    Returns:
        The threshold in [0, 1] with its reason. The limit is checked only where it allows at
        least one false reject among the pooled items: below that they cannot tell.
    """
    start = from_costs(costs)
    why = f"costs alone ask for {start:.3g}"
    if max_false_reject_rate is None:
        return Choice(start, f"threshold {start:.3g}: {why}, and there is no limit", None)
    scores, mass = _pool(p_fault, is_fault, weights, population, population_weights)
    if mass.sum() * max_false_reject_rate < 1:
        return Choice(
            start, f"threshold {start:.3g}: {why}, too little evidence to check the limit", None
        )
    asked = _smallest(scores, mass, max_false_reject_rate)
    threshold = max(start, asked)
    estimated = rate(scores, mass, threshold)
    limit = f"within {100 * max_false_reject_rate:.3g} % false rejects"
    if threshold == start:
        reason = f"threshold {start:.3g}: {why}, which keeps {limit}"
    else:
        reason = f"threshold {threshold:.3g}: {why}, more is needed to keep {limit}"
    return Choice(threshold, f"{reason} (estimated {100 * estimated:.2g} %)", estimated)


def from_costs(costs: Costs) -> float:
    """Return false reject / (false reject + escape); 0.5 when neither costs anything.

    >>> from_costs(Costs())
    0.5
    """
    reject, escape = costs.false_reject, costs.escape
    if reject.currency != escape.currency:
        raise UserError(
            f"an escape costs {escape} and a false reject {reject}: give both in one currency"
        )
    total = reject.amount + escape.amount
    return float(reject.amount / total) if total else 0.5


def rate(scores: Floats, mass: Floats, threshold: float) -> float:
    """Return the share of the normal mass that lies above a threshold."""
    return float(mass[scores > threshold].sum() / mass.sum())


def _pool(
    p_fault: ArrayLike,
    is_fault: ArrayLike,
    weights: ArrayLike | None,
    population: ArrayLike | None,
    population_weights: ArrayLike | None,
) -> tuple[Floats, Floats]:
    """Scores of labels and observations, and how much each counts as a normal item."""
    scores, fault = np.asarray(p_fault, dtype=np.float64), np.asarray(is_fault, dtype=bool)
    labels = np.where(fault, 0.0, 1.0 if weights is None else np.asarray(weights, dtype=np.float64))
    if population is None:
        return scores, _worth(labels, np.inf)
    everything = np.asarray(population, dtype=np.float64)
    normal = 1.0 - everything
    if population_weights is not None:
        normal = normal * np.asarray(population_weights, dtype=np.float64)
    return (
        np.concatenate([scores, everything]),
        np.concatenate([_worth(labels, np.inf), _worth(normal, POPULATION)]),
    )


def _worth(mass: Floats, most: float) -> Floats:
    """Scale a mass to its effective number of items (Kish), at most so many."""
    if not mass.any():
        return mass
    effective = float(mass.sum() ** 2 / (mass**2).sum())
    return np.asarray(mass * (min(effective, most) / mass.sum()))


def _smallest(scores: Floats, mass: Floats, limit: float) -> float:
    """Return a smallest threshold at which at most `limit` of the mass lies above it.

    It lies half-way to the next higher score, so that the edge's float32 decides as this
    float64 does.
    """
    levels, group = np.unique(scores, return_inverse=True)
    heavy = np.bincount(group, mass)
    above = heavy[::-1].cumsum()[::-1] > (limit + 1e-12) * mass.sum()
    if not above.any():
        return 0.0
    last = int(np.flatnonzero(above)[-1])
    higher = levels[last + 1] if last + 1 < levels.size else 1.0
    return float((levels[last] + higher) / 2)

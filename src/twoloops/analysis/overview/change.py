"""Differences and sums of rates with intervals, from the intervals of the rates themselves.

The interval of a combination of independent estimates is put together from theirs (MOVER: Newcombe,
"Interval estimation for the difference between independent proportions", Statistics in Medicine
1998, method 10; Zou and Donner, the same journal, 2008). It needs no normal approximation, so that
a rate of 0 of 20 labels does not count as a rate known to be 0.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from twoloops.analysis.overview.facts import Change, Changes
from twoloops.convergence.judging.evaluate import (
    ENOUGH,
    Estimate,
    Estimates,
    Interval,
    estimate,
)


def difference(before: Estimate | None, after: Estimate | None) -> Change:
    """Return after − before for two independent estimates.

    >>> from twoloops.convergence.judging.evaluate import estimate
    >>> change = difference(estimate([True] * 15 + [False] * 5), estimate([True] * 20))
    >>> change.value, [round(end, 2) for end in change.interval]
    (0.25, [0.02, 0.48])
    """
    n_before = 0 if before is None else before.labels
    n_after = 0 if after is None else after.labels
    if before is None or after is None or before.value is None or after.value is None:
        return Change(None, None, n_before, n_after)
    value, interval = combined([(1.0, after), (-1.0, before)])
    return Change(value, interval, n_before, n_after)


def changes(before: Estimates, after: Estimates) -> Changes:
    """Return what changed from one model's estimates to another's."""
    if before.escape_rate is None or after.escape_rate is None:
        return Changes(difference(before.accuracy, after.accuracy))
    return Changes(
        difference(before.accuracy, after.accuracy),
        difference(before.escape_rate, after.escape_rate),
        difference(before.false_reject_rate, after.false_reject_rate),
    )


def combined(terms: Sequence[tuple[float, Estimate]]) -> tuple[float, Interval]:
    """Return Σ factor · rate with its 95 % interval; every rate must be known.

    Raises:
        ValueError: One is unknown.
    """
    value = below = above = 0.0
    for factor, rate in terms:
        if rate.value is None or rate.interval is None:
            raise ValueError("a combination of rates needs all of them to be known")
        value += factor * rate.value
        ends = [factor * end for end in rate.interval]
        below += (factor * rate.value - min(ends)) ** 2
        above += (max(ends) - factor * rate.value) ** 2
    return value, (value - float(np.sqrt(below)), value + float(np.sqrt(above)))


def saving(
    fault: ArrayLike,
    called_first: ArrayLike,
    called: ArrayLike,
    probabilities: ArrayLike,
    escape: float,
    false_reject: float,
) -> tuple[float, Interval] | None:
    """Estimate what the deployed models saved per observation against the first one kept.

    Four rates, each over all audit labels: escapes avoided and added, false rejects avoided and
    added. An observation on which both decide alike saves nothing.

    Args:
        fault: Whether each item is a fault, (n,).
        called_first: Whether the first model calls it one, (n,).
        called: Whether the deployed model called it one, (n,).
        probabilities: Inclusion probability of each, in (0, 1].
        escape: What an escape costs.
        false_reject: What a false reject costs.

    Returns:
        Money per observation with its 95 % interval, or `None` with too few labels.
    """
    is_fault = np.asarray(fault, dtype=bool)
    first, now = np.asarray(called_first, dtype=bool), np.asarray(called, dtype=bool)
    if is_fault.size < ENOUGH:
        return None
    won, lost = now & ~first, first & ~now
    return combined(
        [
            (escape, estimate(is_fault & won, probabilities)),
            (-escape, estimate(is_fault & lost, probabilities)),
            (false_reject, estimate(~is_fault & lost, probabilities)),
            (-false_reject, estimate(~is_fault & won, probabilities)),
        ]
    )

"""Testing by betting: evidence that may be looked at after every label.

A loss difference x = loss(candidate) − loss(deployed) lies in [−1, 1]. Under the null hypothesis
"the mean of x is at least m" a gambler who bets on m − x cannot expect to gain, so that his wealth

    W_t = mean over λ of Π_{i ≤ t} (1 + λ w_i (m − x_i)),   λ ∈ (0, 1/(1 − m)),  w_i ∈ (0, 1]

is a non-negative supermartingale that starts at 1, and P(W ever ≥ 1/α) ≤ α (Ville). Sources:
Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting" (JRSS B, 2023);
Ramdas, Grünwald, Vovk and Shafer, "Game-theoretic statistics and safe anytime-valid inference"
(arXiv 2210.01948). The weight w_i may depend on anything known before label i, such as the
inclusion probability: with w ∝ 1/probability the bet is fair for the population sampled from.

Laws: wealth of nothing is 1; a candidate that loses every item never reaches more than 1;
`update(update(start(), a), b) == update(start(), a + b)`.
"""

import math

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

GRID = 20
"""Number of bet sizes that share the stake equally."""

CEILING = 1e12
"""Wealth is reported up to here: JSON has no infinity, and no decision depends on more."""

Array = NDArray[np.float64]


class Bets(msgspec.Struct, frozen=True):
    """Bets that are carried from turn to turn.

    Args:
        log_wealth: Natural logarithm of the wealth of each bet size.
        count: Items bet on so far.
    """

    log_wealth: tuple[float, ...]
    count: int

    @property
    def wealth(self) -> float:
        """Present wealth; evidence at level α once it is at least 1/α."""
        logs = np.minimum(np.asarray(self.log_wealth), math.log(CEILING))
        return float(np.exp(logs).mean()) if logs.size else 1.0


def start(grid: int = GRID) -> Bets:
    """Return bets on nothing: wealth 1.

    >>> start().wealth
    1.0
    """
    return Bets((0.0,) * grid, 0)


def update(bets: Bets, x: ArrayLike, margin: float, weights: ArrayLike | None = None) -> Bets:
    """Bet on further items.

    Args:
        bets: What is carried.
        x: Loss differences in [−1, 1], shape (n,) or (repeats, n); repeats (other folds, same
            labels) share the stake on each item equally.
        margin: The null hypothesis says that the mean of x is at least this; below 1.
        weights: (n,), each in (0, 1].

    Returns:
        The bets after those items. The margin must be the same at every update.
    """
    return _pay(bets, _gains(x, margin, weights), margin)


def census(bets: Bets, x: ArrayLike, margin: float, weights: ArrayLike, most: ArrayLike) -> Bets:
    """Bet on a whole population of which x is known, or estimated without bias, item by item.

    Where two models decide alike x is 0 and needs no label; where they differ and the label is
    known x is exact; of the rest a random draw of chance c is labelled, and x/c for the drawn
    and 0 for the others has the right mean (Horvitz and Thompson 1952). Wealth does not depend
    on the order of the items: were all x exact and their weighted mean at least the margin, no
    bet could gain (1 + z ≤ exp z).

    Args:
        bets: What is carried.
        x: (n,) values or estimates.
        margin: As in `update`.
        weights: (n,), each in (0, 1]: relative sizes, such as 1 / capture probability.
        most: (n,) the largest value that each x could have taken, at least 1: 1 where it is
            known, 1/c where it is estimated. The stake is cut so that wealth stays above 0.
    """
    values, limits = np.asarray(x, dtype=np.float64), np.asarray(most, dtype=np.float64)
    if values.size == 0:
        return bets
    if (np.abs(values) > limits * (1 + 1e-9)).any():
        raise ValueError("an estimate lies beyond the largest value it could have taken")
    size = _weights(weights, values.size)
    cut = min(1.0, (1 - margin) / float((size * (limits - margin)).max()))
    return _pay(bets, cut * size * (margin - values), margin)


def _pay(bets: Bets, gains: Array, margin: float) -> Bets:
    sizes = _sizes(margin, len(bets.log_wealth))
    logs = np.asarray(bets.log_wealth) + np.log1p(sizes[:, None] * gains[None, :]).sum(axis=1)
    return Bets(tuple(float(value) for value in logs), bets.count + gains.size)


def wealth(
    x: ArrayLike, margin: float, weights: ArrayLike | None = None, *, grid: int = GRID
) -> float:
    """Return the largest wealth on the way through the items, in the order given.

    The running maximum is what Ville's inequality speaks of, for items in an order that does
    not depend on their labels (the order of time). Arguments as in `update`.

    >>> [round(wealth([0.0] * n, 0.05), 1) for n in (0, 88)]
    [1.0, 20.3]
    """
    gains = _gains(x, margin, weights)
    peak = float(_log_peak(gains[None, :], np.array([_checked(margin)]), grid)[0])
    return math.exp(min(peak, math.log(CEILING)))


def sharpened_wealth(
    x: ArrayLike,
    disagree: ArrayLike,
    margin: float,
    *,
    disagreements: float,
    observations: int,
    weights: ArrayLike | None = None,
    grid: int = GRID,
) -> float:
    """Return wealth against "the mean of x is at least `margin`", told where the two disagree.

    x is 0 wherever candidate and deployed decide alike, and that needs no label. With ψ the
    share of disagreement and μ the mean of x over disagreements, the null hypothesis is
    ψ μ ≥ margin. For any ψ₀ > margin two independent bets test its two halves: that
    disagreement is at least ψ₀ (all observations, no label) and that μ ≥ margin/ψ₀ (labelled
    disagreements). Their product is evidence against the pair (ψ₀, margin/ψ₀), and the smallest
    product over ψ₀ is evidence against all of the null hypothesis. So no level is split, few
    observations give little evidence, and many observations on which the two decide alike
    suffice without any label. For ψ₀ ≤ margin the null hypothesis is impossible (μ ≤ 1).

    Assumptions: the observations are a sample of what the candidate will meet; labelled
    disagreements are like unlabelled ones (labels chosen with known probability); decisions on
    items that a model learned from are out of fold. The caller answers for the last two.

    Args:
        x: Loss differences, (n,) or (repeats, n).
        disagree: Of the same shape, true where the two decide differently.
        margin: In (0, 1).
        disagreements: How many of `observations` the two decide differently (a mean over
            repeats may be fractional).
        observations: How many there are, labelled or not; 0 is no evidence.
        weights: (n,), each in (0, 1].
        grid: Number of bet sizes.
    """
    if observations <= 0:
        return 1.0
    values, mask = np.atleast_2d(np.asarray(x, float)), np.atleast_2d(np.asarray(disagree, bool))
    # Items where all repeats agree leave every bet as it is.
    mask, values = mask[:, mask.any(axis=0)], values[:, mask.any(axis=0)]
    stake = _weights(weights, np.atleast_2d(x).shape[1])[np.atleast_2d(disagree).any(axis=0)]
    shares = margin + (1 - margin) * np.geomspace(1e-3, 0.999, 60)
    rates = _log_rate_evidence(shares, disagreements, observations)
    least = math.inf
    # Few labels fit in one array; many go share by share, so that memory stays small.
    parts = min(shares.size, 1 + grid * stake.size * shares.size // 500_000)
    for block in np.array_split(np.arange(shares.size), parts):
        conditional = margin / shares[block]
        gains = stake * (mask.mean(axis=0) * conditional[:, None] - (mask * values).mean(axis=0))
        least = min(least, float((rates[block] + _log_peak(gains, conditional, grid)).min()))
    return math.exp(min(least, math.log(CEILING)))


def _log_rate_evidence(shares: Array, count: float, total: int) -> Array:
    """Log evidence against "at least ψ₀ of all are disagreements", for each ψ₀.

    Mean of two likelihood ratios of a smaller share against ψ₀, 0.8 and 2.4 standard errors
    below: the near one costs little when ψ₀ is true, the far one convinces alone.
    """
    error = np.sqrt(shares * (1 - shares) / total)
    logs = []
    for distance in (0.8, 2.4):
        lower = np.maximum(shares - distance * error, 0.02 * shares)
        logs.append(
            count * np.log(lower / shares) + (total - count) * np.log((1 - lower) / (1 - shares))
        )
    return np.asarray(np.logaddexp(logs[0], logs[1]) - math.log(2), dtype=np.float64)


def _weights(weights: ArrayLike | None, count: int) -> Array:
    """Return weights in (0, 1], or ones."""
    if weights is None:
        return np.ones(count)
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (count,) or (count and not ((array > 0) & (array <= 1)).all()):
        raise ValueError(f"weights must be {count} numbers in (0, 1]: got {array}")
    return array


def _gains(x: ArrayLike, margin: float, weights: ArrayLike | None) -> Array:
    """Return w (m − x) averaged over repeats, (n,)."""
    values = np.asarray(x, dtype=np.float64)
    values = values.mean(axis=0) if values.ndim == 2 else values
    if values.size and not (np.abs(values) <= 1).all():
        raise ValueError("loss differences must lie in [-1, 1]")
    return np.asarray(_weights(weights, values.size) * (margin - values), dtype=np.float64)


def _sizes(margin: float, grid: int) -> Array:
    """Return bet sizes strictly inside (0, 1/(1 − margin)), so that wealth stays above 0."""
    return (np.arange(grid) + 0.5) / grid / (1 - _checked(margin))


def _checked(margin: float) -> float:
    if not 0 <= margin < 1:
        raise ValueError(f"the margin must lie in [0, 1): got {margin}")
    return margin


def _log_peak(gains: Array, margins: Array, grid: int) -> Array:
    """Return the log of the largest wealth on the way, at least 0: gains (k, n), margins (k,)."""
    sizes = (np.arange(grid) + 0.5) / grid / (1 - margins[:, None])
    steps = np.log1p(sizes[:, :, None] * gains[:, None, :]).cumsum(axis=2)
    # Clipped above far beyond the ceiling, so that the exponential stays finite.
    mixed = np.exp(np.minimum(steps, 300.0)).mean(axis=1)
    return np.asarray(np.log(np.maximum(mixed.max(axis=1, initial=1.0), 1.0)), dtype=np.float64)

"""Random samples with known chances: what may judge a model, drawn or weighted without bias."""

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Pick(NamedTuple):
    """One observation to ask about.

    Args:
        index: Its row in the arrays given.
        purpose: `audit` (may judge) or `selected` (teaches).
        probability: The known chance in (0, 1] of being picked, or `None` for a deterministic
            pick, which may never judge.
    """

    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    purpose: Literal["audit", "selected"]
    probability: float | None


def audit(
    kept_probability: NDArray[np.floating], count: int, rng: np.random.Generator
) -> list[Pick]:
    """Draw a random sample of fixed size that gives every observation the same overall chance.

    What capture kept with chance κ is drawn with chance proportional to 1/κ, so κ × draw is
    the same for all: count / Σ(1/κ), except where that would need a draw above 1; such an
    observation is taken surely and its overall chance is κ. Drawn by systematic sampling in
    random order (Madow 1949), which meets the chances exactly. The recorded product is the
    π* of two-phase sampling (Särndal, Swensson and Wretman 1992, chapter 9): weighting by its
    inverse is unbiased over capture and draw together.

    Args:
        kept_probability: (n,) chance in (0, 1] with which capture kept each observation.
        count: How many to draw; at n or more, all are drawn.
        rng: Source of the randomness.

    Returns:
        min(count, n) picks in random order, each with its overall chance.

    Raises:
        ValueError: If a chance lies outside of (0, 1].
    """
    kept = np.asarray(kept_probability, dtype=np.float64)
    if not np.all((kept > 0) & (kept <= 1)):
        raise ValueError("kept_probability must lie in (0, 1]")
    count = min(max(count, 0), len(kept))
    draw = _proportional(1.0 / kept, count)
    sure = np.flatnonzero(draw >= 1.0)
    rest = rng.permutation(np.flatnonzero(draw < 1.0))
    drawn = _systematic(draw[rest], count - len(sure), rng)
    chosen = rng.permutation(np.concatenate([sure, rest[drawn]]))
    return [Pick(int(i), "audit", float(kept[i] * draw[i])) for i in chosen]


def _proportional(size: NDArray[np.float64], total: float) -> NDArray[np.float64]:
    """Return shares proportional to `size` > 0, at most 1, that sum to `total` ≤ n."""
    share = np.zeros(len(size))
    full = np.zeros(len(size), dtype=bool)
    while not full.all() and total > full.sum():
        share = (total - full.sum()) * size / size[~full].sum()
        # 1e-12: rounding must not leave one a hair below certainty.
        above = (share >= 1.0 - 1e-12) & ~full
        full |= above
        share[full] = 1.0
        if not above.any():
            break
    return share


def _systematic(
    chance: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Draw `count` rows, row i with exactly `chance[i]` < 1; the chances sum to `count`."""
    if count <= 0:
        return np.zeros(0, dtype=np.intp)
    edges = np.cumsum(chance)
    # Scaled onto its exact sum, so that rounding cannot push the last point over the edge.
    points = (rng.random() + np.arange(count)) * (edges[-1] / count)
    return np.asarray(np.minimum(np.searchsorted(edges, points, side="right"), len(chance) - 1))


def inclusion(score: NDArray[np.floating], count: int, floor: float) -> NDArray[np.float64]:
    """Return Poisson sampling's chances: proportional to the score, between a floor and 1.

    Args:
        score: (n,) ≥ 0, larger for what would teach more.
        count: Number of labels to expect: the chances sum to min(count, n).
        floor: The audit share, in (0, 1]: no chance is below it, nor below count / n where
            that is less (a floor for all must fit into the budget).

    Returns:
        (n,) chances; all in (0, 1] unless `count` is 0.

    Raises:
        ValueError: If the floor is outside of (0, 1] or a score negative or not finite.
    """
    size = np.asarray(score, dtype=np.float64)
    if not 0 < floor <= 1:
        raise ValueError(f"floor must lie in (0, 1]: got {floor}")
    if not (np.isfinite(size).all() and (size >= 0).all()):
        raise ValueError("scores must be finite and not negative")
    n = len(size)
    if n == 0 or count <= 0:
        return np.zeros(n)
    if count >= n:
        return np.ones(n)
    low = min(floor, count / n)
    # The floor for all, the rest by score, in units of the room between floor and 1.
    spare = (count - n * low) / (1.0 - low)
    size = size / size.max() if size.max() > 0 else np.ones(n)
    size = np.maximum(size, 1e-12)
    extra = _proportional(size, spare)
    return np.asarray(np.clip(low + (1.0 - low) * extra, low, 1.0))


def weight_cap(n: int, count: int, floor: float) -> float:
    """Return the largest weight 1/π that `poisson` can give: the cap to record with its picks.

    The floor on the chances is what caps the weights, so capping costs no bias.
    """
    return math.inf if n == 0 or count <= 0 else 1.0 / min(floor, count / n, 1.0)


def poisson(
    score: NDArray[np.floating], count: int, floor: float, rng: np.random.Generator
) -> list[Pick]:
    """Pick each observation independently with the chance that `inclusion` gives it.

    The picks teach (the score decides) and may judge (their chances are known). Their number
    is random with mean min(count, n) and a standard deviation of at most its root: a caller
    with a hard budget asks for less. Capture's chance is not in the recorded one; multiply.
    Arguments and errors as for `inclusion`.
    """
    chance = inclusion(score, count, floor)
    taken = np.flatnonzero(rng.random(len(chance)) < chance)
    return [Pick(int(i), "selected", float(chance[i])) for i in taken]

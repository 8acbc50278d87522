"""What the next labels are worth in money: escapes and false rejects avoided, less the price.

The audit labels of each turn say what the model deployed in it cost per observation: escapes and
false rejects, as shares of all observations, weighted by 1/probability (Horvitz and Thompson
1952). Against the labels that model had learned from, each of the two follows an inverse power
law, level · (labels / origin)^−exponent (Hestness et al., "Deep learning scaling is predictable,
empirically", arXiv 1712.00409; Viering and Loog, "The shape of learning curves", TPAMI 2023).
An exponent is never below 0: learning does no harm on average, and a flat curve is 0.

Single models lie about their curve, and regimes shift: each turn's share is the curve's times a
factor with a Gamma distribution of mean 1 and standard deviation τ (so that counts of effective
labels, Kish 1965, are negative binomial). Few audit labels hold few mistakes, so level, exponent
and τ are no point estimates but draws from their posterior distribution on a grid, with Jeffreys'
prior ∝ level^−½ on the level and uniform ones on the other two. A bootstrap over labels says "no
mistake, surely, for ever" where none was drawn yet, which is why it is not used.

A turn's labels bring a saving only if its candidate is released, so the saving is multiplied by
the chance of that, from the turns so far (Jeffreys' prior again). What is printed beside the
expected saving is the interval of the saving that will be *seen*: released or not, the new model
and the old one each about their curve.
"""

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from twoloops.convergence.judging.evaluate import ENOUGH, Interval

TURNS = 3
"""Turns with audit labels that a curve needs at least."""

DRAWS = 4000
LEVELS = np.geomspace(1e-5, 1.0, 81)
EXPONENTS = np.linspace(0.0, 1.0, 21)
SPREADS = np.geomspace(0.025, 0.8, 6)
"""Where τ is looked for: how far a single model and turn lie about the curve."""
LABELS = (10, 20, 40, 80, 160)
"""Numbers of labels that are priced."""

Floats = NDArray[np.float64]


class Point(msgspec.Struct, frozen=True):
    """What audit labels of one turn say of the model that was deployed in it.

    Args:
        turn: The turn.
        learned: Labels bought when that model was made.
        labels: Audit labels.
        faults: How many of them are faults.
        effective: The number of equally weighted labels that would tell as much.
        escapes: Missed faults per observation, in [0, 1].
        false_rejects: Normal items called a fault per observation, in [0, 1].
    """

    turn: int
    learned: int
    labels: int
    faults: int
    effective: float
    escapes: float
    false_rejects: float


class Prices(msgspec.Struct, frozen=True):
    """What things cost, in one currency."""

    escape: float
    false_reject: float
    label: float


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """What a task's history says, on which the worth of the next labels stands.

    Args:
        points: By turn.
        bought: Labels bought so far.
        learned: Those that the deployed model has learned from.
        turns: Closed turns after the first.
        releases: How many of them released a model.
        per_turn: Observations that a turn brings, kept or not; the mean of the last ones.
        prices: What an escape, a false reject and a label cost.
        why_not: Why nothing can be said, whatever the labels; empty where something may be.
    """

    points: tuple[Point, ...]
    bought: int
    learned: int
    turns: int
    releases: int
    per_turn: float
    prices: Prices
    why_not: str = ""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """What so many further labels are worth over the horizon.

    Args:
        labels: How many.
        cost: What they cost.
        saving: Expected saving.
        interval: Where the saving that will be seen lies with 95 % chance.
        escapes: Expected escapes avoided.
        false_rejects: Expected false rejects avoided.
        chance: That the expected saving is above the cost, in [0, 1], as the curves are not known.
    """

    labels: int
    cost: float
    saving: float
    interval: Interval
    escapes: float
    false_rejects: float
    chance: float

    @property
    def pays(self) -> bool:
        """Whether more is expected than is paid."""
        return self.saving > self.cost


class Curve(msgspec.Struct, frozen=True):
    """Draws of one learning curve, (draws,) each.

    Args:
        level: Share of observations at the origin, in (0, 1].
        exponent: How fast it falls, in [0, 1].
        before: Factor by which the deployed model lies about it, mean 1.
        after: The next model's.
    """

    level: Floats
    exponent: Floats
    before: Floats
    after: Floats


class Curves(msgspec.Struct, frozen=True):
    """Draws of both learning curves and of a release, (draws,) each.

    Args:
        origin: Labels at which the levels hold.
        escapes: Missed faults per observation.
        false_rejects: Normal items called a fault, per observation.
        release: Chance that a turn releases its candidate.
        released: Whether it does.
    """

    origin: float
    escapes: Curve
    false_rejects: Curve
    release: Floats
    released: NDArray[np.bool_]

    def at(self, curve: Curve, labels: float) -> Floats:
        """Return a curve after so many labels, a draw each."""
        return curve.level * (labels / self.origin) ** -curve.exponent

    def cost(self, labels: float, prices: Prices) -> Floats:
        """What mistakes cost per observation after so many labels, a draw each."""
        return (
            self.at(self.escapes, labels) * prices.escape
            + self.at(self.false_rejects, labels) * prices.false_reject
        )


def point(
    turn: int, learned: int, fault: ArrayLike, called: ArrayLike, probabilities: ArrayLike
) -> Point:
    """Sum up the audit labels of one turn.

    Args:
        turn: The turn.
        learned: Labels bought when the deployed model was made.
        fault: Whether each labelled item is a fault, (n,), n ≥ 1.
        called: Whether the model called it one, (n,).
        probabilities: Inclusion probability of each, in (0, 1].

    >>> point(1, 90, [True, True, False, False], [True, False, False, False], [0.1] * 4).escapes
    0.25
    """
    is_fault, said = np.asarray(fault, dtype=bool), np.asarray(called, dtype=bool)
    weights = 1 / np.asarray(probabilities, dtype=np.float64)
    share = weights / weights.sum()
    return Point(
        turn=turn,
        learned=learned,
        labels=int(is_fault.size),
        faults=int(is_fault.sum()),
        effective=float(1 / (share**2).sum()),
        escapes=min(float(share[is_fault & ~said].sum()), 1.0),
        false_rejects=min(float(share[~is_fault & said].sum()), 1.0),
    )


def unknown(basis: Basis) -> str:
    """Say why nothing can be said of the next labels, or return an empty string.

    A rate with fewer than `ENOUGH` labels is unknown, and so is what would lower it.
    """
    if basis.why_not:
        return basis.why_not
    if len({one.turn for one in basis.points}) < TURNS:
        got = len({one.turn for one in basis.points})
        have = "turn has" if got == 1 else "turns have"
        return f"{got} {have} audit labels of a deployed model, {TURNS} are needed"
    if len({one.learned for one in basis.points}) < 2:
        return "one model was deployed in all turns, so there is no learning curve"
    faults = sum(one.faults for one in basis.points)
    normals = sum(one.labels for one in basis.points) - faults
    if faults < ENOUGH:
        return f"{faults} audit labels are faults, {ENOUGH} are needed to know the escape rate"
    if normals < ENOUGH:
        return (
            f"{normals} audit labels are normal items, {ENOUGH} are needed to know the "
            "false-reject rate"
        )
    return ""


def fit(basis: Basis, rng: np.random.Generator, draws: int = DRAWS) -> Curves:
    """Draw the learning curves.

    Args:
        basis: With two different numbers of labels learned from at least.
        rng: Source of the randomness.
        draws: How many.
    """
    learned = np.array([max(one.learned, 1) for one in basis.points], dtype=np.float64)
    effective = np.array([one.effective for one in basis.points])
    origin = float(np.exp(np.average(np.log(learned), weights=effective)))
    escapes, rejects = (
        _draw(effective * np.array(shares), effective, learned / origin, rng, draws)
        for shares in (
            [one.escapes for one in basis.points],
            [one.false_rejects for one in basis.points],
        )
    )
    missed = max(basis.turns - basis.releases, 0)
    release = rng.beta(basis.releases + 0.5, missed + 0.5, draws)
    return Curves(origin, escapes, rejects, release, rng.random(draws) < release)


def _draw(
    counts: Floats, effective: Floats, size: Floats, rng: np.random.Generator, draws: int
) -> Curve:
    """Draw a curve from counts of mistakes, (points,) each.

    Args:
        counts: Mistakes among the effective labels.
        effective: Effective labels.
        size: Labels learned from, in units of the origin.
        rng: Source of the randomness.
        draws: How many.
    """
    from scipy.special import gammaln

    # Axes: level, exponent, τ, point.
    level, exponent = LEVELS[:, None, None, None], EXPONENTS[None, :, None, None]
    k = (1 / SPREADS**2)[None, None, :, None]
    mean = level * size**-exponent * effective
    log_likelihood = gammaln(counts + k) - gammaln(k) + k * np.log(k / (k + mean))
    log_likelihood = (log_likelihood + counts * np.log(mean / (k + mean))).sum(axis=-1)
    # Jeffreys' ∝ level^−½ is ∝ level^½ on a grid of logarithms.
    log_chance = (log_likelihood + 0.5 * np.log(level[..., 0])).ravel()
    chance = np.exp(log_chance - log_chance.max())
    cell = rng.choice(chance.size, size=draws, p=chance / chance.sum())
    at, fall, spread = np.unravel_index(cell, log_likelihood.shape)
    shape = 1 / SPREADS[spread] ** 2
    before, after = (rng.gamma(shape) / shape for _ in range(2))
    return Curve(LEVELS[at], EXPONENTS[fall], before, after)


def batch(basis: Basis, curves: Curves, labels: int, horizon: float) -> Batch:
    """Price so many further labels.

    Compared are the deployed model as it is and one made from all labels with the further ones,
    over the horizon. What was bought and not released yet is theirs too: only with new labels
    can it be released.

    Args:
        basis: The task's history.
        curves: Drawn from it.
        labels: How many further labels.
        horizon: Observations over which the next model is used.
    """
    now, then = max(basis.learned, 1), max(basis.learned, basis.bought, 1) + labels
    prices = basis.prices

    def avoided(curve: Curve) -> tuple[Floats, Floats]:
        old, new = curves.at(curve, now), curves.at(curve, then)
        seen = np.minimum(old * curve.before, 1) - np.minimum(new * curve.after, 1)
        return horizon * curves.release * (old - new), horizon * curves.released * seen

    (escapes, seen_escapes), (rejects, seen_rejects) = map(
        avoided, (curves.escapes, curves.false_rejects)
    )
    saving = escapes * prices.escape + rejects * prices.false_reject
    seen = seen_escapes * prices.escape + seen_rejects * prices.false_reject
    cost = labels * prices.label
    low, high = np.quantile(seen, (0.025, 0.975))
    return Batch(
        labels=labels,
        cost=cost,
        saving=float(saving.mean()),
        interval=(float(low), float(high)),
        escapes=float(escapes.mean()),
        false_rejects=float(rejects.mean()),
        chance=float((saving > cost).mean()),
    )


def flattens(basis: Basis, curves: Curves, horizon: float, most: int = 1_000_000) -> int | None:
    """Return after how many labels one more is expected to save less than it costs.

    Returns:
        Labels in all, at least those bought; `None` where that is beyond `most` or labels are free.
    """
    if basis.prices.label <= 0:
        return None

    def gain(labels: float) -> float:
        step = curves.cost(labels, basis.prices) - curves.cost(labels + 1, basis.prices)
        return float((horizon * curves.release * step).mean())

    low, high = max(basis.bought, 1), most
    if gain(high) > basis.prices.label:
        return None
    # A mean of inverse power laws falls ever more slowly, so bisection finds the place.
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if gain(middle) <= basis.prices.label else (middle + 1, high)
    return low


def last_gain(basis: Basis) -> float | None:
    """Return what the last release saved per observation and label, as the audit labels have it.

    The sceptic's baseline: "the last gain again". It is the fall in cost between the last two
    points of different models, over the labels between them; `None` without two.
    """
    levels = sorted({one.learned for one in basis.points})
    if len(levels) < 2:
        return None

    def cost(level: int) -> float:
        mine = [one for one in basis.points if one.learned == level]
        each = [
            one.escapes * basis.prices.escape + one.false_rejects * basis.prices.false_reject
            for one in mine
        ]
        return float(np.average(each, weights=[one.effective for one in mine]))

    before, after = levels[-2:]
    return (cost(before) - cost(after)) / (after - before)

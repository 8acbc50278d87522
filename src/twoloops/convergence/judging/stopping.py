"""Whether to buy the next labels: a verdict with its reason, from what they are worth."""

from typing import Literal

import msgspec
import numpy as np

from twoloops.convergence.judging.worth import (
    LABELS,
    Basis,
    Batch,
    Curves,
    batch,
    fit,
    flattens,
    last_gain,
    unknown,
)

Answer = Literal["worth it", "stop", "unknown"]

STEPS = 24
"""Places along a drawn curve."""


class Place(msgspec.Struct, frozen=True):
    """A place on the drawn curve: after so many labels a mistake costs so much per observation."""

    labels: int
    cost: float
    low: float
    high: float


class Sceptic(msgspec.Struct, frozen=True):
    """What a sceptic says that the next labels save.

    Args:
        last_gain_again: As much per label as between the last two releases, by the audit labels
            alone; `None` where there are no two.
        no_gain: Nothing.
    """

    last_gain_again: float | None
    no_gain: float = 0.0


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the next labels are worth their price.

    Args:
        verdict: `unknown` where there are too few turns or faults to say.
        reason: One sentence, without a verdict of its own.
        labels: How many labels it speaks of.
        horizon: Observations over which the next model is used.
        batch: What those labels are worth; `None` where unknown.
        batches: The same for 10, 20, 40, 80, 160 labels.
        sceptic: The baselines beside it; `None` where unknown.
        flattens_at: Labels in all after which one more saves less than it costs; `None` where
            unknown, or beyond a million.
        curve: The fitted cost of mistakes per observation by labels, with 95 % intervals.
    """

    verdict: Answer
    reason: str
    labels: int
    horizon: float
    batch: Batch | None = None
    batches: tuple[Batch, ...] = ()
    sceptic: Sceptic | None = None
    flattens_at: int | None = None
    curve: tuple[Place, ...] = ()


def advise(basis: Basis, labels: int, horizon: float, unit: str, seed: int = 0) -> Advice:
    """Say whether the next labels are worth their price.

    They are where the expected saving is above the price; how sure that is, is said beside it.

    Args:
        basis: The task's history.
        labels: How many are asked about.
        horizon: Observations over which the next model is used.
        unit: What amounts are in, as `EUR`.
        seed: Of the draws.
    """
    why = unknown(basis)
    if why:
        return Advice(verdict="unknown", reason=why, labels=labels, horizon=horizon)
    curves = fit(basis, np.random.default_rng([seed, 20_261]))
    mine = batch(basis, curves, labels, horizon)
    gain = last_gain(basis)
    return Advice(
        verdict="worth it" if mine.pays else "stop",
        reason=_reason(mine, horizon, unit),
        labels=labels,
        horizon=horizon,
        batch=mine,
        batches=tuple(batch(basis, curves, count, horizon) for count in LABELS),
        sceptic=Sceptic(None if gain is None else gain * labels * horizon),
        flattens_at=flattens(basis, curves, horizon),
        curve=_curve(basis, curves),
    )


def amount(value: float) -> str:
    """Write an amount with the digits that matter: 0.42, 7.3, 1,240.

    >>> [amount(value) for value in (0.423, 7.31, 1240.4, -0.001)]
    ['0.42', '7.3', '1,240', '0.00']
    """
    digits = 2 if abs(value) < 1 else 1 if abs(value) < 100 else 0
    return f"{round(value, digits) + 0.0:,.{digits}f}"


def _reason(mine: Batch, horizon: float, unit: str) -> str:
    low, high = (amount(end) for end in mine.interval)
    compared = "more" if mine.pays else "less"
    return (
        f"the next {mine.labels} labels are worth {compared} than they cost (expected saving "
        f"{amount(mine.saving)} {unit} over {horizon:,.0f} observations, cost {amount(mine.cost)} "
        f"{unit}; that they pay on average has chance {mine.chance:.2f}; what one model is seen to "
        f"save lies from {low} to {high} with 95 %)"
    )


def _curve(basis: Basis, curves: Curves) -> tuple[Place, ...]:
    first = max(1, min(one.learned for one in basis.points))
    last = max(basis.bought, first) + max(LABELS)
    out = []
    for labels in np.unique(np.geomspace(first, last, STEPS).round().astype(int)).tolist():
        cost = curves.cost(labels, basis.prices)
        low, high = np.quantile(cost, (0.025, 0.975))
        out.append(Place(labels, float(cost.mean()), float(low), float(high)))
    return tuple(out)

"""A learning curve through few points: how often a model is wrong against the labels bought.

An inverse power law, level · (labels / origin)^−exponent (Hestness et al., "Deep learning scaling
is predictable, empirically", arXiv 1712.00409). Few audit labels hold few mistakes, so level and
exponent are drawn from their posterior: counts over effective labels (Kish 1965) are Poisson, the
level has Jeffreys' prior Gamma(½, 0) and is integrated out exactly, the exponent is uniform in
[0, 1] beforehand. It never falls below 0: that labels do no harm on average is assumed, and a flat
curve is 0.
"""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from twoloops.analysis.overview.facts import CurvePoint
from twoloops.convergence.judging.evaluate import ENOUGH, Interval

DRAWS, SEED = 2000, 20_260
EXPONENTS = np.linspace(0.0, 1.0, 41)
FLAT = 0.005
"""A gain of fewer points than half a point from the next batch: the curve is called flat there."""
MOST = 1_000_000

Floats = NDArray[np.float64]


class Course(msgspec.Struct, frozen=True):
    """The curve at one number of labels: share wrong and its 95 % band."""

    labels: float
    wrong: float
    low: float
    high: float


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """A fitted learning curve.

    Args:
        course: From the first point on, past the last one.
        batch: How many further labels `gain` is for.
        gain: Expected fall in the share wrong by them.
        interval: Its 95 % interval.
        flat_at: Labels in all from which on such a batch gains less than `FLAT`; `None` where that
            is beyond a million.
        why_not: Why there is no curve; empty where there is one.
    """

    course: tuple[Course, ...] = ()
    batch: int = 0
    gain: float = 0.0
    interval: Interval = (0.0, 0.0)
    flat_at: int | None = None
    why_not: str = ""


def fit(points: Sequence[CurvePoint], bought: int, batch: int) -> Curve:
    """Fit the curve; the same points give the same curve.

    Args:
        points: Of models that were deployed.
        bought: Labels bought so far.
        batch: Labels of the next turn.
    """
    known = [one for one in points if one.wrong.value is not None and one.labels > 0]
    if len({one.labels for one in known}) < 2:
        return Curve(
            why_not=f"{len(known)} of the {len(points)} models that were deployed have {ENOUGH} "
            "audit labels or more; a curve needs two, made from different numbers of labels"
        )
    labels = np.array([one.labels for one in known], dtype=np.float64)
    effective = np.array([one.wrong.effective for one in known])
    counts = effective * np.array([one.wrong.value for one in known])
    origin = float(np.exp(np.average(np.log(labels), weights=effective)))
    level, exponent = _draw(counts, effective, labels / origin)

    def at(number: float) -> Floats:
        return np.minimum(level * (number / origin) ** -exponent, 1.0)

    now = float(max(bought, labels.max()))
    gains = at(now) - at(now + batch)
    low, high = np.quantile(gains, (0.025, 0.975))
    ends = (float(labels.min()), max(now + batch, 1.15 * now))
    return Curve(
        course=tuple(_course(x, at(x)) for x in np.linspace(*ends, 40).tolist()),
        batch=batch,
        gain=float(gains.mean()),
        interval=(float(low), float(high)),
        flat_at=_flat(lambda x: float((at(x) - at(x + batch)).mean()), int(labels.min())),
    )


def _draw(counts: Floats, effective: Floats, ratio: Floats) -> tuple[Floats, Floats]:
    """Draw levels and exponents, (DRAWS,) each.

    Given an exponent the level's posterior is Gamma(½ + Σ counts, Σ effective · power); the
    exponent's is what is left when the level is integrated out.
    """
    rng = np.random.default_rng(SEED)
    powers = ratio[None, :] ** -EXPONENTS[:, None]
    shape = 0.5 + float(counts.sum())
    rates = powers @ effective
    log_likelihood = np.log(powers) @ counts - shape * np.log(rates)
    chance = np.exp(log_likelihood - log_likelihood.max())
    place = rng.choice(EXPONENTS.size, size=DRAWS, p=chance / chance.sum())
    return rng.gamma(shape, 1.0, DRAWS) / rates[place], EXPONENTS[place]


def _course(labels: float, draws: Floats) -> Course:
    low, high = np.quantile(draws, (0.025, 0.975))
    return Course(labels, float(draws.mean()), float(low), float(high))


def _flat(gain_at: Callable[[float], float], first: int) -> int | None:
    """Bisect for the first number of labels from which the next batch gains less than `FLAT`."""
    low, high = first, MOST
    if gain_at(high) >= FLAT:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if gain_at(middle) < FLAT else (middle + 1, high)
    return low

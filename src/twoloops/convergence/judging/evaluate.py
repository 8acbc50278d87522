"""How good a model is: estimated from few labels of known chance, or counted from all of them.

Rates are in the quality engineer's words: a *fault* is any label but the normal one; detection
rate = share of faults called any fault, escape rate = 1 − detection rate, false-reject rate =
share of normal items called a fault, PPM = escapes per million items passed as normal.

Estimates from a sample weigh each label by 1/probability (Hájek 1971, the ratio form of Horvitz
and Thompson 1952). Their 95 % interval is Wilson's (1927) at Kish's (1965) effective number of
labels n_eff = (Σ w)² / Σ w², with Student's t in place of the normal quantile, as Korn and
Graubard (1998) advise for few weighted labels.

Where fewer than about ten labels hit (or miss), Wilson's ends lie too far inside: where one hit
in six samples is to be expected, the one that has it excludes the truth, and only 84 % of the
intervals cover it (Brown, Cai and DasGupta, "Interval estimation for a binomial proportion",
Statistical Science 16, 2001, who put Poisson limits there). So no end lies further inside than
the exact one-sided binomial limit at 5 %: with equal weights at least 93 % cover, at any rate and
any number of labels. `benchmarks/coverage.py` measures it. A rate with fewer than `ENOUGH` labels
is unknown.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from twoloops.records.errors import UserError

ENOUGH = 5
"""Fewer labels than this say nothing: the rate is unknown, never passed."""

MILLION = 1_000_000

Interval = tuple[float, float]


class Estimate(msgspec.Struct, frozen=True):
    """A rate estimated from labels.

    Args:
        value: In [0, 1], or `None` when there are too few labels: unknown.
        interval: Ends of its 95 % interval, or `None`.
        labels: Number of labels it stands on.
        effective: The number of equally weighted labels that would tell as much.
    """

    value: float | None
    interval: Interval | None
    labels: int
    effective: float

    def __str__(self) -> str:
        if self.value is None or self.interval is None:
            return f"unknown ({self.labels} labels)"
        low, high = self.interval
        return f"{self.value:.3f} ({low:.3f} to {high:.3f}, {self.labels} labels)"


class Estimates(msgspec.Struct, frozen=True):
    """Estimated rates; detection, false rejects and escapes are `None` without a normal label."""

    accuracy: Estimate
    detection_rate: Estimate | None = None
    false_reject_rate: Estimate | None = None
    escape_rate: Estimate | None = None


class Figures(msgspec.Struct, frozen=True):
    """Counted rates where the truth is known of all scored items.

    Args:
        scored: Items with a known label; only these are scored.
        accuracy: Share decided right.
        faults: Scored items that are faults.
        escapes: Faults not called one, in items.
        false_rejects: Normal items decided a fault, in items.
        detection_rate: 1 − escapes / faults.
        false_reject_rate: False rejects / normal items.
        ppm: Escapes per million items not called a fault.
        detection_at_limit: Detection rate with the threshold moved, with hindsight, to exactly
            the false-reject limit.
    """

    scored: int
    accuracy: float | None
    faults: int | None = None
    escapes: int | None = None
    false_rejects: int | None = None
    detection_rate: float | None = None
    false_reject_rate: float | None = None
    ppm: float | None = None
    detection_at_limit: float | None = None

    @property
    def escape_rate(self) -> float | None:
        """Share of faults missed."""
        return None if self.detection_rate is None else 1 - self.detection_rate


def estimate(hits: ArrayLike, probabilities: ArrayLike | None = None) -> Estimate:
    """Estimate a rate.

    Args:
        hits: Whether each labelled item counts, (n,).
        probabilities: Inclusion probability of each, in (0, 1]; `None` for equal chances.

    Raises:
        UserError: A probability is not a known chance.

    >>> str(estimate([True] * 18 + [False] * 2))
    '0.900 (0.682 to 0.982, 20 labels)'
    >>> str(estimate([True, True]))
    'unknown (2 labels)'
    """
    values = np.asarray(hits, dtype=np.float64)
    weights = _inverse(probabilities, values.size)
    if values.size == 0:
        return Estimate(None, None, 0, 0.0)
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    if values.size < ENOUGH:
        return Estimate(None, None, int(values.size), effective)
    rate = min(float((weights * values).sum() / weights.sum()), 1.0)
    return Estimate(rate, interval(rate, effective), int(values.size), effective)


def estimates(
    y: ArrayLike, decided: ArrayLike, normal: int | None, probabilities: ArrayLike | None = None
) -> Estimates:
    """Estimate accuracy, detection, false rejects and escapes from labelled items.

    Args:
        y: True labels, (n,).
        decided: Decided labels, (n,).
        normal: The label that is no fault, or `None`.
        probabilities: Inclusion probability of each item, or `None` for equal chances.
    """
    truth, said = np.asarray(y), np.asarray(decided)
    chances = None if probabilities is None else np.asarray(probabilities, dtype=np.float64)
    accuracy = estimate(truth == said, chances)
    if normal is None:
        return Estimates(accuracy)
    fault = truth != normal

    def over(mask: NDArray[np.bool_], hits: NDArray[np.bool_]) -> Estimate:
        return estimate(hits[mask], None if chances is None else chances[mask])

    return Estimates(
        accuracy,
        detection_rate=over(fault, said != normal),
        false_reject_rate=over(~fault, said != normal),
        escape_rate=over(fault, said == normal),
    )


def by_slice(
    hits: ArrayLike, slices: Sequence[str], probabilities: ArrayLike | None = None
) -> dict[str, Estimate]:
    """Estimate a rate in each slice (a label, a machine, a site), in order of their names."""
    values, names = np.asarray(hits), np.asarray(slices)
    chances = None if probabilities is None else np.asarray(probabilities, dtype=np.float64)
    return {
        str(name): estimate(
            values[names == name], None if chances is None else chances[names == name]
        )
        for name in np.unique(names)
    }


def interval(rate: float, effective: float) -> Interval:
    """Return the 95 % interval of a rate over an effective number of items.

    Wilson's, and no end further inside than the exact one-sided limit at 5 %.

    >>> [round(end, 4) for end in interval(1 / 30, 30)], round(wilson(1 / 30, 30)[0], 4)
    ([0.0017, 0.1753], 0.0056)
    """
    from scipy.special import betaincinv

    low, high = wilson(rate, effective)
    hits, misses = rate * effective, (1 - rate) * effective
    # Clopper and Pearson's (1934) limits; at 0 and 1 there is none.
    if hits > 0:
        low = min(low, float(betaincinv(hits, misses + 1, 0.05)))
    if misses > 0:
        high = max(high, float(betaincinv(hits + 1, misses, 0.95)))
    return low, high


def wilson(rate: float, effective: float) -> Interval:
    """Return Wilson's 95 % interval of a rate over an effective number of items.

    >>> [round(end, 3) for end in wilson(0.0, 100)]
    [0.0, 0.038]
    """
    from scipy.special import stdtrit

    # With equal weights and many items this is the usual 1.96.
    quantile = float(stdtrit(max(effective - 1, 1.0), 0.975))
    square = quantile**2 / effective
    centre = (rate + square / 2) / (1 + square)
    half = quantile / (1 + square) * np.sqrt(rate * (1 - rate) / effective + square / 4 / effective)
    # At 0 and 1 an end is the rate itself, and rounding may put it on the other side of it.
    return min(rate, max(0.0, float(centre - half))), max(rate, min(1.0, float(centre + half)))


def figures(
    y: ArrayLike,
    decided: ArrayLike,
    p_fault: ArrayLike | None = None,
    normal: int | None = None,
    limit: float | None = None,
) -> Figures:
    """Count a model's figures where the truth is known.

    Args:
        y: True labels, (n,); negative where unknown, and those are not scored.
        decided: Decided labels, (n,); negative where nothing was decided, which is never right
            and calls nothing a fault.
        p_fault: Probability of any fault, (n,); needed for `detection_at_limit` alone.
        normal: The label that is no fault; without it only accuracy exists.
        limit: The false-reject limit in [0, 1].
    """
    known = np.asarray(y) >= 0
    truth, said = np.asarray(y)[known], np.asarray(decided)[known]
    accuracy = float((truth == said).mean()) if truth.size else None
    if normal is None:
        return Figures(int(truth.size), accuracy)
    fault, called = truth != normal, (said != normal) & (said >= 0)
    escapes, rejects = int((fault & ~called).sum()), int((~fault & called).sum())
    at_limit = None
    if p_fault is not None and limit is not None:
        at_limit = detection_at_limit(np.asarray(p_fault)[known], fault, limit)
    return Figures(
        scored=int(truth.size),
        accuracy=accuracy,
        faults=int(fault.sum()),
        escapes=escapes,
        false_rejects=rejects,
        detection_rate=1 - escapes / int(fault.sum()) if fault.any() else None,
        false_reject_rate=rejects / int((~fault).sum()) if (~fault).any() else None,
        ppm=MILLION * escapes / int((~called).sum()) if (~called).any() else None,
        detection_at_limit=at_limit,
    )


def detection_at_limit(p_fault: ArrayLike, is_fault: ArrayLike, limit: float) -> float | None:
    """Return the detection rate at exactly the false-reject limit, with hindsight.

    Items are called faults in falling order of their probability until the limit is spent. Of a
    group of equal probabilities that would overspend it, the share that fits is taken (what a
    coin would do), so that neither ties nor the order of the file matter.

    Returns:
        In [0, 1], or `None` where there is no fault or no normal item.

    >>> detection_at_limit([0.9, 0.8, 0.7, 0.1], [True, False, True, False], 0.5)
    1.0
    >>> detection_at_limit([0.5, 0.5, 0.5, 0.5], [True, False, True, False], 0.25)
    0.25
    """
    scores, fault = np.asarray(p_fault, dtype=np.float64), np.asarray(is_fault, dtype=bool)
    faults, normals = int(fault.sum()), int((~fault).sum())
    if not faults or not normals:
        return None
    _, group = np.unique(-scores, return_inverse=True)
    detected = np.concatenate([[0], np.bincount(group, fault).cumsum()]) / faults
    rejected = np.concatenate([[0], np.bincount(group, ~fault).cumsum()]) / normals
    last = int(np.searchsorted(rejected, limit + 1e-12, side="right")) - 1
    if last == len(rejected) - 1:
        return 1.0
    share = (limit - rejected[last]) / (rejected[last + 1] - rejected[last])
    return float(detected[last] + max(share, 0.0) * (detected[last + 1] - detected[last]))


def _inverse(probabilities: ArrayLike | None, count: int) -> NDArray[np.float64]:
    """Return 1/probability, or ones."""
    if probabilities is None:
        return np.ones(count)
    chances = np.asarray(probabilities, dtype=np.float64)
    bad = ~((chances > 0) & (chances <= 1))
    if chances.shape != (count,) or bad.any():
        raise UserError(
            f"an estimate needs the known chance in (0, 1] with which each of {count} items was "
            f"labelled: got {chances[bad][:3].tolist() or chances.shape}; leave items that were "
            "picked without one out of the estimate"
        )
    return 1 / chances

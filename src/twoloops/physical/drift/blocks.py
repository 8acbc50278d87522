"""Blocks: what comes close together is alike, so single observations are no independent witnesses.

A machine is warm, a coil of steel is bad, a shift is long: with n such neighbours counted as n
witnesses any test cries wolf. So consecutive observations are averaged to units long enough for
the reference's units not to resemble their neighbours, and units are what is tested. The price is
the delay: an alarm needs a number of units, however long they are.
"""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FEWEST = 16
"""Units that a reference must keep, so that a rank among them says something."""

NOISE = 3.0
"""Standard errors above 0 at which a correlation of observations counts as one."""

APART = 5.0
"""Block length in correlation times: then neighbouring blocks are hardly correlated any more."""


def means(values: Array, length: int) -> Array:
    """Return the means of consecutive blocks, (n, m) → (n // length, m); a rest waits.

    >>> means(np.array([[1.0], [3.0], [5.0], [9.0], [0.0]]), 2).tolist()
    [[2.0], [7.0]]
    """
    units = len(values) // length
    cut = values[: units * length].reshape(units, length, values.shape[1])
    return np.asarray(cut.mean(axis=1), dtype=np.float64)


def memory(values: Array) -> Array:
    """Return the correlation time of each feature, in observations (m,); 1 where none is seen.

    1 + 2 Σ ρ_k over the lags before the first at which a correlation is no longer beyond chance
    (Sokal, "Monte Carlo methods in statistical mechanics", 1997, section 3).

    Args:
        values: (n, m) in order of time.
    """
    n = len(values)
    total = np.ones(values.shape[1])
    if n < 4:
        return total
    # Clipped, so that one outlier does not hide it.
    low, high = np.quantile(values, [0.02, 0.98], axis=0)
    clipped = np.where(low < high, np.clip(values, low, high), values)
    centred = clipped - clipped.mean(axis=0)
    scale = (centred**2).sum(axis=0)
    going = scale > 1e-12 * n
    scale = np.where(going, scale, 1.0)
    for lag in range(1, n // 2):
        rho = (centred[lag:] * centred[:-lag]).sum(axis=0) / scale
        going &= rho > NOISE / np.sqrt(n)
        if not going.any():
            break
        total += 2 * rho * going
    return total


def lengths(values: Array) -> tuple[int, ...]:
    """Return how many observations make a unit of each feature: 1 where neighbours are not alike.

    Args:
        values: (n, m) of the reference, in order of time.
    """
    return tuple(1 if lasts <= 1 else math.ceil(APART * lasts) for lasts in memory(values))

"""One budget of false alarms for a whole report: many features, sites and days together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray


def anytime_p(log_wealth: ArrayLike) -> NDArray[np.float64]:
    """Return 1 / the highest wealth so far, at most 1: a p-value however often it was looked at.

    Args:
        log_wealth: (n, m), in order of time.

    >>> anytime_p([[0.0], [np.log(50.0)], [np.log(2.0)]]).round(3).tolist()
    [0.02]
    """
    logs = np.asarray(log_wealth, dtype=np.float64)
    peak = logs.max(axis=0, initial=0.0)
    return np.asarray(np.exp(-np.minimum(peak, 700.0)), dtype=np.float64)


def holm(p: Sequence[float], level: float) -> tuple[bool, ...]:
    """Say which hypotheses fall (Holm 1979): the chance that any true one does is ≤ level.

    Holds however the hypotheses depend on one another.

    >>> holm([0.001, 0.02, 0.9], 0.05)
    (True, True, False)
    >>> holm([0.02, 0.02, 0.9], 0.05)
    (False, False, False)
    """
    out = [False] * len(p)
    for rank, at in enumerate(sorted(range(len(p)), key=lambda at: p[at])):
        if p[at] > level / (len(p) - rank):
            break
        out[at] = True
    return tuple(out)

"""Ranks of what comes in among all that came before: uniform as long as nothing changes.

If reference and current units are exchangeable (their order says nothing), the smoothed rank of
each new unit among all before it is uniform on (0, 1) and independent of the earlier ranks of its
feature (Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005, theorem 8.2).
Nothing is assumed of the distribution, and nothing is estimated.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ROWS = 256
"""Units compared with all others at a time, so that memory stays small."""


def ranks(known: Array, units: Array, ties: Array) -> Array:
    """Return the smoothed rank in [0, 1] of each unit among the known ones and those before it.

    Args:
        known: (r, m) values of the reference, m features.
        units: (n, m) values since, in order.
        ties: (n, m) uniform draws from [0, 1): where among equal values a unit is put.

    Returns:
        (n, m); near 1 where a value is higher than those before it.

    >>> ranks(np.array([[1.0], [2.0], [3.0]]), np.array([[9.0]]), np.array([[0.5]])).tolist()
    [[0.875]]
    """
    n = len(units)
    below, equal = np.zeros(units.shape), np.zeros(units.shape)
    for at in range(units.shape[1]):
        ordered, column = np.sort(known[:, at]), units[:, at]
        left = np.searchsorted(ordered, column, side="left")
        below[:, at] = left
        equal[:, at] = np.searchsorted(ordered, column, side="right") - left
        for start in range(0, n, ROWS):
            rows = np.arange(start, min(start + ROWS, n))
            before = np.arange(rows[-1] + 1) < rows[:, None]
            others = column[: rows[-1] + 1]
            mine = column[rows][:, None]
            below[rows, at] += ((others < mine) & before).sum(axis=1)
            equal[rows, at] += ((others == mine) & before).sum(axis=1)
    count = len(known) + 1 + np.arange(n)[:, None]
    return np.asarray((below + ties * (equal + 1)) / count, dtype=np.float64)

"""Betting against uniform ranks: evidence of a change that may be looked at after every unit.

Each bettor stakes on one way in which ranks leave uniformity: higher, lower, more at both ends,
more in the middle. A bet pays a density on [0, 1], so that nobody can expect to gain while ranks
are uniform: wealth is a martingale that starts at 1, and P(wealth ever ≥ 1/α) ≤ α (Ville 1939).
After each unit a small share of every stake is spread over all bettors (Herbster and Warmuth 1998),
which keeps wealth a martingale and lets it grow soon when a change comes late. Sources: Vovk,
"Testing randomness online" (Statistical Science, 2021); Vovk and others, "Retrain or not retrain:
conformal test martingales for change-point detection" (COPA 2021).

Laws: wealth of nothing is 1; wealth of a prefix is the prefix of wealth.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SPREAD = 0.01
"""Share of all stakes that is spread after each unit."""


def pays(ranks: Array) -> Array:
    """Return what each bettor's stake is multiplied by, (…) → (9, …); each a density on [0, 1]."""
    flat = np.ones_like(ranks)
    low, high = 5 * (1 - ranks) ** 4, 5 * ranks**4
    return np.stack(
        [
            flat,
            2 * ranks,
            2 * (1 - ranks),
            # Half is kept back: where few values go to one end, the rest must not ruin the bet.
            (flat + high) / 2,
            (flat + low) / 2,
            (flat + 20 * ranks**19) / 2,
            (flat + 20 * (1 - ranks) ** 19) / 2,
            (low + high) / 2,
            6 * ranks * (1 - ranks),
        ]
    )


def log_wealth(ranks: Array, spread: float = SPREAD) -> Array:
    """Return the log of the wealth after each unit, (n, …) → (n, …).

    Args:
        ranks: In [0, 1], in order of time.
        spread: In [0, 1).
    """
    out = np.zeros(ranks.shape)
    if not len(ranks):
        return out
    stakes = np.full((len(pays(ranks[:1])), *ranks.shape[1:]), 1.0 / len(pays(ranks[:1])))
    total = np.zeros(ranks.shape[1:])
    for at, paid in enumerate(np.moveaxis(pays(ranks), 1, 0)):
        stakes = stakes * paid
        gained = np.maximum(stakes.sum(axis=0), 1e-300)
        total = total + np.log(gained)
        out[at] = total
        stakes = (1 - spread) * stakes / gained + spread / len(stakes)
    return out

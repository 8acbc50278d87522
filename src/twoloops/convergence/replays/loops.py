"""The two loops, apart and together: the interaction of four arms over one stream.

    interaction = both − data − models + neither

in points of accuracy and in log-odds. In points it says what was gained; in log-odds it says
whether the gains do more than add up on a scale that does not saturate near 1. The interval is
a bootstrap over groups of observations within each turn, paired over the arms; with several
seeds, seeds are resampled too.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from twoloops.convergence.replays.outcome import Interval, Loops

ARMS = ("neither", "models", "data", "both")
DRAWS = 2000

Correct = Sequence[NDArray[np.bool_]]
"""One array a turn: whether each scored observation was decided right."""


def interaction(both: float, data: float, models: float, neither: float) -> float:
    """Return both − data − models + neither.

    >>> round(interaction(0.916, 0.899, 0.788, 0.790), 3)
    0.019
    """
    return both - data - models + neither


def log_odds(rate: NDArray[np.float64] | float, n: int) -> NDArray[np.float64]:
    """Return log(p / (1 − p)) of a rate over n items, with half an item added to each side."""
    p = (np.asarray(rate, dtype=float) * n + 0.5) / (n + 1)
    return np.asarray(np.log(p / (1 - p)))


def mean_accuracy(correct: Correct) -> float:
    """Mean over the turns that have scored observations of the share decided right."""
    scored = [float(turn.mean()) for turn in correct if len(turn)]
    return float(np.mean(scored)) if scored else float("nan")


def measure(
    runs: Sequence[Mapping[str, Correct]],
    groups: Sequence[Sequence[Sequence[str]]],
    *,
    limits: Mapping[str, float | None],
    seed: int = 0,
) -> Loops:
    """Measure the interaction of one stream over one or several seeds.

    Args:
        runs: For each seed, the four arms and `everything`: what was decided right, by turn.
        groups: For each seed and turn, the group of each scored observation.
        limits: Mean detection rate of each arm at the false-reject limit.
        seed: Of the bootstrap.
    """
    names = (*ARMS, "everything")
    means = {name: float(np.mean([mean_accuracy(run[name]) for run in runs])) for name in names}
    n = sum(len(turn) for turn in runs[0]["both"])
    resampled = resample(runs, names, groups, seed)
    neither, models, data, both = resampled[:4]
    odds = {name: float(log_odds(means[name], n)) for name in ARMS}
    return Loops(
        **means,
        interaction=interaction(means["both"], means["data"], means["models"], means["neither"]),
        interval=interval_of(both - data - models + neither),
        interaction_log_odds=interaction(
            odds["both"], odds["data"], odds["models"], odds["neither"]
        ),
        interval_log_odds=interval_of(
            log_odds(both, n) - log_odds(data, n) - log_odds(models, n) + log_odds(neither, n)
        ),
        detection_at_limit=dict(limits),
    )


def resample(
    runs: Sequence[Mapping[str, Correct]],
    names: Sequence[str],
    groups: Sequence[Sequence[Sequence[str]]],
    seed: int = 0,
) -> NDArray[np.float64]:
    """Bootstrap the mean accuracy of arms, paired over arms: (arms, draws).

    Groups of observations are drawn within each turn; with several runs, runs are drawn too.

    Args:
        runs: For each run (a seed, a stream), arms by name: what was decided right, by turn.
        names: The arms wanted, in the order of the result's rows.
        groups: For each run and turn, the group of each scored observation.
        seed: Of the bootstrap.
    """
    rng = np.random.default_rng(seed)
    draws = np.stack(
        [_bootstrap([run[n] for n in names], groups[i], rng) for i, run in enumerate(runs)]
    )  # (runs, arms, draws)
    which = rng.integers(0, len(runs), (len(runs), DRAWS))
    return np.asarray(draws[which, :, np.arange(DRAWS)].mean(axis=0).T)


def interval_of(draws: NDArray[np.float64]) -> Interval:
    """Return the ends of the 95 % interval of bootstrap draws."""
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(low), float(high)


def _bootstrap(
    arms: Sequence[Correct], groups: Sequence[Sequence[str]], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Bootstrap the mean accuracy of every arm, paired: (arms, draws)."""
    total = np.zeros((len(arms), DRAWS))
    turns = 0
    for t, names in enumerate(groups):
        if not len(names):
            continue
        turns += 1
        codes = np.unique(np.asarray(names), return_inverse=True)[1]
        size = np.bincount(codes).astype(float)
        right = np.stack([np.bincount(codes, weights=arm[t]) for arm in arms])
        weights = rng.multinomial(len(size), np.full(len(size), 1 / len(size)), DRAWS)
        total += (right @ weights.T) / (weights @ size)
    return total / max(turns, 1)

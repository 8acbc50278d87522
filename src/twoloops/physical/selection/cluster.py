"""K-means that takes what selection gives it: few points, equal points, many dimensions."""

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 64
"""Embeddings are reduced to at most this many dimensions before clustering."""

EXACT_ROWS = 1024
"""Up to this many rows the reduction is exact principal components, beyond a projection."""

LEAST = 0.3
"""Least deviation of a feature, in units of the root mean square over all features."""


class Clusters(NamedTuple):
    """A clustering: (n,) label from 0 on, without gaps; (n,) distance to the cluster's centre."""

    label: NDArray[np.intp]
    distance: NDArray[np.float64]


def reduce(embedding: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the rows, standardised, in at most `DIMENSIONS` dimensions; (n, d) → (n, ≤ 64).

    Few rows: principal components by the n × n Gram matrix, cheap when d is large. Many: a
    Gaussian projection with a fixed seed, which keeps distances within about 15 %
    (Johnson and Lindenstrauss 1984). Values that are not finite count as 0. Features that
    hardly vary are not blown up: a deviation counts as at least `LEAST` of the typical one.
    """
    x = np.nan_to_num(np.asarray(embedding, dtype=np.float64), posinf=0.0, neginf=0.0)
    if x.size == 0:
        return np.zeros((len(x), 1))
    # Scaled first: squares of very large values would overflow.
    x = x / max(float(np.abs(x).max()), 1e-300)
    x = x - x.mean(axis=0)
    deviation = x.std(axis=0)
    typical = float(np.sqrt((deviation**2).mean()))
    x = x / np.maximum(deviation, max(LEAST * typical, 1e-12))
    if x.shape[1] <= DIMENSIONS:
        return np.asarray(x)
    if len(x) > EXACT_ROWS:
        matrix = np.random.default_rng(0).standard_normal((x.shape[1], DIMENSIONS))
        return np.asarray(x @ matrix / np.sqrt(DIMENSIONS))
    values, vectors = np.linalg.eigh(x @ x.T)
    top = slice(-min(DIMENSIONS, len(x)), None)
    return np.asarray(vectors[:, top] * np.sqrt(np.maximum(values[top], 0.0)))


def clusters(
    embedding: NDArray[np.floating],
    count: int,
    weight: NDArray[np.floating],
    rng: np.random.Generator,
) -> Clusters:
    """Cluster n rows into at most `count` clusters, fewer when fewer rows differ.

    Args:
        embedding: (n, d).
        count: ≥ 1.
        weight: (n,) ≥ 0, pulls the centres.
        rng: Source of the starting centres.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    x = reduce(embedding)
    n = len(x)
    distinct = len(np.unique(x.round(9), axis=0)) if n else 0
    k = min(count, distinct)
    if k <= 1:
        return Clusters(np.zeros(n, dtype=np.intp), np.linalg.norm(x, axis=1))
    seed = int(rng.integers(2**31 - 1))
    with warnings.catch_warnings():
        # Points that differ only by rounding: fewer clusters come back, which is right.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit = KMeans(k, n_init=2, random_state=seed).fit(x, sample_weight=weight + 1e-9)
    distance = np.linalg.norm(x - fit.cluster_centers_[fit.labels_], axis=1)
    label = np.unique(fit.labels_, return_inverse=True)[1]
    return Clusters(label.reshape(-1).astype(np.intp), distance)

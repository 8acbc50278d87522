"""What is watched of an observation: a few numbers of its embedding and of its decision."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twoloops.records.observation import Decision

Array = NDArray[np.float64]

COMPONENTS = 8
"""Directions of an embedding that are watched, those of most variance in the reference."""

NEAREST = 3
"""Of the learned observations, to which a distance is taken."""


@dataclass(frozen=True)
class View:
    """How embeddings are looked at; made from one part of the reference, and then fixed.

    Args:
        mean: (d,).
        scale: (d,), above 0.
        directions: (k, d), orthonormal.
        seen: (n, d) standardised embeddings that distances are taken to.
    """

    mean: Array
    scale: Array
    directions: Array
    seen: Array

    @property
    def names(self) -> tuple[str, ...]:
        """The features, in the order of `of`."""
        return (*(f"direction {at + 1}" for at in range(len(self.directions))), "distance")

    def of(self, embedding: NDArray[np.floating]) -> Array:
        """Return the features, (n, d) → (n, k + 1).

        The last is the mean distance to the nearest observations seen, the others are
        coordinates along the directions.
        """
        x = _standardised(embedding, self.mean, self.scale)
        squares = (x**2).sum(axis=1)[:, None] + (self.seen**2).sum(axis=1)
        apart = np.sqrt(np.maximum(squares - 2 * x @ self.seen.T, 0.0))
        count = min(NEAREST, len(self.seen))
        near = np.partition(apart, count - 1, axis=1)[:, :count].mean(axis=1)
        return np.column_stack([x @ self.directions.T, near])


def view(embedding: NDArray[np.floating]) -> View:
    """Choose what is watched of embeddings (n ≥ 2, d): directions of most variance."""
    x = np.asarray(embedding, dtype=np.float64)
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    some = deviation[deviation > 0]
    # What never varied has no scale of its own: a change of it is measured by the others'.
    floor = 0.1 * float(np.median(some)) if some.size else 1.0
    scale = np.maximum(deviation, floor)
    seen = _standardised(x, mean, scale)
    _, sizes, directions = np.linalg.svd(seen, full_matrices=False)
    kept = int(min(COMPONENTS, (sizes > 1e-9).sum()))
    # The sign of a direction is the solver's whim; fixed, so that a repeated look says the same.
    signs = np.sign(directions[np.arange(kept), np.abs(directions[:kept]).argmax(axis=1)])
    return View(mean, scale, directions[:kept] * signs[:, None], seen)


def of_decisions(decisions: Sequence[Decision], labels: Sequence[str]) -> Array:
    """Return the features `decision_names` names, n decisions → (n, k + 2)."""
    out = np.zeros((len(decisions), len(labels) + 2))
    index = {label: at for at, label in enumerate(labels)}
    for row, one in enumerate(decisions):
        if one.label in index:
            out[row, index[one.label]] = 1.0
        out[row, -2] = max(one.probabilities, default=1.0)
        out[row, -1] = one.novelty
    return out


def decision_names(labels: Sequence[str]) -> tuple[str, ...]:
    """Name what is watched of decisions.

    >>> decision_names(["crack", "ok"])
    ('share of crack', 'share of ok', 'confidence', 'novelty')
    """
    return (*(f"share of {label}" for label in labels), "confidence", "novelty")


def _standardised(x: NDArray[np.floating], mean: Array, scale: Array) -> Array:
    # Clipped: one broken reading must not be the only direction there is.
    return np.asarray(np.clip((np.asarray(x, dtype=np.float64) - mean) / scale, -20.0, 20.0))

"""Fit a head to hard labels and to a teacher's soft outputs together.

The loss is that of the plain head (`convergence.recipes.head`: balanced cross-entropy, an L2
penalty) plus the mean cross-entropy between the teacher's probabilities and the student's over
unlabelled observations, times weight × n: at weight 1 it counts as much as the n labels. Both sides
are softened by one temperature T and the term is multiplied by T², which keeps the size of its
gradient (Hinton, Vinyals and Dean 2015, section 2).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twoloops.convergence.recipes.head import SMOOTHING, Embeddings, Floats, Head, Scaling, softmax

STEPS = 300
"""Most steps of the solver; it needs 40 to 200."""

SPAN = 3000
"""Above so many items their span is no longer the cheaper space."""


@dataclass(frozen=True)
class Lesson:
    """What one student learns from; neither part is empty.

    Attributes:
        x: (n, d) embeddings of labelled items, by the student's base.
        y: (n,) indices into the task's labels.
        soft_x: (m, d) embeddings of unlabelled observations, by the same base.
        soft: (m, k) the teacher's probabilities; its columns are the distinct labels in `y`.
        sparse: How many leading features are counts.
    """

    x: Embeddings
    y: NDArray[np.intp]
    soft_x: Embeddings
    soft: Floats
    sparse: int


def soften(probabilities: Floats, temperature: float) -> Floats:
    """Return softmax(log p / temperature), row by row.

    >>> soften(np.array([[0.8, 0.2]]), 2.0).round(3).tolist()
    [[0.667, 0.333]]
    """
    return softmax(np.log(np.maximum(probabilities, 1e-12)) / temperature)


def fit_soft(
    plain: Head, lesson: Lesson, *, weight: float, temperature: float, strength: float
) -> Head:
    """Return the student's head, not yet calibrated.

    Args:
        plain: The head of the same labelled items without a teacher. Its classes, and what is new
            to it, stay: novelty is distance from what has a label.
        lesson: What is learned from.
        weight: Of the soft part beside the labels, above 0.
        temperature: T, at least 1.
        strength: Inverse regularisation strength, as the plain head's.
    """
    from scipy.sparse import csr_matrix

    share = weight * len(lesson.x) / len(lesson.soft_x)
    scaling = _scaling(lesson, share)
    scaled: Any = np.vstack([scaling.apply(lesson.x), scaling.apply(lesson.soft_x)])
    if np.count_nonzero(scaled[:100]) < 0.2 * scaled[:100].size:
        scaled = csr_matrix(scaled)  # long counts: several times cheaper
    reduced, back = _span(scaled)
    hard = (lesson.y[:, None] == plain.classes).astype(np.float64)
    balance = hard @ (len(hard) / (hard.shape[1] * hard.sum(axis=0)))
    weights, bias = _solve(
        reduced[: len(hard)],
        reduced[len(hard) :],
        hard,
        soften(lesson.soft, temperature),
        balance=balance,
        share=share,
        temperature=temperature,
        strength=strength,
    )
    return replace(plain, scaling=scaling, weights=back(weights), bias=bias, temperature=1.0)


def _span(scaled: Any) -> tuple[Any, Callable[[Floats], Floats]]:
    """Rotate items into the span they live in, as the plain head does, and return the way back.

    The solver's own work grows with the width: in the span of the items it is several times less.
    """
    n, d = scaled.shape
    if n >= d or n > SPAN:
        return scaled, lambda weights: weights
    gram = scaled @ scaled.T
    values, vectors = np.linalg.eigh(gram if isinstance(gram, np.ndarray) else gram.toarray())
    keep = values > 1e-9 * max(values[-1], 1e-9)
    root = np.sqrt(values[keep])
    basis = vectors[:, keep] / root
    return vectors[:, keep] * root, lambda weights: scaled.T @ (basis @ weights)


def _scaling(lesson: Lesson, share: float) -> Scaling:
    """Learn the scaling of the plain head from both parts: a soft item is `share` of an item.

    That is half of the gain on counts: the teacher says for many more n-grams what they tell.
    """
    from scipy.sparse import csr_matrix

    k = lesson.sparse
    ratio = np.ones(k)
    if k:
        labels = np.unique(lesson.y)
        present = lesson.x[:, :k] > 0
        inside = np.stack([present[lesson.y == c].sum(axis=0) for c in labels]).astype(np.float64)
        inside += (
            share * (csr_matrix(lesson.soft_x[:, :k] > 0).astype(np.float64).T @ lesson.soft).T
        )
        outside = inside.sum(axis=0) - inside + SMOOTHING
        inside += SMOOTHING
        logs = np.log(inside / inside.sum(axis=1, keepdims=True))
        logs -= np.log(outside / outside.sum(axis=1, keepdims=True))
        ratio = np.abs(logs).max(axis=0)
    rest = np.vstack([lesson.x[:, k:], lesson.soft_x[:, k:]]).astype(np.float64)
    deviation = rest.std(axis=0)
    # As in the plain head: what hardly ever varied must not explode later.
    floor = 0.1 * float(np.median(deviation)) if rest.shape[1] else 1.0
    deviation = np.maximum(deviation, max(floor, 1e-6))
    return Scaling(ratio, rest.mean(axis=0), 1 / (deviation * np.sqrt(max(rest.shape[1], 1))))


def _solve(
    x: Any,
    soft_x: Any,
    hard: Floats,
    soft: Floats,
    *,
    balance: Floats,
    share: float,
    temperature: float,
    strength: float,
) -> tuple[Floats, Floats]:
    """Minimise the loss from zero, so that the result does not depend on what was fitted before."""
    from scipy.optimize import minimize

    (d, k), total = (x.shape[1], hard.shape[1]), balance.sum() + share * len(soft)

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights, bias = flat[: d * k].reshape(d, k), flat[d * k :]
        own, p = _cross_entropy(x @ weights + bias, hard)
        taught, q = _cross_entropy((soft_x @ weights + bias) / temperature, soft)
        value = balance @ own + share * temperature**2 * taught.sum()
        value += 0.5 * (weights**2).sum() / strength
        pull, soft_pull = balance[:, None] * (p - hard), share * temperature * (q - soft)
        slope = x.T @ pull + soft_x.T @ soft_pull + weights / strength
        return value / total, np.append(slope, pull.sum(axis=0) + soft_pull.sum(axis=0)) / total

    options = {"maxiter": STEPS, "maxls": 50, "gtol": 1e-4, "ftol": 64 * np.finfo(float).eps}
    found = minimize(loss, np.zeros(d * k + k), jac=True, method="L-BFGS-B", options=options)
    return found.x[: d * k].reshape(d, k), found.x[d * k :]


def _cross_entropy(logits: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Return the cross-entropy to targets (n,), and the probabilities (n, k)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    sums = powers.sum(axis=1, keepdims=True)
    return np.log(sums[:, 0]) - (targets * shifted).sum(axis=1), powers / sums

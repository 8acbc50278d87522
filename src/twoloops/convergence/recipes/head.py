"""The `head` recipe: a regularised multinomial logistic head on frozen embeddings.

Three steps, each of which ends in one deployed graph (see `export`):

1. Leading count features are weighted by the log-count ratio of each bucket (naive-Bayes
   features, Wang and Manning 2012), then brought to unit length; other features are
   standardised. Both are learned from the training items only.
2. A logistic head with balanced classes is fitted in the span of the items: with n items and
   d ≫ n features the solution lies in an n-dimensional space, so that fitting there is exact
   and fast. Its strength is chosen by cross-validation over folds of whole groups.
3. Probabilities are calibrated by one temperature on out-of-fold logits (Guo et al. 2017).
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Embeddings = NDArray[np.float32]

STRENGTHS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Inverse regularisation strengths tried; the spacing is a factor of about three."""

FOLDS = 5
SPAN_LIMIT = 1000
"""Above so many items the primal problem is the cheaper one, and folds see a sample."""

SMOOTHING = 0.25
"""Added to every bucket count in the log-count ratio."""


@dataclass(frozen=True)
class Scaling:
    """Step 1: what is done to an embedding before the linear map.

    Attributes:
        ratio: (sparse,) weights of the leading count features.
        mean: (d − sparse,) of the other features.
        factor: (d − sparse,) 1 / (deviation · √(d − sparse)), so that the whole has about
            unit length.
    """

    ratio: Floats
    mean: Floats
    factor: Floats

    def apply(self, x: Embeddings) -> Floats:
        """Scale embeddings (n, d) → (n, d)."""
        k = len(self.ratio)
        counts = x[:, :k] * self.ratio
        counts /= np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-6)
        return np.hstack([counts, (x[:, k:] - self.mean) * self.factor])


@dataclass(frozen=True)
class Head:
    """A fitted head: logits = (scaled x · weights + bias) / temperature.

    Attributes:
        classes: Which label each column stands for (indices into the task's labels).
        weights: (d, k).
        bias: (k,).
        centres: (k, d) unit vectors, the mean direction of each class.
        reach: Distance (1 − cosine) to the nearest centre that 95 % of the training items keep
            within; an item at this distance has novelty 0.5.
    """

    scaling: Scaling
    classes: NDArray[np.intp]
    weights: Floats
    bias: Floats
    temperature: float
    centres: Floats
    reach: float

    def logits(self, x: Embeddings) -> Floats:
        """Return uncalibrated logits (n, k)."""
        out: Floats = self.scaling.apply(x) @ self.weights + self.bias
        return out

    def probabilities(self, x: Embeddings, labels: int) -> Floats:
        """Return calibrated probabilities (n, labels); 0 for labels never seen."""
        out = np.zeros((len(x), labels))
        out[:, self.classes] = softmax(self.logits(x) / self.temperature)
        return out

    def novelty(self, x: Embeddings) -> Floats:
        """Return the novelty (n,) in [0, 1]."""
        return np.clip(0.5 * _distance(x, self.centres) / max(self.reach, 1e-3), 0.0, 1.0)


@dataclass(frozen=True)
class CrossFitted:
    """A head with the heads of its folds, so that it can be asked about its own past honestly.

    Attributes:
        full: Fitted on everything; this one is deployed.
        parts: One head a fold, fitted without it.
        known: Groups the full head has learned from.
        strength: The chosen inverse regularisation strength.
        loss: Cross-validated log-loss at that strength, in nats.
        operations: Floating-point operations spent (estimated from matrix sizes).
    """

    full: Head
    parts: tuple[Head, ...]
    known: frozenset[str]
    strength: float
    loss: float
    operations: float

    def honest(self, x: Embeddings, groups: Sequence[str], labels: int) -> Floats:
        """Probabilities (n, labels) by a head that has not learned from the item's group."""
        out = np.zeros((len(x), labels))
        which = np.array([fold_of(g) if g in self.known else -1 for g in groups], dtype=np.intp)
        for fold in np.unique(which):
            head = self.full if fold < 0 else self.parts[fold]
            out[which == fold] = head.probabilities(x[which == fold], labels)
        return out


def fold_of(group: str, folds: int = FOLDS) -> int:
    """Return the fold of a group: by its name, so that every fit cuts the same groups together.

    >>> fold_of("a") == fold_of("a")
    True
    """
    return hashlib.sha256(group.encode()).digest()[0] % folds


def softmax(logits: Floats) -> Floats:
    """Row-wise softmax."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    out: Floats = shifted / shifted.sum(axis=1, keepdims=True)
    return out


def fit(
    x: Embeddings,
    y: NDArray[np.intp],
    groups: Sequence[str],
    *,
    sparse: int = 0,
    judges: NDArray[np.bool_] | None = None,
) -> CrossFitted:
    """Fit a head.

    Args:
        x: (n, d) embeddings by the exact graph that is deployed.
        y: (n,) indices into the task's labels.
        groups: Group of each item; folds keep groups whole.
        sparse: How many leading features are counts.
        judges: (n,) items with a known inclusion probability; the temperature is fitted on
            these, since actively chosen items overstate difficulty.

    Of more than `SPAN_LIMIT` items the heads of the folds see a random sample of that size.
    """
    rows, fold = seen_by_folds(groups)
    xs, ys = x[rows], y[rows]
    paths = [_path(xs[k], ys[k], sparse, STRENGTHS) for k in remainders(fold)]
    logits = [held_out([path[j] for path in paths], xs, ys, fold) for j in range(len(STRENGTHS))]
    losses = [log_loss(one, ys, 1.0) for one in logits]
    chosen = int(np.argmin(losses))
    mask = np.ones(len(rows), bool) if judges is None else judges[rows]
    temperature = calibrated(logits[chosen], ys, mask)
    full = _path(x, y, sparse, (STRENGTHS[chosen],))[0]
    parts = tuple(replace(path[chosen], temperature=temperature) for path in paths)
    return CrossFitted(
        full=replace(full, temperature=temperature),
        parts=parts,
        known=frozenset(groups),
        strength=STRENGTHS[chosen],
        loss=losses[chosen],
        operations=_operations(len(rows), x.shape[1]) * FOLDS + _operations(len(y), x.shape[1]),
    )


def seen_by_folds(groups: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows that the heads of the folds see, and the fold of each."""
    rows = np.arange(len(groups))
    if len(groups) > SPAN_LIMIT:
        rows = np.random.default_rng(0).choice(len(groups), SPAN_LIMIT, replace=False)
    return rows, np.array([fold_of(groups[i]) for i in rows.tolist()], dtype=np.intp)


def remainders(fold: NDArray[np.intp]) -> list[NDArray[np.bool_]]:
    """Items outside each fold; all items where nothing would remain."""
    outside = [fold != k for k in range(FOLDS)]
    return [keep if keep.any() else ~keep for keep in outside]


def held_out(
    parts: Sequence[Head], x: Embeddings, y: NDArray[np.intp], fold: NDArray[np.intp]
) -> Floats:
    """Out-of-fold logits (n, labels), one head a fold; a class unseen in a fold gets −30."""
    logits = np.full((len(y), int(y.max()) + 1), -30.0)
    for k, head in enumerate(parts):
        at = np.flatnonzero(fold == k)
        if len(at):
            logits[np.ix_(at, head.classes)] = head.logits(x[at])
    return logits


def _path(
    x: Embeddings, y: NDArray[np.intp], sparse: int, strengths: tuple[float, ...]
) -> list[Head]:
    """Fit one head per strength on the same scaled items."""
    scaling = _scaling(x, y, sparse)
    scaled = scaling.apply(x)
    classes = np.unique(y)
    centres = _centres(x, y, classes)
    reach = float(np.quantile(_distance(x, centres), 0.95))
    if len(classes) == 1:
        flat = np.zeros((x.shape[1], 1))
        return [Head(scaling, classes, flat, np.zeros(1), 1.0, centres, reach) for _ in strengths]
    reduced, back = _span(scaled)
    if not reduced.any():  # all items look alike: nothing but the labels is left to tell
        even = np.zeros((x.shape[1], len(classes)))
        bias = np.zeros(len(classes))
        return [Head(scaling, classes, even, bias, 1.0, centres, reach) for _ in strengths]
    return [
        Head(scaling, classes, back(weights), bias, 1.0, centres, reach)
        for weights, bias in _logistic_path(reduced, y, strengths)
    ]


def _scaling(x: Embeddings, y: NDArray[np.intp], sparse: int) -> Scaling:
    present = x[:, :sparse] > 0
    ratio = np.ones(sparse)
    if sparse and len(np.unique(y)) > 1:
        logs = []
        for c in np.unique(y):
            inside = present[y == c].sum(axis=0) + SMOOTHING
            outside = present[y != c].sum(axis=0) + SMOOTHING
            logs.append(np.log(inside / inside.sum()) - np.log(outside / outside.sum()))
        ratio = np.abs(logs).max(axis=0)
    rest = x[:, sparse:].astype(float)
    deviation = rest.std(axis=0)
    # A feature that never varied says nothing yet; without the floor it would explode later.
    floor = 0.1 * float(np.median(deviation)) if rest.shape[1] else 1.0
    deviation = np.maximum(deviation, max(floor, 1e-6))
    return Scaling(ratio, rest.mean(axis=0), 1 / (deviation * np.sqrt(max(rest.shape[1], 1))))


def _centres(x: Embeddings, y: NDArray[np.intp], classes: NDArray[np.intp]) -> Floats:
    means = np.stack([x[y == c].mean(axis=0, dtype=float) for c in classes])
    out: Floats = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)
    return out


def _distance(x: Embeddings, centres: Floats) -> Floats:
    """1 − the largest cosine to a centre, (n,)."""
    # In double precision, as the file does it: see `export`.
    length = np.sqrt(np.einsum("ij,ij->i", x, x, dtype=np.float64))[:, None]
    out: Floats = 1 - (x @ centres.T / np.maximum(length, 1e-6)).max(axis=1)
    return out


def _span(scaled: Floats) -> tuple[Floats, Callable[[Floats], Floats]]:
    """Rotate items into the span they live in; returns them there and the way back for weights."""
    n, d = scaled.shape
    if n >= d or n > SPAN_LIMIT:
        return scaled, lambda weights: weights
    values, vectors = np.linalg.eigh(scaled @ scaled.T)
    keep = values > 1e-9 * max(values[-1], 1e-9)
    root = np.sqrt(values[keep])
    basis = vectors[:, keep] / root
    return vectors[:, keep] * root, lambda weights: scaled.T @ (basis @ weights)


def _logistic_path(
    x: Floats, y: NDArray[np.intp], strengths: tuple[float, ...]
) -> Iterator[tuple[Floats, Floats]]:
    """Balanced multinomial logistic regression: weights (d, k), bias (k,), by strength.

    Each strength starts where the one before ended, which takes far fewer steps.
    """
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    # Long count features are mostly zero: the sparse product is several times cheaper.
    dense = x.shape[0] <= SPAN_LIMIT or np.count_nonzero(x[:100]) > 0.2 * x[:100].size
    data = x if dense else csr_matrix(x)
    model = LogisticRegression(class_weight="balanced", max_iter=2000, warm_start=True)
    for strength in strengths:
        model.set_params(C=strength).fit(data, y)
        if len(model.classes_) == 2:  # scikit-learn keeps one column for two classes
            weights, bias = model.coef_.T / 2, model.intercept_ / 2
            yield np.hstack([-weights, weights]), np.concatenate([-bias, bias])
        else:
            yield model.coef_.T.copy(), model.intercept_.copy()


def log_loss(logits: Floats, y: NDArray[np.intp], temperature: float) -> float:
    """Return the mean log-loss of logits (n, k) at a temperature, in nats."""
    scaled = logits / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    own = scaled[np.arange(len(y)), y]
    # No single item may cost more than ln(1000): one mislabelled item must not choose for all.
    each = np.minimum(np.log(np.exp(scaled).sum(axis=1)) - own, np.log(1000.0))
    return float(each.mean())


def calibrated(logits: Floats, y: NDArray[np.intp], judges: NDArray[np.bool_]) -> float:
    """The temperature in [0.2, 5] of least log-loss, on judging items where there are enough."""
    at = judges if judges.sum() >= 30 else np.ones(len(y), bool)
    grid = np.geomspace(0.2, 5.0, 49)
    return float(grid[int(np.argmin([log_loss(logits[at], y[at], t) for t in grid]))])


def _operations(n: int, d: int) -> float:
    """Multiply-adds × 2 of one path: the Gram matrix, its eigenvectors, the solver's passes."""
    m = min(n, d)
    return 2.0 * n * d * m + 10.0 * m**3 + len(STRENGTHS) * 60 * 6 * 2.0 * n * m

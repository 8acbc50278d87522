"""The protocol that selection strategies are compared by; needs numpy and scikit-learn only.

Predict the coming batch, then label some of it, retrain. The encoder is frozen, the head is a
balanced multinomial logistic regression on standardised embeddings; its strength is chosen by
3-fold cross-validation when half as many labels again have come in. The figure of a run is the
area under accuracy by labels: the mean accuracy over all batches that were predicted after the
first selection. The first batch is predicted by the seed's head, the same for every strategy.

Kept apart from `selection.py` because the peers' environment runs it without the project.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

STRENGTHS = (0.3, 3.0, 30.0, 300.0)
KEPT = 0.85
"""Share of a stream's rows that each seed keeps: seeds vary the stream as well."""

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


class Head:
    """A logistic head fitted in the span of its items, which is exact and fast for n ≪ d."""

    def __init__(self) -> None:
        self.strength, self.chosen_at = 1.0, 0

    def fit(self, x: Floats, y: Rows) -> "Head":
        """Fit on n items (n, d) with labels (n,)."""
        deviation = x.std(axis=0)
        floor = 0.1 * np.median(deviation) + 1e-6
        self.mean = x.mean(axis=0)
        self.factor = 1 / (np.maximum(deviation, floor) * np.sqrt(x.shape[1]))
        z = self.scale(x)
        values, vectors = np.linalg.eigh(z @ z.T)
        keep = values > 1e-9 * max(values[-1], 1e-12)
        root = np.sqrt(values[keep])
        self.classes = np.unique(y)
        self.weights, self.bias = np.zeros((x.shape[1], 1)), np.zeros(1)
        if len(self.classes) < 2:
            return self
        reduced = vectors[:, keep] * root
        if len(y) >= 1.5 * self.chosen_at:
            self.strength, self.chosen_at = choose(reduced, y), len(y)
        model = logistic(self.strength).fit(reduced, y)
        back = z.T @ (vectors[:, keep] / root)
        coefficients, self.bias = model.coef_, model.intercept_
        if len(self.classes) == 2:
            coefficients, self.bias = (
                np.vstack([0 * coefficients, coefficients]),
                np.r_[0, self.bias],
            )
        self.weights = back @ coefficients.T
        return self

    def scale(self, x: Floats) -> Floats:
        """Standardise embeddings to about unit length."""
        return (x - self.mean) * self.factor

    def probabilities(self, x: Floats, labels: int) -> Floats:
        """Return (n, labels); 0 for labels never seen."""
        logits = self.scale(x) @ self.weights + self.bias
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        out = np.zeros((len(x), labels))
        out[:, self.classes] = p / p.sum(axis=1, keepdims=True)
        return out


def logistic(strength: float) -> LogisticRegression:
    """Return the unfitted classifier."""
    return LogisticRegression(C=strength, class_weight="balanced", max_iter=300, tol=1e-3)


def choose(x: Floats, y: Rows) -> float:
    """Return the strength of least log-loss over 3 fixed folds."""
    fold = np.random.default_rng(0).permutation(len(y)) % 3
    losses = []
    for strength in STRENGTHS:
        loss = 0.0
        for k in range(3):
            train, test = fold != k, fold == k
            if len(np.unique(y[train])) < 2:
                continue
            model = logistic(strength).fit(x[train], y[train])
            p = np.full((test.sum(), y.max() + 1), 1e-3)
            p[:, model.classes_] = np.maximum(model.predict_proba(x[test]), 1e-3)
            loss -= np.log(p[np.arange(len(p)), y[test]]).sum()
        losses.append(loss)
    return STRENGTHS[int(np.argmin(losses))]


@dataclass
class State:
    """What a strategy may look at: the batch, the head, what is labelled, how many to pick."""

    batch: Floats
    probabilities: Floats
    head: Head
    known: Floats
    labels: Rows
    classes: int
    budget: int
    rng: np.random.Generator


Pick = Callable[[State], tuple[list[int], list[int]]]
"""Returns rows of the batch: those that train at once, and those that judge first."""


@dataclass
class Stream:
    """Embeddings (n, d), labels (n,), part 0 = seed and then batches, budget of one batch."""

    x: Floats
    y: Rows
    parts: list[Rows]
    budget: int


def replay(stream: Stream, pick: Pick, seed: int) -> list[float]:
    """Run one strategy over one stream; return the accuracy on each batch."""
    classes = int(stream.y.max()) + 1
    labelled = [int(i) for i in stream.parts[0]]
    waiting: list[int] = []
    head = Head().fit(stream.x[labelled], stream.y[labelled])
    rng = np.random.default_rng([seed, 1])
    accuracy = []
    for batch in stream.parts[1:]:
        x = stream.x[batch]
        p = head.probabilities(x, classes)
        accuracy.append(float((p.argmax(axis=1) == stream.y[batch]).mean()))
        state = State(
            x, p, head, stream.x[labelled], stream.y[labelled], classes, stream.budget, rng
        )
        now, later = pick(state)
        assert len({*now, *later}) == min(stream.budget, len(batch)), "budget not kept"
        labelled += waiting + [int(batch[i]) for i in now]
        waiting = [int(batch[i]) for i in later]
        head.fit(stream.x[labelled], stream.y[labelled])
    return accuracy


def area(accuracy: list[float]) -> float:
    """Return the area under accuracy by labels, in points (0 to 100)."""
    return 100 * float(np.mean(accuracy[1:]))


def arrange(file: Path, order: str, seed: int) -> Stream:
    """Read a cached stream and put it into an order.

    `ordered`: the stream's own order of batches. `shuffled`: all rows dealt anew. `joining`,
    for sets without an order: two labels at first, the others join one after another. A seed
    keeps `KEPT` of the rows and draws the labelled beginning from the first batch anew.
    """
    with np.load(file) as data:
        x, y, turn = data["x"].astype(float), data["y"], data["turn"]
        budget, first = int(data["budget"]), int((turn == 0).sum())
    rng = np.random.default_rng([seed, 2])
    kept = rng.permutation(len(y))[: round(KEPT * len(y))]
    place = np.maximum(turn, 1)[kept].astype(float)  # the seed was drawn from the first batch
    sizes = np.bincount(place.astype(int))[1:]
    if order == "shuffled":
        place = rng.random(len(kept))
    if order == "joining":
        k = int(y.max()) + 1
        start = np.zeros(k)
        start[rng.permutation(k)] = np.r_[0, np.linspace(0, 0.8, k - 1)]
        begin = start[y[kept]]
        place = begin + (1 - begin) * rng.random(len(kept))
    batches = np.split(kept[np.argsort(place, kind="stable")], np.cumsum(sizes)[:-1])
    drawn = rng.permutation(batches[0])
    return Stream(x, y, [drawn[:first], drawn[first:], *batches[1:]], budget)

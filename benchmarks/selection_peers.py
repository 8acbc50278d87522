"""scikit-activeml's strategies under the protocol; run by `selection.py` in their environment.

Same embeddings, head, budget, streams and seeds. A strategy is given the standardised
embeddings of what is labelled and of the batch, and the already fitted head; it may pick from
the batch only.

Usage: python selection_peers.py JOBS.json OUT.json
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
from selection_protocol import Head, Pick, State, arrange, replay
from skactiveml.classifier import SklearnClassifier
from skactiveml.pool import Badge, Clue, CoreSet, RandomSampling, TypiClust, UncertaintySampling
from sklearn.base import BaseEstimator, ClassifierMixin


class Fitted(ClassifierMixin, BaseEstimator):
    """The protocol's head as a scikit-learn classifier that is fitted already."""

    def __init__(self, head: Head | None = None) -> None:
        self.head = head

    def fit(self, X, y, sample_weight=None):
        """Do nothing but note the classes."""
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        """Return probabilities of standardised embeddings."""
        logits = X @ self.head.weights + self.head.bias
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    def predict(self, X):
        """Return the most probable class."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


STRATEGIES = {
    "RandomSampling": lambda seed: RandomSampling(random_state=seed),
    "UncertaintySampling margin": lambda seed: UncertaintySampling(
        "margin_sampling", random_state=seed
    ),
    "UncertaintySampling entropy": lambda seed: UncertaintySampling("entropy", random_state=seed),
    "CoreSet": lambda seed: CoreSet(random_state=seed),
    "TypiClust": lambda seed: TypiClust(random_state=seed),
    "Badge": lambda seed: Badge(random_state=seed),
    "Clue": lambda seed: Clue(random_state=seed),
}


def counterpart(name: str) -> Pick:
    """Return a strategy of theirs as the protocol wants it."""

    def pick(state: State) -> tuple[list[int], list[int]]:
        n = len(state.known)
        z = state.head.scale(np.vstack([state.known, state.batch]))
        y = np.r_[state.labels.astype(float), np.full(len(state.batch), np.nan)]
        budget = min(state.budget, len(state.batch))
        given = {"X": z, "y": y, "candidates": np.arange(n, len(z)), "batch_size": budget}
        strategy = STRATEGIES[name](int(state.rng.integers(2**31 - 1)))
        model = SklearnClassifier(Fitted(state.head), classes=list(range(state.classes)))
        if name == "Clue":
            given |= {"estimator": model.fit(z, y), "fit_estimator": False}
        elif name.startswith(("Uncertainty", "Badge")):
            given |= {"clf": model.fit(z, y), "fit_clf": False}
        return [int(i) - n for i in strategy.query(**given)], []

    return pick


def main(jobs: str, out: str) -> None:
    """Run every strategy on every job: a list of [file, order, seeds]."""
    warnings.filterwarnings("ignore")  # k-means on equal points
    found = []
    for file, order, seeds in json.loads(Path(jobs).read_text()):
        streams = [arrange(Path(file), order, seed) for seed in range(seeds)]
        found.append(
            {
                name: [replay(stream, counterpart(name), i) for i, stream in enumerate(streams)]
                for name in STRATEGIES
            }
        )
        print(f"  scikit-activeml: {len(found)} done", file=sys.stderr, flush=True)
    Path(out).write_text(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

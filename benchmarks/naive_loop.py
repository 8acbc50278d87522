"""Our selection beside the naive data loop and plain accumulation, on scikit-learn's digits.

1,797 digits, for each seed cut anew into 60 labelled at first, a stream of 1,200 in three
rounds and 537 for testing. All get the same estimator (standardised pixels, logistic
regression) and the same number of labels.

- *naive*: the policy of edge incremental learning as Sedna and Ianvs have it, stated again
  here: the deployed model keeps the hard examples of the round (entropy / ln(10) above a
  threshold), a new model is trained on these alone, and it replaces the deployed one if its
  accuracy on the test set is higher by more than 0.01. (The gate thus sees the test set; that
  favours it.)
- *accumulation*: the hardest of each round, added to all labels so far; always deployed.
- *random*: the same, drawn at random.
- *ours*: as many labels as the naive filter took in that round, chosen by `spread`, added to
  all labels so far; always deployed. `turn` draws a quarter of them as random audit labels,
  which train one round later.

    python benchmarks/naive_loop.py [--seeds 20]
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # small matrices: one thread is several times faster

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from twoloops.physical.select import Candidates, audit, entropy, select

RESULT = Path(__file__).parent / "results" / "naive_loop.json"
INITIAL, STREAM, ROUNDS = 60, 1200, 3
HARD = (0.1, 0.2, 0.3, 0.5)
"""Entropies, in shares of ln(10), above which an example is hard: no choice is made for them."""
DELTA = 0.01
AUDIT_SHARE = 0.25

Rows = NDArray[np.intp]
Floats = NDArray[np.float64]


def fitted(x: Floats, y: Rows) -> Pipeline:
    """Fit the estimator that all loops share."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return model.fit(x, y)


def hard(model: Pipeline, x: Floats, threshold: float) -> Rows:
    """Return the rows that the naive filter keeps."""
    return np.flatnonzero(entropy(model.predict_proba(x)) / np.log(10) > threshold)


def chosen(model: Pipeline, x: Floats, count: int, audited: Rows, rng: np.random.Generator) -> Rows:
    """Return the rows that `spread` picks beside the audited ones."""
    excluded = np.zeros(len(x), dtype=bool)
    excluded[audited] = True
    candidates = Candidates(
        probabilities=model.predict_proba(x),
        embedding=x,
        novelty=np.zeros(len(x)),
        groups=[str(i) for i in range(len(x))],
        excluded=excluded,
        at_random=len(audited),
    )
    picks = select(candidates, count - len(audited), "spread", rng)
    return np.array([pick.index for pick in picks], dtype=np.intp)


def run(seed: int, threshold: float) -> dict[str, Any]:
    """Run all loops on one cut of the data; return accuracies on the test set and the labels."""
    x, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(y))
    first, stream, test = np.split(order, [INITIAL, INITIAL + STREAM])
    rounds = np.array_split(stream, ROUNDS)
    start = fitted(x[first], y[first])

    def accuracy(model: Pipeline) -> float:
        return float(model.score(x[test], y[test]))

    deployed, budgets = start, []
    for batch in rounds:
        kept = batch[hard(deployed, x[batch], threshold)]
        budgets.append(len(kept))
        if len(np.unique(y[kept])) > 1:
            candidate = fitted(x[kept], y[kept])
            if accuracy(candidate) > accuracy(deployed) + DELTA:
                deployed = candidate

    def accumulate(pick: Callable[[Pipeline, Rows, int], tuple[Rows, Rows]]) -> Pipeline:
        """Add what is picked of each round; audit labels train one round later."""
        known, waiting, model = first, first[:0], start
        for batch, budget in zip(rounds, budgets, strict=True):
            now, later = pick(model, batch, budget)
            known, waiting = np.concatenate([known, waiting, now]), later
            model = fitted(x[known], y[known])
        return model

    def plain(model: Pipeline, batch: Rows, budget: int) -> tuple[Rows, Rows]:
        """The hardest of the round, as many as the naive filter took."""
        score = entropy(model.predict_proba(x[batch]))
        return batch[np.argsort(-score, kind="stable")[:budget]], batch[:0]

    def at_random(model: Pipeline, batch: Rows, budget: int) -> tuple[Rows, Rows]:
        return rng.permutation(batch)[:budget], batch[:0]

    def ours(model: Pipeline, batch: Rows, budget: int) -> tuple[Rows, Rows]:
        return batch[chosen(model, x[batch], budget, batch[:0], rng)], batch[:0]

    def turn(model: Pipeline, batch: Rows, budget: int) -> tuple[Rows, Rows]:
        picks = audit(np.ones(len(batch)), round(AUDIT_SHARE * budget), rng)
        audited = np.array([pick.index for pick in picks], dtype=np.intp)
        return batch[chosen(model, x[batch], budget, audited, rng)], batch[audited]

    loops = {"accumulation": plain, "random": at_random, "ours": ours, "turn": turn}
    scores = {"never retrained": accuracy(start), "naive": accuracy(deployed)}
    scores |= {name: accuracy(accumulate(pick)) for name, pick in loops.items()}
    everything = np.concatenate([first, stream])
    scores["everything labelled"] = accuracy(fitted(x[everything], y[everything]))
    return {"accuracy": scores, "labels": INITIAL + sum(budgets)}


def interval(values: Floats) -> dict[str, float]:
    """Return mean and 95 % t-interval."""
    mean, n = float(np.mean(values)), len(values)
    half = float(scipy.stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return {"mean": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4)}


def shown(one: dict[str, float], sign: str = "") -> str:
    """Print a mean with its interval."""
    mean, low, high = (f"{one[key]:{sign}.4f}" for key in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def table(threshold: float, labels: list[int], scores: dict[str, Floats]) -> dict[str, Any]:
    """Print one threshold's table and return it."""
    print(
        f"digits, {len(labels)} seeds, hard above {threshold}: {INITIAL} labels at first, "
        f"{np.mean(labels):.0f} in the end ({min(labels)} to {max(labels)}), equal for all"
    )
    print(f"{'':22}{'accuracy':>26}{'ours − it, paired':>30}")
    accuracy = {name: interval(values) for name, values in scores.items()}
    minus = {name: interval(scores["ours"] - values) for name, values in scores.items()}
    for name in scores:
        gap = "" if name == "ours" else shown(minus[name], "+")
        print(f"{name:22}{shown(accuracy[name]):>26}{gap:>30}")
    print()
    return {
        "hard_above": threshold,
        "labels": float(np.mean(labels)),
        "accuracy": accuracy,
        "ours_minus": minus,
    }


def main() -> None:
    """Measure, print and write `results/naive_loop.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="cuts of the data, at least 2")
    options = parser.parse_args()
    started = time.monotonic()
    tables = []
    gaps: dict[str, list[Floats]] = {"naive": [], "accumulation": []}
    for threshold in HARD:
        runs = [run(seed, threshold) for seed in range(options.seeds)]
        scores = {k: np.array([one["accuracy"][k] for one in runs]) for k in runs[0]["accuracy"]}
        tables.append(table(threshold, [one["labels"] for one in runs], scores))
        for name, values in gaps.items():
            values.append(scores["ours"] - scores[name])
    whole = {name: interval(np.mean(values, axis=0)) for name, values in gaps.items()}
    above = all(one["mean"] > 0 for one in whole.values())
    for name, one in whole.items():
        print(f"ours − {name}, all thresholds: {shown(one, '+')}")
    print(f"above both: {'yes' if above else 'NO'}; {time.monotonic() - started:.0f} s")
    result = {"seeds": options.seeds, "tables": tables, "ours_minus": whole, "above_both": above}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()

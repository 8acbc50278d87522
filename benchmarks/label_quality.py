"""Consensus and error-finding on planted errors: what the models of labels are worth.

Consensus: labellers err as often as planted; Dawid and Skene's model beside the majority vote, by
the share of items whose label comes out right. Error-finding: wrong labels are planted in real
streams; precision and recall of what cleanlab suspects, and of orders of equal length: at random,
and by the lowest own confidence of the same out-of-sample probabilities.

    python benchmarks/label_quality.py [--seeds 20] [--streams xsdd,hydraulic-pump] [--items 400]

Streams are read from the folder that TWOLOOPS_DATA names.
"""

import argparse
import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
from cleanlab.filter import find_label_issues
from scipy.stats import t as student
from streams import STREAMS

from twoloops.convergence.recipes.head import fit
from twoloops.digital.catalogue import first_base
from twoloops.edge.graph import Graph
from twoloops.physical.datasets import consensus as majority
from twoloops.physical.labelling.quality.consensus import consensus
from twoloops.physical.labelling.quality.suspects import suspects
from twoloops.records.label import Label
from twoloops.records.money import Money
from twoloops.records.observation import Place

RESULT = Path(__file__).parent / "results" / "label_quality.json"
RATES = (0.05, 0.20)
SHARES = (0.55, 0.25, 0.15, 0.05)
"""Of the planted labels: a normal one and three faults."""

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FREE = Money(Decimal(0), "EUR")

# Name → how often each labeller errs, and how many of them answer each item.
CASES: dict[str, tuple[tuple[float, ...], int]] = {
    "three, 5 % wrong each": ((0.05,) * 3, 3),
    "three, 20 % wrong each": ((0.20,) * 3, 3),
    "three, one careless (5, 5, 40 %)": ((0.05, 0.05, 0.40), 3),
    "three, one careless (20, 20, 60 %)": ((0.20, 0.20, 0.60), 3),
    "five, 20 % wrong each": ((0.20,) * 5, 5),
    "five, one careless (four 5 %, 40 %)": ((0.05,) * 4 + (0.40,), 5),
    "five, two answer each item, one careless": ((0.05,) * 4 + (0.40,), 2),
}


def interval(values: Sequence[float]) -> dict[str, float]:
    """Return mean and 95 % t-interval over seeds."""
    mean = float(np.mean(values))
    half = float(student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)
    return {"mean": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4)}


def answered(rates: Sequence[float], each: int, items: int, seed: int) -> tuple[Any, list[str]]:
    """Return labels by place and the truth; errors go to the labels beside the true one more often.

    Half of a labeller's errors are the label next to the true one, as confusions are; the rest is
    dealt evenly.
    """
    rng = np.random.default_rng(seed)
    k = len(SHARES)
    truth = rng.choice(k, items, p=SHARES)
    given = {}
    for item, true in enumerate(truth.tolist()):
        place = Place("bench", "e", item)
        given[place] = []
        for who in rng.permutation(len(rates))[:each].tolist():
            said = true
            if rng.random() < rates[who]:
                near = rng.random() < 0.5
                said = (true + 1) % k if near else (true + 1 + int(rng.integers(k - 1))) % k
            # The vote's ties go to the label given last: whose that is must be chance.
            at = NOW + timedelta(seconds=float(rng.random()))
            given[place].append(Label(place, str(said), f"person:{who}", at, FREE))
    return given, [str(true) for true in truth.tolist()]


def consensus_cases(seeds: int, items: int = 300) -> list[dict[str, Any]]:
    """Compare Dawid and Skene's model with the majority vote, paired over seeds."""
    out = []
    for name, (rates, each) in CASES.items():
        found: dict[str, list[float]] = {"single": [], "majority": [], "dawid_skene": []}
        for seed in range(seeds):
            given, truth = answered(rates, each, items, 1000 + seed)
            modelled = consensus(given)
            pairs = list(zip(given, truth, strict=True))
            found["single"].append(float(np.mean([given[p][0].label == t for p, t in pairs])))
            found["majority"].append(float(np.mean([majority(given[p]) == t for p, t in pairs])))
            found["dawid_skene"].append(float(np.mean([modelled[p].label == t for p, t in pairs])))
        gain = np.subtract(found["dawid_skene"], found["majority"]).tolist()
        out.append(
            {"case": name, "items": items, "seeds": seeds}
            | {key: interval(values) for key, values in found.items()}
            | {"gain": interval(gain)}
        )
        print(
            f"{name:42}", *(f"{key} {out[-1][key]['mean']:.3f}" for key in found), out[-1]["gain"]
        )
    return out


def embedded(stream: str) -> tuple[Any, Any, int]:
    """Return a stream's embeddings (n, d) by the product's first base, labels (n,), counts."""
    history = STREAMS[stream]()
    base = first_base(history.task.kind, history.task.shape)
    rows = list(history.rows())
    x = Graph(base.graph).run([row.input for row in rows])["embedding"]
    y = np.unique([str(row.label) for row in rows], return_inverse=True)[1]
    return x, y, base.card.sparse


def measured(found: Any, wrong: Any) -> dict[str, float]:
    """Return precision and recall of indices against a mask of planted errors."""
    hits = float(wrong[np.asarray(found, dtype=int)].sum())
    return {
        "precision": hits / max(len(found), 1),
        "recall": hits / wrong.sum(),
        "found": float(len(found)),
    }


def finding(stream: str, items: int, seeds: int) -> list[dict[str, Any]]:
    """Plant wrong labels in samples of a stream and look for them."""
    x, y, sparse = embedded(stream)
    k = int(y.max()) + 1
    out = []
    for rate in RATES:
        rows: dict[str, list[dict[str, float]]] = {}
        for seed in range(seeds):
            rng = np.random.default_rng([seed, 7])
            at = rng.permutation(len(y))[:items]
            truth = y[at]
            wrong = np.zeros(items, dtype=bool)
            wrong[rng.choice(items, round(rate * items), replace=False)] = True
            given = np.where(wrong, (truth + 1 + rng.integers(0, k - 1, items)) % k, truth)
            groups = [str(i) for i in at.tolist()]
            p = fit(x[at], given, groups, sparse=sparse).honest(x[at], groups, k)
            mine = [one.row for one in suspects(p, given)]
            own = np.argsort(p[np.arange(items), given], kind="stable")
            strict = find_label_issues(
                given, (p + 1e-9) / (p + 1e-9).sum(axis=1, keepdims=True),
                filter_by="prune_by_noise_rate", return_indices_ranked_by="self_confidence",
                n_jobs=1,
            )  # fmt: skip
            n = int(wrong.sum())
            for name, found in {
                "suspected": mine,
                "confident learning": strict,
                "suspected, as many as planted": mine[:n],
                "lowest own confidence, as many as planted": own[:n],
                "random, as many as suspected": rng.permutation(items)[: len(mine)],
            }.items():
                rows.setdefault(name, []).append(measured(found, wrong))
        for name, some in rows.items():
            one = {"stream": stream, "rate": rate, "items": items, "seeds": seeds, "order": name}
            one |= {key: interval([row[key] for row in some]) for key in some[0]}
            out.append(one)
            print(stream, rate, f"{name:42}", *(f"{key} {one[key]['mean']:.3f}" for key in some[0]))
    return out


def main() -> None:
    """Measure both parts and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="of the consensus; a quarter finds")
    parser.add_argument("--streams", default="xsdd,hydraulic-pump")
    parser.add_argument("--items", type=int, default=400)
    options = parser.parse_args()
    result: dict[str, Any] = {"consensus": consensus_cases(options.seeds), "finding": []}
    for stream in options.streams.split(","):
        result["finding"] += finding(stream, options.items, max(5, options.seeds // 4))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""The gate, simulated through the very `judge` a turn calls.

(a) Plain paired streams: how often a candidate that is no better (or exactly the margin worse)
    is released, beside a fixed test looked at again and again, and beside threshold rules.
(b) A candidate truly two points better: power and labels, beside one exact McNemar test; equal
    and better candidates under `not worse`, with and without the disagreement rate known.
(c) Whole streams with selection, refitting and reused labels: a linear classifier refitted every
    turn, labels by margin beside a random audit, everything judged on the same cross-fitted
    folds over ten turns.

Peers in (a) are rules, not packages: "any better" is what a metric threshold on the difference
does by default (MLflow's MetricThreshold with min_absolute_change 0), "a point better" is the
usual setting of a retraining trigger (such as Sedna's incremental learning).

    python benchmarks/gate.py [--streams 500] [--seed 0]
"""

import argparse
import dataclasses
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twoloops.convergence import betting
from twoloops.convergence.evaluate import wilson
from twoloops.convergence.gate import Census, Comparison, GateSettings, judge
from twoloops.convergence.policy import Policy

RESULT = Path(__file__).parent / "results" / "gate.json"
RIGHT = 0.9
Ints = NDArray[np.int64]


def share(hits: int, total: int) -> dict[str, float]:
    """A rate with its 95 % interval."""
    low, high = wilson(hits / total, total)
    return {"rate": hits / total, "low": low, "high": high, "streams": total}


def shown(one: dict[str, float]) -> str:
    """The same for people."""
    return f"{100 * one['rate']:5.1f} % ({100 * one['low']:.1f} to {100 * one['high']:.1f})"


def pairs(
    rng: np.random.Generator, n: int, discordance: float, gain: float
) -> tuple[Ints, Ints, Ints]:
    """Labels and decisions of two models that are right about 90 % of the time.

    They differ on `discordance` of the items; there the candidate wins or loses so that it is
    `gain` more accurate, and a tenth of the differences are two different mistakes.
    """
    both_wrong = min(0.1, (1 - abs(gain) / discordance) / 2)
    tilt = gain / discordance
    kind = rng.choice(
        4,
        n,
        p=[
            1 - discordance,
            discordance * (1 - both_wrong + tilt) / 2,
            discordance * (1 - both_wrong - tilt) / 2,
            discordance * both_wrong,
        ],
    )
    y = np.zeros(n, dtype=np.int64)
    alike = np.where(rng.random(n) < RIGHT, 0, 1)
    candidate = np.select([kind == 0, kind == 1, kind == 2], [alike, 0, 1], 1)
    deployed = np.select([kind == 0, kind == 1, kind == 2], [alike, 1, 0], 2)
    return y, candidate, deployed


def differences(y: Ints, candidate: Ints, deployed: Ints) -> NDArray[np.float64]:
    """Loss of the candidate − loss of the deployed model."""
    return (candidate != y).astype(float) - (deployed != y)


def labels_until_better(y: Ints, candidate: Ints, deployed: Ints, step: int = 1) -> int | None:
    """Look through `judge` after every `step` labels; labels at the release, or `None`."""
    bets = betting.start()
    for at in range(0, y.size, step):
        cut = slice(at, at + step)
        verdict, bets = judge(
            Comparison("better", y[cut], candidate[cut], deployed[cut], bets=bets)
        )
        if verdict.released:
            return min(at + step, y.size)
    return None


def wald_peeked(x: NDArray[np.float64], every: int) -> bool:
    """Whether a one-sided 5 % z test of the mean ever rejects, looked at every `every` labels."""
    for n in range(every, x.size + 1, every):
        seen = x[:n]
        error = seen.std() / math.sqrt(n)
        if error > 0 and seen.mean() / error < -1.645:
            return True
    return False


def mcnemar(x: NDArray[np.float64]) -> bool:
    """One exact one-sided McNemar test at 5 %."""
    won, lost = int((x < 0).sum()), int((x > 0).sum())
    ways = sum(math.comb(won + lost, k) for k in range(won, won + lost + 1))
    return ways <= 0.05 * (1 << (won + lost))


def plain_streams(streams: int, seed: int) -> dict[str, Any]:
    """Part (a): false releases."""
    rng = np.random.default_rng([seed, 1])
    rules: dict[str, Callable[[NDArray[np.float64]], bool]] = {
        "z test, looked at every 100 of 2,000 labels": lambda x: wald_peeked(x, 100),
        "z test, looked at once": lambda x: wald_peeked(x, 2000),
        "any better, once at 500 labels": lambda x: bool(x[:500].mean() < 0),
        "a point better, once at 500 labels": lambda x: bool(x[:500].mean() <= -0.01),
        "any better, ten looks of 50 labels": lambda x: any(
            x[: 50 * k].mean() < 0 for k in range(1, 11)
        ),
    }
    out: dict[str, Any] = {}
    for discordance in (0.02, 0.05, 0.10):
        hits = dict.fromkeys(rules, 0)
        ours = {"every label of 500": 0, "every 20 of 2,000 labels": 0}
        for _ in range(streams):
            drawn = pairs(rng, 2000, discordance, 0.0)
            x = differences(*drawn)
            ours["every label of 500"] += (
                labels_until_better(*(one[:500] for one in drawn)) is not None
            )
            ours["every 20 of 2,000 labels"] += labels_until_better(*drawn, step=20) is not None
            for name, rule in rules.items():
                hits[name] += rule(x)
        out[f"equal, discordance {discordance:.0%}"] = {
            **{f"gate `better`, looked at {name}": share(k, streams) for name, k in ours.items()},
            **{name: share(k, streams) for name, k in hits.items()},
        }
    for margin, discordance in ((0.05, 0.06), (0.05, 0.10), (0.03, 0.05), (0.02, 0.05)):
        settings = GateSettings(margin=margin)
        known = ever = plain = 0
        for _ in range(streams):
            y, candidate, deployed = pairs(rng, 250, discordance, -margin)
            known += not_worse(rng, y, candidate, deployed, discordance, settings)
            plain += not_worse(rng, y, candidate, deployed, None, settings)
            ever += any(
                not_worse(rng, y[:n], candidate[:n], deployed[:n], discordance, settings)
                for n in range(70, 251, 20)
            )
        out[f"{100 * margin:.0f} points worse, discordance {discordance:.0%}"] = {
            "gate `not worse`, disagreement known": share(known, streams),
            "gate `not worse`, disagreement unknown": share(plain, streams),
            "the same, any of ten turns reusing labels": share(ever, streams),
        }
    return out


def not_worse(
    rng: np.random.Generator,
    y: Ints,
    candidate: Ints,
    deployed: Ints,
    discordance: float | None,
    settings: GateSettings,
    observations: int = 460,
) -> bool:
    """Judge `not worse` with a fresh turn of observations, or without any."""
    n = 0 if discordance is None else observations
    comparison = Comparison(
        "not worse",
        y,
        candidate,
        deployed,
        disagreement=float(rng.binomial(n, discordance or 0.0)) / max(n, 1),
        observations=n,
    )
    return judge(comparison, settings)[0].released


def power(streams: int, seed: int) -> dict[str, Any]:
    """Part (b): how often a good candidate passes, and after how many labels."""
    rng = np.random.default_rng([seed, 2])
    out: dict[str, Any] = {"better": {}, "not worse": {}}
    for discordance in (0.03, 0.05, 0.10):
        until: list[float] = []
        once = {130: 0, 250: 0, 490: 0, 2000: 0}
        for _ in range(streams):
            drawn = pairs(rng, 2000, discordance, 0.02)
            at = labels_until_better(*drawn, step=5)
            until.append(math.inf if at is None else at)
            x = differences(*drawn)
            for n in once:
                once[n] += mcnemar(x[:n])
        median = float(np.median(until))
        out["better"][f"2 points better, discordance {discordance:.0%}"] = {
            "median labels": median if math.isfinite(median) else None,
            **{
                f"at {n} labels": {
                    "gate": share(sum(at <= n for at in until), streams),
                    "one exact McNemar test": share(once[n], streams),
                }
                for n in once
            },
        }
    few = max(streams // 2, 100)
    for margin in (0.05, 0.03, 0.02):
        for gain in (0.0, 0.02):
            for discordance in (0.02, 0.05, 0.10):
                row: dict[str, Any] = {}
                for n in (130, 250, 490):
                    known = plain = 0
                    for _ in range(few):
                        y, candidate, deployed = pairs(rng, n, discordance, gain)
                        args = (rng, y, candidate, deployed)
                        settings = GateSettings(margin=margin)
                        known += not_worse(*args, discordance, settings)
                        plain += not_worse(*args, None, settings)
                    row[str(n)] = {"known": share(known, few), "unknown": share(plain, few)}
                name = f"margin {margin:.0%}, gain {gain:.0%}, discordance {discordance:.0%}"
                out["not worse"][name] = row
    return out


class World:
    """A stream of observations of four classes, in features that two recipes see in part.

    Both recipes see a shared part; each sees a part of its own. The two own parts have the same
    distribution, so that neither recipe is better, while their models do differ.
    """

    CLASSES, SHARED, OWN = 4, 10, 10

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.shared = rng.normal(size=(self.CLASSES, self.SHARED)) * 0.75
        self.own = rng.normal(size=(self.CLASSES, self.OWN)) * 0.45

    def draw(self, n: int) -> tuple[NDArray[np.float64], Ints]:
        """Observations (n, shared + own + own) and their labels."""
        y = self.rng.integers(0, self.CLASSES, n)
        means = np.hstack([self.shared[y], self.own[y], self.own[y]])
        return means + self.rng.normal(size=means.shape), y

    def columns(self, recipe: int) -> Ints:
        """What a recipe sees."""
        own = np.arange(self.OWN) + self.SHARED + recipe * self.OWN
        return np.concatenate([np.arange(self.SHARED), own])


def fit(x: NDArray[np.float64], y: Ints, classes: int) -> NDArray[np.float64]:
    """Linear classifier by ridge regression on one-hot labels: (features + 1, classes)."""
    design = np.hstack([x, np.ones((len(x), 1))])
    gram = design.T @ design + 3.0 * np.eye(design.shape[1])
    weights: NDArray[np.float64] = np.linalg.solve(gram, design.T @ np.eye(classes)[y])
    return weights


def scores(weights: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores (n, classes)."""
    out: NDArray[np.float64] = x @ weights[:-1] + weights[-1]
    return out


class Side:
    """One recipe, refitted on the labels so far, with its five folds."""

    FOLDS = 5

    def __init__(self, world: World, recipe: int, noise: float) -> None:
        self.world, self.columns, self.noise = world, world.columns(recipe), noise

    def refit(self, x: NDArray[np.float64], y: Ints, ids: Ints, flips: NDArray[np.float64]) -> None:
        """Fit on everything and without each fold; `flips` are fixed draws for label noise."""
        labels = np.where(flips < self.noise, (y + 1) % World.CLASSES, y)
        seen = x[:, self.columns]
        self.full = fit(seen, labels, World.CLASSES)
        self.parts = [
            fit(seen[ids % self.FOLDS != k], labels[ids % self.FOLDS != k], World.CLASSES)
            for k in range(self.FOLDS)
        ]

    def honest(self, x: NDArray[np.float64], ids: Ints, learned: NDArray[np.bool_]) -> Ints:
        """Decide by a model that has not learned from the item."""
        seen = x[:, self.columns]
        which = np.where(learned, ids % self.FOLDS, self.FOLDS)
        stacked = np.stack([scores(one, seen) for one in [*self.parts, self.full]])
        return stacked[which, np.arange(len(x))].argmax(axis=1)

    def accuracy(self, x: NDArray[np.float64], y: Ints) -> float:
        """On fresh items."""
        return float((scores(self.full, x[:, self.columns]).argmax(axis=1) == y).mean())


def verified(
    rng: np.random.Generator,
    comparison: Comparison,
    y: Ints,
    candidate: Ints,
    deployed: Ints,
    known: NDArray[np.bool_],
    count: int,
) -> tuple[Ints, Comparison]:
    """Label a random draw of where the two differ: those rows, and the sharper comparison."""
    open_rows = np.flatnonzero((candidate != deployed) & ~known)
    drawn = rng.permutation(open_rows)[:count]
    chance = drawn.size / max(open_rows.size, 1)
    census = Census(differences(y, candidate, deployed), np.ones(y.size), np.ones(y.size))
    census.x[open_rows] = 0.0
    if drawn.size:
        census.x[drawn] = differences(y[drawn], candidate[drawn], deployed[drawn]) / chance
        census.most[open_rows] = 1 / chance
    return drawn, dataclasses.replace(
        comparison,
        y=np.concatenate([comparison.y, y[drawn]]),
        candidate=np.concatenate([comparison.candidate, candidate[drawn]]),
        deployed=np.concatenate([comparison.deployed, deployed[drawn]]),
        new=np.concatenate([comparison.new, np.ones(drawn.size, dtype=bool)]),
        census=census if drawn.size or not open_rows.size else None,
    )


def whole_stream(
    rng: np.random.Generator, claim: str, noise: float, both_select: bool, turns: int = 10
) -> list[tuple[bool, float]]:
    """One stream: for each turn, whether the candidate was released and its true gain.

    With `both_select` the two sides take turns in choosing what is labelled, so that nothing
    at all tells them apart; otherwise the deployed one chooses, as in a real turn.
    """
    seed_size, volume, policy = 90, 460, Policy()
    audits = policy.audit_labels
    world = World(rng)
    fresh, truth = world.draw(3000)
    deployed = Side(world, 0, 0.0)
    candidate = Side(world, 1 if claim == "better" else 0, noise)
    total = seed_size + turns * volume
    x, y = world.draw(total)
    ids, flips = rng.permutation(total), rng.random(total)
    train = np.zeros(total, dtype=bool)
    train[:seed_size] = True
    judging = list(range(seed_size))
    bets, out, refused = betting.start(), [], False
    for side in (deployed, candidate):
        side.refit(x[train], y[train], ids[train], flips[train])
    waiting: Ints = np.empty(0, dtype=np.int64)
    for turn in range(turns):
        now = np.arange(seed_size + turn * volume, seed_size + (turn + 1) * volume)
        train[waiting] = True  # last turn's audit labels may train from now on
        audit = rng.choice(now, audits, replace=False)
        chooser = candidate if both_select and turn % 2 else deployed
        ranked = np.sort(scores(chooser.full, x[now][:, chooser.columns]), axis=1)
        hard = now[np.argsort(ranked[:, -1] - ranked[:, -2])]
        verify = policy.verify_labels(refused) if claim == "not worse" else 0
        chosen = hard[~np.isin(hard, audit)][: policy.labels_per_turn - audits - verify]
        train[chosen] = True
        waiting = audit
        candidate.refit(x[train], y[train], ids[train], flips[train])
        if claim == "better" or noise:
            deployed.refit(x[train], y[train], ids[train], flips[train])
        judging += [int(i) for i in audit]
        at = np.array(judging)
        said = [side.honest(x[now], ids[now], train[now]) for side in (candidate, deployed)]
        comparison = Comparison(
            claim,  # type: ignore[arg-type]
            y[at],
            candidate.honest(x[at], ids[at], train[at]),
            deployed.honest(x[at], ids[at], train[at]),
            new=np.ones(at.size, bool) if turn == 0 else np.isin(at, audit),
            disagreement=float((said[0] != said[1]).mean()),
            observations=volume,
            bets=bets,
        )
        verdict, after = judge(comparison)
        if claim == "not worse" and not verdict.released:
            known = np.isin(now, np.concatenate([audit, chosen]))
            drawn, comparison = verified(rng, comparison, y[now], said[0], said[1], known, verify)
            waiting = np.concatenate([audit, now[drawn]])
            verdict, after = judge(comparison)
        bets, refused = after, not verdict.released
        gain = candidate.accuracy(fresh, truth) - deployed.accuracy(fresh, truth)
        out.append((verdict.released, gain))
        if verdict.released and claim == "not worse" and not noise:
            deployed.full, deployed.parts = candidate.full, candidate.parts
            bets = betting.start()
    return out


NOISE = 0.165
"""Share of the candidate's training labels that are flipped in the second world of (c)."""


def whole_streams(streams: int, seed: int) -> dict[str, Any]:
    """Part (c)."""
    out: dict[str, Any] = {}
    for name, claim, noise, both in (
        ("equal recipes, both select, claim `better`", "better", 0.0, True),
        ("equal recipes, the deployed one selects, claim `better`", "better", 0.0, False),
        ("candidate fitted on noisy labels, claim `not worse`", "not worse", NOISE, False),
        ("more labels, same recipe, claim `not worse`", "not worse", 0.0, False),
    ):
        rng = np.random.default_rng([seed, 3])
        runs = [whole_stream(rng, claim, noise, both) for _ in range(streams)]
        released = np.array([[hit for hit, _ in run] for run in runs])
        gains = np.array([[gain for _, gain in run] for run in runs])
        worse = gains <= -0.05
        out[name] = {
            "mean true gain, points": 100 * float(gains.mean()),
            "released in any of ten turns": share(int(released.any(axis=1).sum()), streams),
            "released, of all turns": share(int(released.sum()), released.size),
            "released in any turn in which it is truly no better": share(
                int((released & (gains <= 0)).any(axis=1).sum()), streams
            ),
            "released in any turn in which it is truly 5 points worse": share(
                int((released & worse).any(axis=1).sum()), streams
            ),
            "released, of turns truly 5 points worse": (
                share(int((released & worse).sum()), int(worse.sum())) if worse.any() else None
            ),
        }
    return out


def golden_refusals(streams: int, seed: int) -> dict[str, Any]:
    """How often the golden set refuses an equal, and a 15 points worse, candidate."""
    rng = np.random.default_rng([seed, 4])
    out = {}
    empty = np.empty(0, dtype=np.int64)
    for size, discordance, gain in (
        (18, 0.05, 0.0),
        (18, 0.10, 0.0),
        (30, 0.05, 0.0),
        (30, 0.10, 0.0),
        (30, 0.20, -0.15),
    ):
        refused = {0: 0, 1: 0, 2: 0}
        for _ in range(streams):
            y, candidate, deployed = pairs(rng, size, discordance, gain)
            for allowance in refused:
                comparison = Comparison(
                    "not worse",
                    empty,
                    empty,
                    empty,
                    observations=2000,
                    golden_candidate=candidate == y,
                    golden_deployed=deployed == y,
                )
                verdict, _ = judge(comparison, GateSettings(golden_allowance=allowance))
                refused[allowance] += not verdict.released
        out[f"{size} items, discordance {discordance:.0%}, gain {gain:.0%}"] = {
            f"refused at {allowance} net": share(k, streams) for allowance, k in refused.items()
        }
    return out


def table(title: str, rows: dict[str, Any], indent: int = 0) -> None:
    """Print nested figures."""
    print(" " * indent + title)
    for name, value in rows.items():
        if isinstance(value, dict) and "rate" in value:
            print(" " * (indent + 2) + f"{name:<58} {shown(value)}")
        elif isinstance(value, dict):
            table(name, value, indent + 2)
        else:
            text = "none" if value is None else f"{value:.4g}"
            print(" " * (indent + 2) + f"{name:<58} {text}")


def main() -> None:
    """Run all parts, print them, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    results: dict[str, Any] = {"streams": options.streams, "seed": options.seed}
    parts = {
        "(a) false releases on plain streams": plain_streams,
        "(b) power": power,
        "(c) whole streams: selection, refitting, reused labels": whole_streams,
        "golden set": golden_refusals,
    }
    for title, part in parts.items():
        started = time.process_time()
        results[title] = part(options.streams, options.seed)
        table(title, results[title])
        print(f"  {time.process_time() - started:.0f} s of processor time", flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""The gate, simulated through the very `judge` a turn calls.

(a) Plain paired streams: how often a candidate that is no better (or exactly the margin worse)
    is released, beside a fixed test looked at again and again, and beside threshold rules.
(b) A candidate truly two points better: power and labels, beside one exact McNemar test; equal
    and better candidates under `not worse`, with and without the disagreement rate known.
(c) Whole streams with selection, refitting and reused labels over ten turns (`gate_streams.py`):
    candidates that are equal, worse, or worse from some turn on; regimes that shift; and what
    the second look of a turn and the carried bets do to each.

Peers in (a) are rules, not packages: "any better" is what a metric threshold on the difference
does by default (MLflow's MetricThreshold with min_absolute_change 0), "a point better" is the
usual setting of a retraining trigger (such as Sedna's incremental learning).

    python benchmarks/gate.py [--streams 500] [--seed 0]
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gate_streams import Ints, differences, share, whole_streams
from numpy.typing import NDArray

from twoloops.convergence.judging import betting
from twoloops.convergence.judging.gate import Comparison, GateSettings, judge

RESULT = Path(__file__).parent / "results" / "gate.json"
RIGHT = 0.9


def shown(one: dict[str, float]) -> str:
    """A rate for people."""
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
            values = value if isinstance(value, list) else [value]
            text = ", ".join("none" if one is None else f"{one:.4g}" for one in values)
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

"""The two loops, apart and together, on every stream at hand: orders, seeds, with and without gate.

    python benchmarks/loops.py [--streams excavators,xsdd] [--orders time,shuffled] [--seeds 3]

Streams other than the work orders are read from the folder TWOLOOPS_DATA names; one that is
absent is left out and said so. Results are appended to benchmarks/results/loops.json as they
come, so that a run can be stopped and taken up again.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
from streams import STREAMS

from twoloops.convergence.replays.outcome import ReplayResult
from twoloops.convergence.replays.replay import replay
from twoloops.convergence.turns.loop import Workbench
from twoloops.convergence.turns.policy import Policy
from twoloops.digital.catalogue import upstream
from twoloops.physical.history.excavators import excavators
from twoloops.physical.history.stream import History, reorder
from twoloops.records.errors import UserError
from twoloops.store.fetch import default_cache
from twoloops.store.workspace import Store

RESULTS = Path(__file__).parent / "results" / "loops.json"
ORDERS = ("time", "shuffled", "bootstrap")
ARMS = ("neither", "models", "data", "both", "everything")


def run(history: History, seed: int, bench: Workbench) -> ReplayResult:
    """Run all arms once, in memory."""
    policy = Policy(labels_per_turn=history.labels_per_turn, seed_labels=len(history.seed))
    with tempfile.TemporaryDirectory() as folder, Store.in_memory() as store:
        return replay(history, policy, bench, store, Path(folder), seeds=(seed,))


def row(stream: str, order: str, seed: int, result: ReplayResult, seconds: float) -> dict:
    """One replay's figures, ready for JSON."""
    out = {"stream": stream, "order": order, "seed": seed, "cpu_seconds": round(seconds, 1)}
    for key, measured in (("gate", result.loops), ("no_gate", result.loops_without_gate)):
        out[key] = {arm: round(getattr(measured, arm), 4) for arm in ARMS}
        out[key] |= {
            "interaction": round(measured.interaction, 4),
            "interaction_log_odds": round(measured.interaction_log_odds, 4),
        }
    out["labels"] = result.turns[-1].labels_total
    out["last_turn"] = {
        "detection": result.turns[-1].detection_rate,
        "false_rejects": result.turns[-1].false_reject_rate,
        "neither_detection": result.neither[-1].detection_rate,
        "neither_false_rejects": result.neither[-1].false_reject_rate,
        "detection_at_limit": result.turns[-1].detection_at_limit,
        "neither_at_limit": result.neither[-1].detection_at_limit,
    }
    out["keyword_rules"] = (
        round(float(np.mean([t.accuracy for t in result.keyword_rules])), 4)
        if result.keyword_rules
        else None
    )
    out["majority"] = round(float(np.mean([t.accuracy for t in result.majority])), 4)
    out["adopted"] = [t.base_note for t in result.turns if t.base_note.startswith("base adopted")]
    return out


def half_width(values: list[float]) -> float:
    """Half the 95 % interval of a mean (Student's t)."""
    from scipy.stats import t

    if len(values) < 2:
        return float("nan")
    return float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))


def table(rows: list[dict]) -> str:
    """One line a stream and order: the four arms and the interaction, in points."""
    lines = [
        f"{'stream':16} {'order':10} {'gate':4} {'n':>2} "
        + " ".join(f"{arm:>7}" for arm in ("neither", "models", "data", "both", "all"))
        + "   interaction (95 %)   log-odds"
    ]
    for stream, order in dict.fromkeys((r["stream"], r["order"]) for r in rows):
        mine = [r for r in rows if (r["stream"], r["order"]) == (stream, order)]
        for gate in ("gate", "no_gate"):
            means = [float(np.mean([r[gate][arm] for r in mine])) for arm in ARMS]
            values = [r[gate]["interaction"] for r in mine]
            odds = [r[gate]["interaction_log_odds"] for r in mine]
            lines.append(
                f"{stream:16} {order:10} {'yes' if gate == 'gate' else 'no':4} {len(mine):2} "
                + " ".join(f"{mean:7.3f}" for mean in means)
                + f"   {100 * np.mean(values):+5.1f} ± {100 * half_width(values):4.1f}"
                + f"   {np.mean(odds):+.2f} ± {half_width(odds):.2f}"
            )
    return "\n".join(lines)


def main() -> None:
    """Run what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", default="excavators," + ",".join(STREAMS))
    parser.add_argument("--orders", default=",".join(ORDERS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--again", action="store_true", help="forget earlier results")
    options = parser.parse_args()
    rows = [] if options.again or not RESULTS.exists() else json.loads(RESULTS.read_text())
    done = {(r["stream"], r["order"], r["seed"]) for r in rows}
    RESULTS.parent.mkdir(exist_ok=True)
    for stream in options.streams.split(","):
        try:
            load = STREAMS.get(stream)
            history = load() if load else excavators(default_cache())
        except (UserError, SystemExit, FileNotFoundError) as error:
            print(f"{stream}: left out, {error}")
            continue
        bench = Workbench(upstream(history.task.kind, history.task.shape), default_cache())
        for order in options.orders.split(","):
            for seed in range(options.seeds):
                if (stream, order, seed) in done:
                    continue
                started = time.process_time()
                result = run(reorder(history, order, seed), seed, bench)
                rows.append(row(stream, order, seed, result, time.process_time() - started))
                RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
                print(table(rows[-1:]).splitlines()[1], flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()

"""Selection beside random, beside the best strategy in hindsight, and beside scikit-activeml.

On each stream, ordered and shuffled: area under accuracy by labels (`selection_protocol.py`
says what is measured), paired over seeds; each seed draws another stream and other labels.
`spread` alone spends the whole budget; `turn` is what a turn of the product does: a quarter of
the budget is a random audit that trains one turn later, the rest is `spread`. scikit-activeml
runs on the same embeddings, head, streams and budget in an environment that this script makes.

    python benchmarks/selection.py [--seeds 8] [--streams xsdd fan-by-speed hydraulic-pump]
                                   [--no-peers]
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # small matrices: one thread is several times faster

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, get_args

import numpy as np
import scipy.stats
import selection_protocol as protocol
import streams
from selection_protocol import State, Stream

from twoloops.digital.catalogue import first_base
from twoloops.edge.graph import Graph
from twoloops.physical.history.excavators import excavators
from twoloops.physical.select import Candidates, Strategy, audit, select

FOLDER = Path(tempfile.gettempdir()) / "twoloops-benchmarks"
RESULT = Path(__file__).parent / "results" / "selection.json"
PEER = "scikit-activeml==1.0.*"
HINDSIGHT = ("random", "margin", "entropy", "diversity", "mix")
AUDIT_SHARE = 0.25
TARGETS = {"against_random": -0.5, "against_best_in_hindsight": -1.0}
# X-SDD has no order of its own: there the defects join the stream one after another.
JOINING = ("xsdd", "banking77")
DEFAULT = ("xsdd", "fan-by-speed", "hydraulic-pump")
SOURCES = streams.STREAMS | {"excavators": lambda: excavators(FOLDER)}


def embed(name: str) -> Path:
    """Encode a stream by the product's first base, once; return the cached file."""
    history = SOURCES[name]()
    base = first_base(history.task.kind, history.task.shape)
    file = FOLDER / f"{name}-{base.digest[7:19]}.npz"
    if not file.exists():
        rows = list(history.rows())
        labels = [str(row.label) for row in rows]
        sizes = [len(history.seed), *(len(turn) for turn in history.turns)]
        partial = file.with_suffix(".partial.npz")
        np.savez(
            partial,
            x=Graph(base.graph).run([row.input for row in rows])["embedding"],
            y=np.unique(labels, return_inverse=True)[1],
            turn=np.repeat(np.arange(len(sizes)), sizes),
            budget=history.labels_per_turn,
        )
        partial.replace(file)
    return file


def novelty(state: State) -> protocol.Floats:
    """Return (n,) in [0, 1]: distance to the nearest class mean; 0.5 where 95 % of labels lie."""

    def unit(rows: protocol.Floats) -> protocol.Floats:
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)

    means = [state.known[state.labels == k].mean(axis=0) for k in np.unique(state.labels)]
    centres = unit(np.stack(means))
    known, batch = (1 - (unit(rows) @ centres.T).max(axis=1) for rows in (state.known, state.batch))
    return np.clip(0.5 * batch / max(np.quantile(known, 0.95), 1e-3), 0.0, 1.0)


def chosen(strategy: Strategy, state: State, audited: list[int]) -> list[int]:
    """Ask the product's `select` for what the audit has left of the budget."""
    excluded = np.zeros(len(state.batch), dtype=bool)
    excluded[audited] = True
    candidates = Candidates(
        probabilities=state.probabilities,
        embedding=state.batch,
        novelty=novelty(state),
        groups=[str(i) for i in range(len(state.batch))],
        excluded=excluded,
        at_random=len(audited),
    )
    count = state.budget - len(audited)
    return [pick.index for pick in select(candidates, count, strategy, state.rng)]


def alone(strategy: Strategy) -> protocol.Pick:
    """Spend the whole budget on one strategy."""
    return lambda state: (chosen(strategy, state, []), [])


def turn(state: State) -> tuple[list[int], list[int]]:
    """Spend it as a turn does: audit labels train one turn later."""
    count = max(1, round(AUDIT_SHARE * state.budget))
    audited = [pick.index for pick in audit(np.ones(len(state.batch)), count, state.rng)]
    return chosen("spread", state, audited), audited


OURS: dict[str, protocol.Pick] = {name: alone(name) for name in get_args(Strategy)}
OURS["turn"] = turn


def peers(jobs: list[tuple[str, str, int]]) -> list[dict[str, list[list[float]]]]:
    """Run scikit-activeml's strategies on the jobs, in an environment of their own."""
    place = FOLDER / "scikit-activeml"
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    uv = shutil.which("uv")
    if not (place / "ready").exists():
        print(f"installing {PEER} into {place}", file=sys.stderr)
        make = [uv, "venv", "--quiet", "--clear"] if uv else [sys.executable, "-m", "venv"]
        only = ["--python", sys.executable] if uv else []
        subprocess.run([*make, *only, str(place)], check=True)
        pip = [uv, "pip", "install", "--python", str(python)] if uv else [str(python), "-m", "pip"]
        subprocess.run([*pip, *([] if uv else ["install"]), "--quiet", PEER], check=True)
        (place / "ready").touch()
    asked, out = FOLDER / "jobs.json", FOLDER / "peers.json"
    asked.write_text(json.dumps(jobs))
    script = Path(__file__).parent / "selection_peers.py"
    subprocess.run([str(python), str(script), str(asked), str(out)], check=True)
    found: list[dict[str, list[list[float]]]] = json.loads(out.read_text())
    return found


def interval(differences: protocol.Floats) -> dict[str, float]:
    """Return mean and 95 % t-interval over seeds, in points."""
    mean, n = float(np.mean(differences)), len(differences)
    half = float(scipy.stats.t.ppf(0.975, n - 1) * np.std(differences, ddof=1) / np.sqrt(n))
    return {"mean": round(mean, 2), "low": round(mean - half, 2), "high": round(mean + half, 2)}


def against(
    areas: list[dict[str, protocol.Floats]], name: str, reference: str
) -> list[dict[str, float]]:
    """Compare paired in every cell; `best` is the best of five in hindsight, by its mean."""
    out = []
    for cell in areas:
        other = max(HINDSIGHT, key=lambda k: cell[k].mean()) if reference == "best" else reference
        out.append(interval(cell[name] - cell[other]) | {"name": other})
    return out


def pooled(areas: list[dict[str, protocol.Floats]], name: str, reference: str) -> dict[str, float]:
    """Mean over the cells, seed by seed."""
    per_cell = []
    for cell in areas:
        other = max(HINDSIGHT, key=lambda k: cell[k].mean()) if reference == "best" else reference
        per_cell.append(cell[name] - cell[other])
    return interval(np.mean(per_cell, axis=0))


def text(one: dict[str, Any]) -> str:
    """Print a difference with its interval."""
    return f"{one['mean']:+5.1f} [{one['low']:+5.1f}, {one['high']:+5.1f}]"


def report(cells: list[tuple[str, str]], areas: list[dict[str, protocol.Floats]]) -> dict[str, Any]:
    """Print the tables and return them."""
    names = list(areas[0])
    print(f"\nMean area under accuracy by labels, in points; {len(areas[0]['random'])} seeds")
    heads = "".join(f"{f'{name[:8]} {order[:4]}':>14}" for name, order in cells)
    print(f"{'':40}{heads}{'it − random':>23}{'spread − it':>23}")
    for name in names:
        row = "".join(f"{cell[name].mean():14.1f}" for cell in areas)
        gaps = [pooled(areas, name, "random"), pooled(areas, "spread", name)]
        print(f"{name:40}{row}" + "".join(f"{text(gap):>23}" for gap in gaps))
    verdicts = {}
    for name in ("spread", "turn"):
        print(f"\n{name}, paired differences with 95 % intervals")
        random, best = against(areas, name, "random"), against(areas, name, "best")
        for (stream, order), a, b in zip(cells, random, best, strict=True):
            hindsight = f"{text(b)} to {b['name']}"
            print(f"  {stream:16}{order:10} to random {text(a)}   to best in hindsight {hindsight}")
        whole = {
            "against_random": pooled(areas, name, "random"),
            "against_best_in_hindsight": pooled(areas, name, "best"),
        }
        for key, one in whole.items():
            met = one["mean"] >= TARGETS[key]
            print(
                f"  all {key:26} {text(one)}  target {TARGETS[key]}: {'met' if met else 'MISSED'}"
            )
        verdicts[name] = {
            "cells": [
                {"stream": s, "order": o, "against_random": a, "against_best_in_hindsight": b}
                for (s, o), a, b in zip(cells, random, best, strict=True)
            ],
            "all": whole,
        }
    table = [
        {"stream": s, "order": o, **{k: round(float(v.mean()), 2) for k, v in cell.items()}}
        for (s, o), cell in zip(cells, areas, strict=True)
    ]
    return {
        "areas": table,
        "mean_against_random": {name: pooled(areas, name, "random") for name in names},
        "spread_against": {name: pooled(areas, "spread", name) for name in names},
        "verdicts": verdicts,
    }


def main() -> None:
    """Measure, print and write `results/selection.json`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8, help="streams and labellings, at least 2")
    parser.add_argument("--streams", nargs="+", default=DEFAULT, choices=sorted(SOURCES))
    parser.add_argument("--no-peers", action="store_true", help="leave scikit-activeml out")
    options = parser.parse_args()
    started = time.monotonic()
    FOLDER.mkdir(parents=True, exist_ok=True)
    cells = [
        (name, order)
        for name in options.streams
        for order in ("joining" if name in JOINING else "ordered", "shuffled")
    ]
    files = {name: embed(name) for name in options.streams}
    areas = []
    for name, order in cells:
        drawn: list[Stream] = [
            protocol.arrange(files[name], order, s) for s in range(options.seeds)
        ]
        areas.append(
            {
                strategy: np.array(
                    [protocol.area(protocol.replay(one, pick, i)) for i, one in enumerate(drawn)]
                )
                for strategy, pick in OURS.items()
            }
        )
        print(f"  {name} {order}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    if not options.no_peers:
        jobs = [(str(files[name]), order, options.seeds) for name, order in cells]
        for cell, found in zip(areas, peers(jobs), strict=True):
            for name, runs in found.items():
                cell[f"skactiveml {name}"] = np.array([protocol.area(run) for run in runs])
    result = report(cells, areas)
    result |= {"seeds": options.seeds, "targets": TARGETS, "peer": PEER}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(f"\nwritten to {RESULT.name}; {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()

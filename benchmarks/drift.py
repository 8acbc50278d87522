"""False alarms of drift per report without drift, and the delay on real shift; about 12 minutes.

    python benchmarks/drift.py [--runs 1000] [--evidently PYTHON]

Without drift: simulated streams of 20 features, looked at after every observation; also 5 features
on each of 4 edges, and streams in which neighbours are alike. With drift: windows of a fan's
vibration when its speed changes, and cycles of a hydraulic rig when its cooler fails, embedded by
the built-in signal features. Beside it, on the same features: a Kolmogorov-Smirnov test of each
feature at 5 % (the default of drift reports for few observations), alone and with Bonferroni.

With --evidently, a Python that can import evidently makes 30 reports on the same streams.
Writes results/drift.json.
"""

import argparse
import itertools
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, ks_2samp
from streams import data

from twoloops.digital.catalogue import first_base
from twoloops.edge.graph import Graph
from twoloops.physical.drift.family import holm
from twoloops.physical.drift.features import view
from twoloops.physical.drift.watch import Series, watch
from twoloops.physical.history.rows import signal_bytes

RESULTS = Path(__file__).parent / "results" / "drift.json"
BUDGET, REFERENCE, CURRENT, DAY, FEATURES = 0.05, 200, 300, 30, 20
QUIET = 100
"""Observations after the release before a real shift begins."""

Array = NDArray[np.float64]


def share(hits: int, of: int) -> dict[str, float]:
    """Return a share with its exact 95 % interval (Clopper and Pearson)."""
    low = float(beta.ppf(0.025, hits, of - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, of - hits)) if hits < of else 1.0
    return {"hits": hits, "of": of, "share": hits / of, "low": low, "high": high}


def delays(found: list[float]) -> dict[str, Any]:
    """Return the median delay with a bootstrap 95 % interval; never is infinite."""
    if not found:
        return {"runs": 0}
    values = np.array(found)
    draws = np.random.default_rng(0).choice(values, (2000, values.size))
    # Ranks instead of a mean of neighbours: one of two may be infinite.
    middles = np.sort(draws, axis=1)[:, (values.size - 1) // 2]
    low, high = np.sort(middles)[[50, 1949]]
    worst = np.sort(values)[min(values.size - 1, int(0.9 * values.size))]

    def finite(x: float) -> float | None:
        return None if np.isinf(x) else float(x)

    return {
        "runs": int(values.size),
        "median": finite(float(np.sort(values)[(values.size - 1) // 2])),
        "low": finite(float(low)),
        "high": finite(float(high)),
        "90 %": finite(float(worst)),
        "never": int(np.isinf(values).sum()),
    }


def ours(before: Array, since: Array, seed: str, edges: int = 1, block: int | None = None) -> Any:
    """Return whether it alarms at any time, after how many observations, and the block length."""
    names = [f"feature {at}" for at in range(before.shape[1])]
    sites = [f"edge {at % edges}" for at in range(max(len(before), len(since)))]
    found = watch(
        "inputs",
        names,
        Series(before, sites[: len(before)]),
        Series(since, sites[: len(since)]),
        seed=seed,
        block=block,
    )
    if found.part.unknown:
        return None
    alarm = any(holm([one.p for one in found.features], BUDGET))
    need = np.log(len(found.features) / BUDGET)
    at = [np.flatnonzero(one >= need) for one in found.wealth]
    firsts = [
        (int(one[0]) + 1) * feature.block
        for one, feature in zip(at, found.features, strict=True)
        if one.size
    ]
    return alarm, min(firsts, default=np.inf), found.part.block, found.part.tested


def naive(before: Array, since: Array, level: float) -> list[int]:
    """Return after how many observations a look at the last day alarms, a look a day."""
    out = []
    for end in range(DAY, len(since) + 1, DAY):
        day = since[end - DAY : end]
        if any(ks_2samp(b, d).pvalue <= level for b, d in zip(before.T, day.T, strict=True)):
            out.append(end)
    return out


def once(before: Array, since: Array, level: float) -> bool:
    """Say whether one look at everything since alarms."""
    return any(ks_2samp(b, d).pvalue <= level for b, d in zip(before.T, since.T, strict=True))


def alike(rng: np.random.Generator, count: int, rho: float, width: int) -> Array:
    """Return a stream whose neighbours are correlated by rho; marginally normal."""
    out = rng.normal(size=(count, width))
    for at in range(1, count):
        out[at] = rho * out[at - 1] + np.sqrt(1 - rho**2) * out[at]
    return out


def undrifted(runs: int) -> dict[str, Any]:
    """Count reports with any alarm, on streams without drift."""
    count = REFERENCE + CURRENT
    tests = {name: 0 for name in ("ours", "once", "daily", "once bonferroni", "daily bonferroni")}
    sites = 0
    for run in range(runs):
        rng = np.random.default_rng([1, run])
        x = rng.normal(size=(count, FEATURES))
        before, since = x[:REFERENCE], x[REFERENCE:]
        found = ours(before, since, f"run {run}")
        tests["ours"] += bool(found and found[0])
        if run < runs // 5 or runs < 100:  # the naive ones need no more to be seen
            tests["once"] += once(before, since, 0.05)
            tests["daily"] += bool(naive(before, since, 0.05))
            tests["once bonferroni"] += once(before, since, 0.05 / FEATURES)
            tests["daily bonferroni"] += bool(naive(before, since, 0.05 / FEATURES))
        few = rng.lognormal(size=(count, 5))
        found = ours(few[:REFERENCE], few[REFERENCE:], f"sites {run}", edges=4)
        sites += bool(found and found[0])
        say(f"undrifted {run + 1}/{runs}")
    beside = runs if runs < 100 else runs // 5
    return {
        "features": {
            name: share(hits, runs if name == "ours" else beside) for name, hits in tests.items()
        },
        "sites": share(sites, runs),
    }


def correlated(runs: int) -> list[dict[str, Any]]:
    """Count the same where neighbours are alike, with blocks and without."""
    out = []
    for rho in (0.3, 0.6, 0.9):
        alarms, plain, unknown, daily, blocks = 0, 0, 0, 0, []
        for run in range(runs):
            rng = np.random.default_rng([2, run, int(10 * rho)])
            x = alike(rng, 400 + 600, rho, FEATURES)
            found = ours(x[:400], x[400:], f"run {run}")
            unknown += found is None
            if found is not None:
                alarms += found[0]
                blocks.append(found[2])
            plain += ours(x[:400], x[400:], f"run {run}", block=1)[0]
            daily += bool(naive(x[:400], x[400:], 0.05 / FEATURES))
            say(f"alike {rho} {run + 1}/{runs}")
        out.append(
            {
                "correlation": rho,
                "ours": share(alarms, runs),
                "unknown": share(unknown, runs),
                "median block": float(np.median(blocks)) if blocks else None,
                "without blocks": share(plain, runs),
                "daily bonferroni": share(daily, runs),
            }
        )
    return out


def embedded(windows: Array) -> Array:
    """Embed signals (n, channels, samples) by the built-in features."""
    base = first_base("signal", (windows.shape[1], windows.shape[2]))
    graph = Graph(base.graph, threads=1)
    parts = [
        graph.run([signal_bytes(one) for one in windows[at : at + 100]])["embedding"]
        for at in range(0, len(windows), 100)
    ]
    return np.concatenate(parts).astype(np.float64)


def fan() -> Iterator[tuple[str, Array, Array, int]]:
    """Yield the fan's speeds: three seen, then the next; windows of one speed are shuffled."""
    file = np.load(data("fan/fan.npz"))
    speeds, samples = np.unique(file["speed_pct"]), 60
    windows, of = [], []
    for speed in speeds:
        for weight in np.unique(file["wconfid"]):
            rows = file["xyz"][(file["speed_pct"] == speed) & (file["wconfid"] == weight)]
            cut = rows[: len(rows) // samples * samples].reshape(-1, samples, rows.shape[1])
            windows.append(cut.transpose(0, 2, 1))
            of += [speed] * len(cut)
    x, of = embedded(np.concatenate(windows).astype(np.float32)), np.array(of)
    for at in range(len(speeds) - 3):
        for seed in range(3):
            rng = np.random.default_rng([3, at, seed])
            known = rng.permutation(np.flatnonzero(np.isin(of, speeds[at : at + 3])))
            new = rng.permutation(np.flatnonzero(of == speeds[at + 3]))
            rows = known[: REFERENCE + QUIET]
            since = np.concatenate([x[rows[REFERENCE:]], x[new]])
            yield f"{speeds[at]:g} to {speeds[at + 3]:g}", x[rows[:REFERENCE]], since, QUIET


def rig() -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    """Return the rig's cycles in true order: embeddings, cooler, valve."""
    file = np.load(data("hydraulic/hydraulic.npz"))
    names = ("CE", "CP", "SE", "TS1", "TS2", "TS3", "TS4", "VS1")
    return embedded(np.stack([file[n] for n in names], axis=1)), file["cooler"], file["valve"]


def cooler(x: Array, of: NDArray[np.int64]) -> Iterator[tuple[str, Array, Array, int]]:
    """Yield the cooler's conditions, each to the next one in time; shuffled within one."""
    order = [3, 20, 100]
    for known, new in itertools.pairwise(order):
        for seed in range(15):
            rng = np.random.default_rng([4, known, seed])
            rows = rng.permutation(np.flatnonzero(of == known))[: REFERENCE + QUIET]
            later = rng.permutation(np.flatnonzero(of == new))[:200]
            since = np.concatenate([x[rows[REFERENCE:]], x[later]])
            yield f"{known} to {new}", x[rows[:REFERENCE]], since, QUIET


def in_order(x: Array, of: NDArray[np.int64]) -> Iterator[tuple[str, Array, Array, int]]:
    """Yield true order: valve, pump and pressure change in blocks, then the cooler does.

    400 cycles are the reference; windows overlap, as there is one rig and it changes twice.
    """
    for onset in (np.flatnonzero(np.diff(of)) + 1).tolist():
        for earlier in range(0, 100, 10):
            begin = onset - QUIET - earlier
            since = x[begin : onset + 300]
            yield f"before {onset}, {earlier}", x[begin - 400 : begin], since, onset - begin


def warming(x: Array, of: NDArray[np.int64]) -> Iterator[tuple[str, Array, Array, int]]:
    """Yield true order from the cold start: the oil warms up, then the valve changes."""
    onset = int(np.flatnonzero(np.diff(of))[0]) + 1
    for start in range(0, 60, 5):
        since = x[start + 120 : onset + 300]
        yield f"from cycle {start}", x[start : start + 120], since, onset - start - 120


def shifted(
    cases: Iterator[tuple[str, Array, Array, int]],
) -> dict[str, Any]:
    """Measure the delay from the onset of real shift, and alarms before it."""
    late: dict[str, list[float]] = {name: [] for name in ("ours", "daily", "daily bonferroni")}
    early = dict.fromkeys(late, 0)
    unknown, blocks, tested, runs = 0, [], [], 0
    for name, before, since, quiet in cases:
        runs += 1
        seen = view(before[::2])
        mine, now = seen.of(before[1::2]), seen.of(since)
        found = ours(mine, now, name)
        if found is None:
            unknown += 1
        else:
            early["ours"] += found[1] <= quiet
            blocks.append(found[2])
            tested.append(found[3])
            if found[1] > quiet:
                late["ours"].append(found[1] - quiet)
        # The naive test gets the whole reference: it chooses nothing.
        for test, level in (("daily", 0.05), ("daily bonferroni", 0.05 / now.shape[1])):
            alarms = naive(mine, now, level)
            early[test] += any(at <= quiet for at in alarms)
            after = [at - quiet for at in alarms if at > quiet]
            late[test].append(min(after, default=np.inf))
        say(f"shift {name}")
    return {
        "runs": runs,
        "unknown": unknown,
        "block": float(np.median(blocks)) if blocks else None,
        "tested": float(np.median(tested)) if tested else None,
        "watched": now.shape[1],
        "early": {name: share(hits, runs) for name, hits in early.items()},
        "delay": {name: delays(found) for name, found in late.items()},
    }


PEER = """
import json, sys, time
import numpy as np, pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
import evidently
hits, columns, seconds = 0, 0, []
for run in range(int(sys.argv[1])):
    x = np.random.default_rng([1, run]).normal(size=(500, 20))
    frame = pd.DataFrame(x, columns=[f"c{at}" for at in range(20)])
    started = time.perf_counter()
    report = Report([DataDriftPreset()]).run(frame[200:], frame[:200]).dict()
    seconds.append(time.perf_counter() - started)
    count = next(m for m in report["metrics"] if "DriftedColumnsCount" in json.dumps(m))
    flagged = int(count["value"]["count"])
    columns += flagged
    hits += flagged > 0
print(json.dumps({"version": evidently.__version__, "hits": hits, "columns": columns,
                  "seconds": sorted(seconds)[len(seconds) // 2]}))
"""


def peer(python: str, runs: int = 30) -> dict[str, Any]:
    """Let Evidently's report judge the first of the same undrifted streams, at its defaults."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [python, "-W", "ignore", "-c", PEER, str(runs)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
    found = json.loads(done.stdout.strip().splitlines()[-1])
    return {**found, "reports": share(found["hits"], runs), "of columns": 20 * runs}


_told = 0.0


def say(words: str) -> None:
    """Print progress, at most every few seconds."""
    global _told
    if time.monotonic() > _told + 10:
        _told = time.monotonic()
        print(words, flush=True)


def main() -> None:
    """Measure what is asked for, and keep the rest."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--runs", type=int, default=1000)
    arguments.add_argument("--evidently", metavar="PYTHON")
    arguments.add_argument("--only", nargs="*")
    asked = arguments.parse_args()
    out: dict[str, Any] = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}

    def rig_cases(which: str) -> Iterator[tuple[str, Array, Array, int]]:
        x, of, valve = rig()
        if which == "warming":
            return warming(x, valve)
        return cooler(x, of) if which == "cooler" else in_order(x, of)

    parts: dict[str, Callable[[], Any]] = {
        "undrifted": lambda: undrifted(asked.runs),
        "alike": lambda: correlated(max(asked.runs // 10, 10)),
        "fan": lambda: shifted(fan()),
        "cooler": lambda: shifted(rig_cases("cooler")),
        "in order": lambda: shifted(rig_cases("in order")),
        "warming": lambda: shifted(rig_cases("warming")),
    }
    if asked.evidently:
        parts["evidently"] = lambda: peer(asked.evidently)
    out["settings"] = {
        "budget": BUDGET,
        "reference": REFERENCE,
        "current": CURRENT,
        "day": DAY,
        "features": FEATURES,
        "quiet": QUIET,
    }
    for name, part in parts.items():
        if asked.only and name not in asked.only:
            continue
        started = time.perf_counter()
        out[name] = part()
        print(name, json.dumps(out[name]), f"{time.perf_counter() - started:.0f} s", flush=True)
        RESULTS.write_text(json.dumps(out, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

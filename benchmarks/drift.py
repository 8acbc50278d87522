"""False alarms of drift per report without drift, and the delay on real shift; about two minutes.

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
BATCH = 50
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


def ours(before: Array, since: Array, seed: str) -> Any:
    """Return after how many observations it alarms, the longest block, the features tested.

    `None` where nothing could be tested.
    """
    names = [f"feature {at}" for at in range(before.shape[1])]
    edges = ["rig"] * max(len(before), len(since))
    found = watch(
        "inputs",
        names,
        Series(before, edges[: len(before)]),
        Series(since, edges[: len(since)]),
        seed=seed,
    )
    if found.part.unknown:
        return None
    need = np.log(len(found.features) / BUDGET)
    at = [np.flatnonzero(one >= need) for one in found.wealth]
    firsts = [
        (int(one[0]) + 1) * feature.block
        for one, feature in zip(at, found.features, strict=True)
        if one.size
    ]
    return min(firsts, default=np.inf), found.part.block, found.part.tested


def daily(before: Array, since: Array) -> list[tuple[int, float]]:
    """Return the least p of a look at each day: after how many observations, and p."""
    return [(end, least(before, since[end - DAY : end])) for end in range(DAY, len(since) + 1, DAY)]


def least(before: Array, since: Array) -> float:
    """Return the least p over the features."""
    return min(float(ks_2samp(b, d).pvalue) for b, d in zip(before.T, since.T, strict=True))


def alike(rng: np.random.Generator, count: int, rho: float, width: int) -> Array:
    """Return a stream whose neighbours are correlated by rho; marginally normal."""
    out = rng.normal(size=(count, width))
    for at in range(1, count):
        out[at] = rho * out[at - 1] + np.sqrt(1 - rho**2) * out[at]
    return out


def batch(
    streams: list[Array], reference: int, seed: str, *, edges: int = 1, block: int | None = None
) -> list[bool | None]:
    """Say of each stream whether a report about it alarms at any time; `None`: nothing tested.

    The streams' features are watched side by side, as that is quicker, each report's verdict is
    its own.
    """
    width = streams[0].shape[1]
    names = [f"{run}/{at}" for run in range(len(streams)) for at in range(width)]
    x = np.concatenate(streams, axis=1)
    sites = [f"edge {at % edges}" for at in range(len(x))]
    parts = (
        Series(x[:reference], sites[:reference]),
        Series(x[reference:], sites[reference:]),
    )
    reports: dict[int, list[float]] = {}
    for one in watch("inputs", names, *parts, seed=seed, block=block).features:
        reports.setdefault(int(one.name.partition("/")[0]), []).append(one.p)
    return [
        any(holm(reports[run], BUDGET)) if run in reports else None for run in range(len(streams))
    ]


def undrifted(runs: int) -> dict[str, Any]:
    """Count reports with any alarm, on streams without drift."""
    count, ours_, sites, beside = REFERENCE + CURRENT, 0, 0, min(runs, 200)
    tests = dict.fromkeys(("once", "once bonferroni", "daily", "daily bonferroni"), 0)
    for start in range(0, runs, BATCH):
        numbers = range(start, min(start + BATCH, runs))
        draws = [np.random.default_rng([1, run]) for run in numbers]
        streams = [one.normal(size=(count, FEATURES)) for one in draws]
        ours_ += sum(map(bool, batch(streams, REFERENCE, f"runs {start}")))
        few = [one.lognormal(size=(count, 5)) for one in draws]
        sites += sum(map(bool, batch(few, REFERENCE, f"sites {start}", edges=4)))
        say(f"undrifted {start + BATCH}/{runs}")
        for run, x in zip(numbers, streams, strict=True):
            if run < beside:
                before, since = x[:REFERENCE], x[REFERENCE:]
                one, days = least(before, since), [p for _, p in daily(before, since)]
                tests["once"] += one <= 0.05
                tests["once bonferroni"] += one <= 0.05 / FEATURES
                tests["daily"] += min(days) <= 0.05
                tests["daily bonferroni"] += min(days) <= 0.05 / FEATURES
                say(f"beside {run + 1}/{beside}")
    return {
        "ours": share(ours_, runs),
        "sites": share(sites, runs),
        **{name: share(hits, beside) for name, hits in tests.items()},
    }


def correlated(runs: int) -> list[dict[str, Any]]:
    """Count the same where neighbours are alike, with blocks and without."""
    out = []
    for rho in (0.3, 0.6, 0.9):
        said: list[bool | None] = []
        plain: list[bool | None] = []
        for start in range(0, runs, BATCH):
            streams = [
                alike(np.random.default_rng([2, run, int(10 * rho)]), 400 + 600, rho, FEATURES)
                for run in range(start, min(start + BATCH, runs))
            ]
            said += batch(streams, 400, f"runs {start}")
            plain += batch(streams, 400, f"runs {start}", block=1)
            say(f"alike {rho} {start + BATCH}/{runs}")
        out.append(
            {
                "correlation": rho,
                "ours": share(sum(map(bool, said)), runs),
                "unknown": share(sum(one is None for one in said), runs),
                "without blocks": share(sum(map(bool, plain)), runs),
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
            early["ours"] += found[0] <= quiet
            blocks.append(found[1])
            tested.append(found[2])
            if found[0] > quiet:
                late["ours"].append(found[0] - quiet)
        days = daily(mine, now)
        for test, level in (("daily", 0.05), ("daily bonferroni", 0.05 / now.shape[1])):
            alarms = [at for at, p in days if p <= level]
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

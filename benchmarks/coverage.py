"""Whether the 95 % intervals of detection and escape rate cover the truth, on simulated streams.

Each stream has six turns under one deployed model: faults are rare and their share drifts, so does
how well the model sees them and how much comes in; capture keeps what is uncertain and a known
share of the rest; `audit` draws the audit labels and `select` the most uncertain others. The truth
is what that model did on *all* observations of the stream, kept or not. Estimated it is as
`twoloops status` does: `evaluate.estimates` on the audit labels of all turns, with their chances.
Beside it: the same function on all labels without chances (*naive*), and Wilson's interval alone
(what `evaluate` had before this benchmark).

Cells: share of faults x audit labels a turn x escape rate x capture. A cell whose coverage lies
near a limit gets more streams. Selection never touches the audit draw, so it runs in the first
`NAIVE` streams of a cell only. `exact` has the worst coverage of plain binomial counts over all
rates, summed exactly: no simulation can miss a narrow dip there.

No interval of a count can cover between 93 % and 98 % of the time where the expected count is in
`IMPOSSIBLE`: P(count <= k) jumps over the band. So the upper limit is asked of cells with 30
effective faults and at least one expected escape; the other cells are listed all the same.

    python benchmarks/coverage.py [--streams 300] [--most 1200] [--workers 2]
"""

import argparse
import json
import tempfile
from functools import partial
from itertools import product
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
from gate_streams import share
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import binom, poisson

from twoloops.convergence.judging import evaluate
from twoloops.edge.capture import CapturePolicy, keep
from twoloops.physical.select import Candidates, audit, margin, select
from twoloops.records.observation import Decision

RESULT = Path(__file__).parent / "results" / "coverage.json"
PART = Path(tempfile.gettempdir()) / "twoloops-coverage.json"
"""What is measured so far: a run that was stopped goes on there."""
FAULTS, AUDITS, ESCAPES, CAPTURES = (
    (0.02, 0.1, 0.3),
    (8, 40, 120),
    (0.005, 0.02, 0.1, 0.4),
    (1.0, 0.3, 0.05),
)
TURNS, SELECTED, NAIVE = 6, 32, 100
SPREAD = 2.0
"""Standard deviation of the model's score around each kind of item's mean, in logits."""
LOW, HIGH, ENOUGH_FAULTS = 0.93, 0.98, 30
Cell = tuple[float, int, float, float]
Floats = NDArray[np.float64]


def kept_chance(p_fault: Floats, policy: CapturePolicy) -> Floats:
    """The chance of `capture.keep` for many observations at once (n,)."""
    return np.where(np.abs(2 * p_fault - 1) < policy.margin, 1.0, policy.routine)


def check_capture(p_fault: Floats, draws: Floats, policy: CapturePolicy) -> None:
    """Raise if the shortcut does not keep what `capture.keep` keeps, with its chance."""
    chance = kept_chance(p_fault, policy)
    for p, mine, draw in zip(p_fault, chance, draws, strict=True):
        decision = Decision("", (1 - p, p), "", 0.5, 0.0)
        found = keep(policy, decision, draw)
        expected = mine if draw < mine else None
        if (None if found is None else found.probability) != expected:
            raise AssertionError(f"capture at {p} and {draw}: {found}, not {expected}")


def stream(rng: np.random.Generator, cell: Cell, naive: bool, checked: bool) -> dict[str, Any]:
    """One stream: what was labelled (fault, called, chance or 0), and the truth."""
    faults, audits, escape, routine = cell
    policy = CapturePolicy(routine=routine)
    level = faults * np.exp(np.cumsum(rng.normal(0, 0.2, TURNS)))
    seen = -SPREAD * ndtri(escape) + np.cumsum(rng.normal(0, 0.4, TURNS))
    out: list[list[NDArray[Any]]] = [[], [], []]
    total = missed = 0
    for turn in range(TURNS):
        volume = max(300, 20 * audits) * np.exp(rng.normal(0, 0.5))
        n = max(audits, int(volume))
        fault = rng.random(n) < min(0.6, level[turn])
        score = np.where(fault, seen[turn], -5.0) + SPREAD * rng.normal(size=n)
        p, draws = 1 / (1 + np.exp(-score)), rng.random(n)
        if checked and turn == 0:
            check_capture(p, draws, policy)
        chance = kept_chance(p, policy)
        kept = np.flatnonzero(draws < chance)
        picks = audit(chance[kept], audits, rng)
        if naive:
            picks = picks + _selected(p[kept], [pick.index for pick in picks], rng)
        rows = kept[[pick.index for pick in picks]]
        out[0].append(fault[rows])
        out[1].append(score[rows] > 0)
        out[2].append(np.array([pick.probability or 0.0 for pick in picks]))
        total, missed = total + int(fault.sum()), missed + int((fault & (score <= 0)).sum())
    labelled = [np.concatenate(parts) for parts in out]
    return {"labelled": labelled, "escape": missed / total if total else None}


def _selected(p: Floats, audited: list[int], rng: np.random.Generator) -> list[Any]:
    excluded = np.zeros(p.size, dtype=bool)
    excluded[audited] = True
    both = np.stack([1 - p, p], axis=1)
    # Nothing beyond the most uncertain few hundred is ever picked by margin.
    near = np.argsort(margin(both))[: 4 * SELECTED + len(audited)]
    candidates = Candidates(
        probabilities=both[near],
        embedding=both[near],
        novelty=np.zeros(near.size),
        groups=[str(i) for i in near],
        excluded=excluded[near],
        at_random=len(audited),
    )
    found = select(candidates, SELECTED, "margin", rng)
    return [one._replace(index=int(near[one.index])) for one in found]


def measure(cell: Cell, streams: int) -> dict[str, list[Any]]:
    """Run streams of a cell; one entry a stream where the truth exists."""
    seed = [int(1000 * part) for part in cell]
    out: dict[str, list[Any]] = {name: [] for name in ("ours", "naive", "wilson")}
    out["unknown"] = []
    for number in range(streams):
        rng = np.random.default_rng([*seed, number])
        one = stream(rng, cell, number < NAIVE, number == 0)
        truth = one["escape"]
        if truth is None:
            continue
        fault, called, chance = one["labelled"]
        audits = chance > 0
        found = evaluate.estimates(fault[audits], called[audits], 0, chance[audits])
        detection, escape = found.detection_rate, found.escape_rate
        assert detection is not None
        assert escape is not None
        out["unknown"].append(escape.value is None)
        if number < NAIVE:
            plain = evaluate.estimates(fault, called, 0).escape_rate
            if plain is not None and plain.interval is not None:
                out["naive"].append((plain.interval[0] <= truth <= plain.interval[1], plain.value))
        if escape.interval is None or escape.value is None or detection.interval is None:
            continue
        low, high = escape.interval
        inside = low <= truth <= high
        below, above = detection.interval
        mirrored = below - 1e-9 <= 1 - truth <= above + 1e-9
        old = evaluate.wilson(escape.value, escape.effective)
        out["ours"].append((inside, mirrored, high - low, escape.effective, truth, escape.value))
        out["wilson"].append((old[0] <= truth <= old[1], escape.effective))
    return out


def row(cell: Cell, found: dict[str, list[Any]]) -> dict[str, Any]:
    """What is shown of a cell."""
    ours = np.array(found["ours"], dtype=float).reshape(-1, 6)
    old = np.array(found["wilson"], dtype=float).reshape(-1, 2)
    out: dict[str, Any] = {
        "faults": cell[0],
        "audit labels a turn": cell[1],
        "escape rate": cell[2],
        "capture": cell[3],
        "unknown": float(np.mean(found["unknown"])),
    }
    for name, mask in (("all", ours[:, 3] > 0), ("30 effective", ours[:, 3] >= ENOUGH_FAULTS)):
        if mask.sum() < 100:
            continue
        out[name] = {
            "escape": share(int(ours[mask, 0].sum()), int(mask.sum())),
            "detection": share(int(ours[mask, 1].sum()), int(mask.sum())),
            "wilson alone": share(int(old[mask, 0].sum()), int(mask.sum())),
            "mean width": float(ours[mask, 2].mean()),
            "mean effective faults": float(ours[mask, 3].mean()),
            "expected escapes": float((ours[mask, 3] * ours[mask, 4]).mean()),
            "bias": float((ours[mask, 5] - ours[mask, 4]).mean()),
        }
    if len(found["naive"]) >= 100:
        naive = np.array(found["naive"], dtype=float)
        out["naive"] = share(int(naive[:, 0].sum()), len(naive)) | {
            "mean estimate": float(naive[:, 1].mean())
        }
    return out


def near_a_limit(one: dict[str, Any]) -> bool:
    """Whether more streams could change what a cell says."""
    cells = [one[name]["escape"] for name in ("all", "30 effective") if name in one]
    return any(abs(cell["rate"] - limit) < 0.012 for cell in cells for limit in (LOW, HIGH))


def figures(cell: Cell, streams: int, most: int) -> tuple[Cell, dict[str, Any]]:
    """A cell with its figures, on more streams where it lies near a limit."""
    one = row(cell, measure(cell, streams))
    if near_a_limit(one) and most > streams:
        one = row(cell, measure(cell, most))
    return cell, one


def exact(effective: tuple[int, ...] = (5, 8, 12, 20, 30, 50, 100, 300)) -> list[dict[str, Any]]:
    """The worst coverage of plain counts over all rates in (0, 1/2], summed exactly."""
    rates = np.concatenate([np.geomspace(1e-4, 0.05, 1200), np.linspace(0.05, 0.5, 900)])
    out = []
    for n in effective:
        chance = binom.pmf(np.arange(n + 1)[None, :], n, rates[:, None])
        line: dict[str, Any] = {"labels": n}
        for name, rule in (("ours", evaluate.interval), ("wilson alone", evaluate.wilson)):
            ends = np.array([rule(count / n, n) for count in range(n + 1)])
            inside = (ends[:, 0] <= rates[:, None]) & (rates[:, None] <= ends[:, 1])
            covered = (chance * inside).sum(axis=1)
            worst = int(covered.argmin())
            line[name] = {"least": float(covered[worst]), "at expected hits": n * rates[worst]}
        out.append(line)
    return out


def impossible() -> list[list[float]]:
    """Expected counts at which no set {count <= k} has a chance in [LOW, HIGH]."""
    means = np.linspace(0.001, 3, 3000)
    below = poisson.cdf(np.arange(12)[None, :], means[:, None])
    none = ~((below >= LOW) & (below <= HIGH)).any(axis=1)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], none.astype(int), [0]])))
    return [[float(means[a]), float(means[b - 1])] for a, b in edges.reshape(-1, 2)]


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures that the claim names."""
    known = [(one, one["all"]["escape"]["rate"]) for one in rows if "all" in one]
    many = [one["30 effective"] for one in rows if "30 effective" in one]
    countable = [one["escape"]["rate"] for one in many if one["expected escapes"] >= 1]
    naive = [one["naive"]["rate"] for one in rows if "naive" in one]
    return {
        "streams": sum(one["all"]["escape"]["streams"] for one, _ in known),
        "cells": len(known),
        "least coverage": min(rate for _, rate in known),
        "cells below 93 %": sum(rate < LOW for _, rate in known),
        "detection equals escape": all(
            one[name]["escape"]["rate"] == one[name]["detection"]["rate"]
            for one in rows
            for name in ("all", "30 effective")
            if name in one
        ),
        "cells with 30 effective faults": len(many),
        "of them with one expected escape": len(countable),
        "most coverage there": max(countable),
        "cells above 98 % there": sum(rate > HIGH for rate in countable),
        "cells above 98 % with fewer expected escapes": sum(
            one["escape"]["rate"] > HIGH for one in many if one["expected escapes"] < 1
        ),
        "least coverage of wilson alone": min(
            one["all"]["wilson alone"]["rate"] for one, _ in known
        ),
        "naive": {
            "cells": len(naive),
            "least": min(naive),
            "median": float(np.median(naive)),
            "most": max(naive),
            "cells below 93 %": sum(rate < LOW for rate in naive),
        },
    }


def main() -> None:
    """Run all cells and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=300)
    parser.add_argument("--most", type=int, default=1200)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    settings = {"streams": given.streams, "most": given.most}
    rows = done(settings)
    cells = [cell for cell in product(FAULTS, AUDITS, ESCAPES, CAPTURES) if cell not in rows]
    work = partial(figures, **settings)
    with Pool(given.workers) as pool:
        for cell, one in pool.imap_unordered(work, cells):
            rows[cell] = one
            kept = {"settings": settings, "cells": [rows[key] for key in sorted(rows)]}
            PART.write_text(json.dumps(kept), encoding="utf-8")
            rate = one.get("all", {}).get("escape", {}).get("rate")
            print(cell, "unknown" if rate is None else f"{100 * rate:.1f} %", flush=True)
    every = [rows[key] for key in sorted(rows)]
    result = {
        "summary": summary(every),
        "exact": exact(),
        "impossible": impossible(),
        "settings": settings,
        "cells": every,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    PART.unlink(missing_ok=True)
    print(json.dumps(result["summary"], indent=1))


def done(settings: dict[str, int]) -> dict[tuple[float, ...], dict[str, Any]]:
    """Return the cells that a run with the same settings has measured before it was stopped."""
    if not PART.exists():
        return {}
    kept = json.loads(PART.read_text(encoding="utf-8"))
    if kept["settings"] != settings:
        return {}
    names = ("faults", "audit labels a turn", "escape rate", "capture")
    return {tuple(one[name] for name in names): one for one in kept["cells"]}


if __name__ == "__main__":
    main()

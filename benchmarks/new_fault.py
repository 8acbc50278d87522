"""A fault never seen before appears in the middle of a stream: how long until it is recognised?

    python benchmarks/new_fault.py [--seeds 5] [--streams structural,missing,xsdd,synthetic]

One fault is taken out of the seed and of the first turns; then it arrives as often as it really
does. It counts as recognised once the model deployed at the end of a turn decides at least 80 % of
the fault's next 20 arrivals as that fault. Counted from its first turn on: observations, labels
bought, and how often the fault had come by. The default selection against random selection, gate
in force, no other base on offer; every seed draws another stream of its rows. `offered` is the
same for the model that was made, whether the gate released it or not.

X-SDD needs the folder that TWOLOOPS_DATA names. Writes benchmarks/results/new_fault.json.
"""

import argparse
import contextlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
from msgspec.structs import replace
from streams import xsdd

from twoloops.convergence.recipes.encode import Encoder
from twoloops.convergence.replays.arm import Arm, FittedRuntime
from twoloops.convergence.turns.loop import Loop, Workbench
from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.state import TurnState
from twoloops.physical.history.cut import START
from twoloops.physical.history.excavators import excavators
from twoloops.physical.history.stream import History, Row
from twoloops.records.errors import UserError
from twoloops.records.task import Task
from twoloops.store.fetch import default_cache
from twoloops.store.workspace import Store

RESULTS = Path(__file__).parent / "results" / "new_fault.json"
STRATEGIES = ("spread", "random")
RECOGNISED = 0.8
COMING = 20
"""So many next arrivals of the fault are asked about."""


@dataclass(frozen=True)
class Case:
    """A stream with the fault that is held back.

    Attributes:
        load: Gives the task and its rows in order.
        fault: The label that arrives late.
        size: Observations in a turn.
        labels: Labels in a turn, audit and verifying ones included.
        seed: Rows known beforehand.
        before: Turns without the fault.
        after: Turns with it.
    """

    load: Callable[[], tuple[Task, Sequence[Row]]]
    fault: str
    size: int
    labels: int
    seed: int
    before: int
    after: int


@dataclass(frozen=True)
class Found:
    """What one arm took until the fault was recognised; `None` is never within the stream."""

    stream: str
    strategy: str
    seed: int
    observations: int | None
    labels: int | None
    arrivals: int | None
    offered: int | None
    recalls: tuple[float, ...]
    cpu_seconds: float


class Done(Exception):
    """The fault is recognised: the rest of the stream need not be run."""


def work_orders() -> tuple[Task, Sequence[Row]]:
    """NIST's excavators, in order of time."""
    history = excavators(default_cache())
    return history.task, list(history.rows())


def steel() -> tuple[Task, Sequence[Row]]:
    """Steel surfaces; a fixed random order, as they have none of their own."""
    history = xsdd()
    return history.task, list(history.rows())


def synthetic() -> tuple[Task, Sequence[Row]]:
    """Texts of ten words from 80, each label with its own frequencies; labels overlap."""
    rng = np.random.default_rng(20_26)
    labels = ("burst", "crack", "jam", "leak", "ok")
    shares = (0.10, 0.12, 0.14, 0.14, 0.50)
    words = np.array([f"w{chr(97 + i % 26)}{chr(97 + i // 26)}{i}" for i in range(80)])
    frequencies = rng.dirichlet(np.full(80, 0.1), len(labels))
    frequencies = 0.7 * frequencies + 0.3 * rng.dirichlet(np.full(80, 0.5))
    rows = []
    for _ in range(3000):
        label = int(rng.choice(len(labels), p=shares))
        text = " ".join(rng.choice(words, 10, p=frequencies[label]))
        rows.append(Row(text.encode(), labels[label], START, ""))
    return Task("synthetic", "text", labels, normal="ok", max_false_reject_rate=0.05), rows


CASES = {
    "structural": Case(work_orders, "Structural", 60, 8, 60, 2, 20),
    "missing": Case(work_orders, "Missing", 80, 12, 60, 2, 20),
    "xsdd": Case(steel, "surface scratch", 30, 8, 60, 2, 20),
    "synthetic": Case(synthetic, "burst", 60, 8, 60, 2, 20),
}


@cache
def rows_of(name: str) -> tuple[Task, Sequence[Row]]:
    """Load a case once in each process."""
    return CASES[name].load()


@cache
def bench_of(name: str) -> Workbench:
    """One bench a process and stream: each input is encoded once."""
    return Workbench((), default_cache(), Encoder(threads=1))


def stream(name: str, seed: int) -> tuple[History, list[Row]]:
    """Draw a stream: the history, and the rows of the fault that come after its last turn."""
    case = CASES[name]
    task, rows = rows_of(name)
    rng = np.random.default_rng([seed, len(rows)])
    late = {row.label for row in rows if row.label == case.fault}
    plain = case.seed + case.before * case.size
    share = sum(row.label in late for row in rows) / len(rows)
    # Enough rows that 20 arrivals are left after the last turn; time stays in order.
    wanted = int(plain / (1 - share) + case.after * case.size + 1.5 * COMING / share)
    drawn = [rows[i] for i in np.sort(rng.permutation(len(rows))[:wanted])]
    first, rest = [], []
    for row in drawn:
        if len(first) < plain:
            if row.label not in late:
                first.append(row)
        else:
            rest.append(row)
    parts = [first[: case.seed]]
    parts += [first[i : i + case.size] for i in range(case.seed, plain, case.size)]
    parts += [rest[i * case.size : (i + 1) * case.size] for i in range(case.after)]
    dated = [tuple(replace(r, period=f"turn {n}") for r in p) for n, p in enumerate(parts)]
    history = History(
        task=task,
        seed=dated[0],
        turns=tuple(dated[1:]),
        source=name,
        labels_per_turn=case.labels,
        command="",
    )
    return history, [r for r in rest[case.after * case.size :] if r.label == case.fault]


def measure(name: str, strategy: str, seed: int) -> Found:
    """Run one arm until the fault is recognised, or to the end of the stream."""
    case = CASES[name]
    history, beyond = stream(name, seed)
    policy = Policy(
        labels_per_turn=case.labels, seed_labels=case.seed, seed=seed, strategy=strategy
    )
    recalls: list[float] = []
    found: dict[str, int] = {}
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder, Store.in_memory() as store:
        loop = Loop(store, history.task.name, policy, bench_of(name), lambda: datetime.now(UTC))
        arm = Arm(loop, history, Path(folder), real_edge=False)

        def closed(state: TurnState) -> None:
            if state.number <= case.before:
                return
            later = [r for turn in history.turns[state.number :] for r in turn]
            coming = [r for r in later if r.label == case.fault] + beyond
            inputs = [row.input for row in coming[:COMING]]
            observations = (state.number - case.before) * case.size
            recalls.append(recall(loop, inputs, case.fault, deployed=True))
            if recall(loop, inputs, case.fault, deployed=False) >= RECOGNISED:
                found.setdefault("offered", observations)
            if recalls[-1] >= RECOGNISED:
                asked = store.questions.of_task(history.task.name)
                turns = history.turns[case.before : state.number]
                found["observations"] = observations
                found["labels"] = sum(case.before < q.turn <= state.number for q in asked)
                found["arrivals"] = sum(r.label == case.fault for turn in turns for r in turn)
                raise Done

        with contextlib.suppress(Done):
            arm.run(closed)
    return Found(
        stream=name,
        strategy=strategy,
        seed=seed,
        observations=found.get("observations"),
        labels=found.get("labels"),
        arrivals=found.get("arrivals"),
        offered=found.get("offered"),
        recalls=tuple(round(one, 3) for one in recalls),
        cpu_seconds=round(time.process_time() - started, 1),
    )


def recall(loop: Loop, inputs: Sequence[bytes], fault: str, *, deployed: bool) -> float:
    """Share of inputs decided as the fault: by the deployed model, or by the last one made."""
    release = loop.store.releases.deployed(loop.task.name)
    model = loop.store.models.latest(loop.task.name)
    digest = release.model if deployed and release else model.digest if model else None
    if digest is None or (deployed and release is None):
        return 0.0
    card = loop.store.models.find(digest).card
    made = loop.specialised(loop.base(card.base), loop.store.datasets.get(card.dataset))
    decided = FittedRuntime(loop, made, card.threshold, digest).decide(inputs)
    return float(np.mean([one.label == fault for one in decided]))


def spread_of(values: Sequence[int | None]) -> str:
    """Median and range; never is larger than any number."""
    ordered = sorted(values, key=lambda v: (v is None, v or 0))
    shown = ["never" if v is None else f"{v:,}" for v in ordered]
    return f"{shown[(len(shown) - 1) // 2]} ({shown[0]} to {shown[-1]})"


def table(rows: Sequence[Found]) -> str:
    """One line a stream and strategy."""
    lines = [
        f"{'stream':12} {'selection':9} {'n':>2} {'never':>5}  {'observations':24} "
        f"{'labels':22} {'arrivals':20} {'offered':24}"
    ]
    for name in dict.fromkeys(row.stream for row in rows):
        for strategy in STRATEGIES:
            mine = [r for r in rows if (r.stream, r.strategy) == (name, strategy)]
            columns = [
                spread_of([getattr(row, key) for row in mine])
                for key in ("observations", "labels", "arrivals", "offered")
            ]
            never = sum(row.observations is None for row in mine)
            lines.append(
                f"{name:12} {strategy:9} {len(mine):2} {never:5}  {columns[0]:24} "
                f"{columns[1]:22} {columns[2]:20} {columns[3]:24}"
            )
        lines.append(f"{'':12} {versus([r for r in rows if r.stream == name])}")
    return "\n".join(lines)


def versus(rows: Sequence[Found]) -> str:
    """Say on how many streams the default was sooner, level and later, paired by seed."""
    last = float("inf")
    by = {(row.strategy, row.seed): row.labels or last for row in rows}
    gaps = [
        (by["spread", seed] > by["random", seed]) - (by["spread", seed] < by["random", seed])
        for seed in sorted({row.seed for row in rows})
    ]
    return (
        f"the default needed fewer labels on {gaps.count(-1)} of {len(gaps)} streams, as many on "
        f"{gaps.count(0)}, more on {gaps.count(1)}"
    )


def summary(rows: Sequence[Found]) -> list[dict[str, object]]:
    """Medians for the documents; never counts as larger than any number."""
    out = []
    for name in dict.fromkeys(row.stream for row in rows):
        for strategy in STRATEGIES:
            mine = [r for r in rows if (r.stream, r.strategy) == (name, strategy)]
            line: dict[str, object] = {"stream": name, "strategy": strategy, "n": len(mine)}
            line |= {"fault": CASES[name].fault, "labels_per_turn": CASES[name].labels}
            for key in ("observations", "labels", "arrivals", "offered"):
                values = [getattr(row, key) for row in mine]
                middle = statistics.median_low([float("inf") if v is None else v for v in values])
                line[f"median_{key}"] = None if middle == float("inf") else middle
            line["never"] = sum(row.observations is None for row in mine)
            out.append(line)
    return out


def main() -> None:
    """Run all cases, two at a time, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", default=",".join(CASES))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    names = []
    for name in options.streams.split(","):
        try:
            rows_of(name)
            names.append(name)
        except (UserError, FileNotFoundError) as error:
            print(f"{name}: left out, {error}")
    jobs = [(name, way, s) for name in names for s in range(options.seeds) for way in STRATEGIES]
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        rows = list(pool.map(measure, *zip(*jobs, strict=True)))
    RESULTS.parent.mkdir(exist_ok=True)
    body = {"summary": summary(rows), "runs": [asdict(row) for row in rows]}
    RESULTS.write_text(json.dumps(body, indent=1) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()

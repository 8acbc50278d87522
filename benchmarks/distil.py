"""Distil on real data: what a teacher's word on unlabelled observations adds to plain training.

    python benchmarks/distil.py
    python benchmarks/distil.py --streams xsdd --budgets 100 --seeds 2 --results other.json

Without `--streams` everything of `RUNS` is measured.


A seed draws the labelled rows, the unlabelled ones, and rows that neither model has seen; all
three anew. On the unseen rows stand side by side: the most frequent label; the student's base with
plain training on the same labels; the student, whose weight and temperature cross-validation on
those labels chooses; a student taught by its own base in the same way, since part of a gain may be
the unlabelled rows' and not the teacher's; the teacher. `honest` is the accuracy that heads of
folds say of the labelled rows themselves, which is what the gate would be told: beside the
student's own accuracy it shows whether anything leaks. Gains are means over seeds with Student's
95 % interval; seeds share a data set, so the interval speaks of draws from it, not of other data.
What is there already is kept. Writes benchmarks/results/distil.json.
"""

import argparse
import json
import os
import time
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
from numpy.typing import NDArray
from streams import STREAMS

from twoloops.convergence.recipes.distil import Outputs, fit_student
from twoloops.convergence.recipes.head import CrossFitted, fit
from twoloops.digital.base import Base
from twoloops.digital.catalogue import first_base, try_load, upstream
from twoloops.edge.graph import Graph
from twoloops.physical.duplicates import group, signature
from twoloops.physical.history.excavators import excavators
from twoloops.physical.history.stream import History
from twoloops.store.fetch import default_cache

RESULTS = Path(__file__).parent / "results" / "distil.json"
UNLABELLED, UNSEEN, ROWS = 1000, 1500, 6000
RUNS = (
    # Streams, budgets, seeds, student, teacher; an empty name is the first, or the last on offer.
    ("xsdd,excavators", "100,200,400", 8, "", ""),
    ("banking77", "100,200,400", 5, "", ""),
    ("banking77", "200", 5, "minilm", ""),
    ("banking77", "200", 5, "", "minilm"),
)


class Table:
    """A data set as arrays: labels, groups, and embeddings by both bases."""

    def __init__(self, history: History, student: str, teacher: str) -> None:
        """Encode at most `ROWS` rows of known label by a student's and a teacher's base."""
        task = history.task
        rows = [*history.seed, *(row for turn in history.turns for row in turn)]
        known = [row for row in rows if row.label is not None]
        some = np.random.default_rng(0).permutation(len(known))[:ROWS]
        known = [known[i] for i in some.tolist()]
        labels = sorted({str(row.label) for row in known})
        self.y = np.array([labels.index(str(row.label)) for row in known])
        self.labels = len(labels)
        signatures = [signature(task.kind, row.input) for row in known]
        self.groups = group(signatures, [row.origin for row in known])
        first, offers = first_base(task.kind, task.shape), upstream(task.kind, task.shape)
        there = {first.card.name: first}
        for offer in offers:
            if offer.name in (student, teacher or offers[-1].name):
                base = try_load(offer, default_cache())
                assert isinstance(base, Base), base
                there[offer.name] = base
        self.student = there[student or first.card.name]
        self.teacher = there[teacher or offers[-1].name]
        inputs = [row.input for row in known]
        self.x, self.teacher_x = (encoded(base, inputs) for base in (self.student, self.teacher))


def encoded(base: Base, inputs: list[bytes]) -> NDArray[np.float32]:
    """Encode inputs, some at a time."""
    graph = Graph(base.graph, threads=2)
    parts = [graph.run(inputs[i : i + 256])["embedding"] for i in range(0, len(inputs), 256)]
    return np.concatenate(parts)


def one(table: Table, budget: int, seed: int) -> dict:
    """Fit plain head, student, its control and teacher on one draw."""
    rng = np.random.default_rng([seed, budget])
    order = rng.permutation(len(table.y))
    labelled, rest = order[:budget], order[budget:]
    count = min(UNLABELLED, len(rest) // 2)
    more = rest[:count]
    # What is like something that was learned from tells nothing of what is new.
    learned = {table.groups[i] for i in (*labelled.tolist(), *more.tolist())}
    unseen = np.array([i for i in rest[count:].tolist() if table.groups[i] not in learned], np.intp)
    unseen = unseen[:UNSEEN]
    y, groups = table.y[labelled], [table.groups[i] for i in labelled.tolist()]
    soft_groups = [table.groups[i] for i in more.tolist()]
    sparse = table.student.card.sparse
    x, teacher_x = table.x[labelled], table.teacher_x[labelled]
    started = time.process_time()
    plain = fit(x, y, groups, sparse=sparse)
    plain_seconds = time.process_time() - started
    teacher = fit(teacher_x, y, groups, sparse=table.teacher.card.sparse)

    def right(fitted: CrossFitted, every: NDArray[np.float32]) -> float:
        said = fitted.full.probabilities(every[unseen], table.labels).argmax(axis=1)
        return float((said == table.y[unseen]).mean())

    def taught(by: CrossFitted, by_x: NDArray[np.float32]) -> tuple:
        outputs = Outputs(table.x[more], soft_groups, by, by_x[more])
        return fit_student(plain, x, y, groups, outputs, sparse=sparse)

    student, setting = taught(teacher, table.teacher_x)
    seconds = time.process_time() - started
    control, _ = taught(plain, table.x)
    honest = student.honest(x, groups, table.labels).argmax(axis=1)
    often = np.bincount(y).argmax()
    return {
        "unlabelled": count,
        "unseen": len(unseen),
        "majority": float((table.y[unseen] == often).mean()),
        "plain": right(plain, table.x),
        "student": right(student, table.x),
        "self_taught": right(control, table.x),
        "teacher": right(teacher, table.teacher_x),
        "honest": float((honest == y).mean()),
        "weight": setting.weight,
        "temperature": setting.temperature,
        "plain_cpu_seconds": plain_seconds,
        "cpu_seconds": seconds,
    }


def kept(results: Path) -> list[dict]:
    """Return the rows that are there."""
    return json.loads(results.read_text("utf-8")) if results.exists() else []


def place(row: dict) -> tuple:
    """Return what a row is told by, and sorted by."""
    return tuple(row[k] for k in ("stream", "student_base", "teacher_base", "budget", "seed"))


def run(streams: str, budgets: str, seeds: int, pair: tuple[str, str], results: Path) -> None:
    """Measure what is not there yet, print it, and write after each row."""
    for stream in streams.split(","):
        history = excavators(default_cache()) if stream == "excavators" else STREAMS[stream]()
        table = Table(history, *pair)
        bases = {"student_base": table.student.card.name, "teacher_base": table.teacher.card.name}
        for budget in map(int, budgets.split(",")):
            for seed in range(seeds):
                names = {"stream": stream, **bases, "budget": budget, "seed": seed}
                rows = kept(results)
                if place(names) in map(place, rows):
                    continue
                row = names | one(table, budget, seed)
                print(json.dumps(row), flush=True)
                rows = sorted([*rows, row], key=place)
                results.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Run what is asked for, or everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams")
    parser.add_argument("--budgets", default="100,200,400")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--student", default="")
    parser.add_argument("--teacher", default="")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    asked = (options.budgets, options.seeds, options.student, options.teacher)
    runs = ((options.streams, *asked),) if options.streams else RUNS
    for streams, budgets, seeds, student, teacher in runs:
        run(streams, budgets, seeds, (student, teacher), options.results)


if __name__ == "__main__":
    main()

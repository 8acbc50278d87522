"""A new fault appears on one edge: how long until the whole fleet recognises it?

    python benchmarks/fleet_fault.py [--seeds 5] [--cases cooler] [--arms weekly,drift,...]

Four edges in two groups (north, south) and one server with its label page, all by the product's
own code (`fleet_floor.py`), from the first observation on. From a drawn hour of the second week on,
edge north-1 alone meets a label that nobody has seen. The labeller gives 48 labels a day, around
the clock, and names the new label when it comes. 120 labels in the first turn, 40 in others.

- `weekly`: a turn opens a week after the last one.
- `drift`: an alarm about drift opens one too (`drift_opens` turn).
- `twice`: a turn every three and a half days; alarms open nothing.
- `default plan`, `default weekly`: as `drift` and as `weekly`, but roll-outs go by the plan a task
  has where nobody makes one. In the other arms a stage asks for a day and 20 decisions, and for no
  audit label.
- `quiet`: as `drift`, and no fault ever comes: what false alarms cost.

It is recognised once the models that count on all four edges decide at least half of 40 inputs of
the label, none of which any edge has met, as that label. Time goes by four hours.

Cases, in random order, no input twice: `cooler`, cycles of a hydraulic rig (every input of the edge
is of the new label, an input every two hours); `fan`, vibration of a fan (the same); `orders`,
NIST's excavator work orders, whose labels follow the experts' keyword rules (30 % of the edge's
inputs, one an hour). The first two need TWOLOOPS_DATA. Results of cases and arms that are not asked
for are kept.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from fleet_cases import CASES, WEEK, bench_of, inputs_of
from fleet_floor import Clock, Edge, Office, plant
from msgspec.structs import replace

from twoloops.convergence.rollouts.plan import Least, Plan, default_plan
from twoloops.convergence.turns.policy import DriftOpens, Policy
from twoloops.edge.runtime import Runtime
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.records.task import Task
from twoloops.wiring.rollout_plan import keep_plan

RESULTS = Path(__file__).parent / "results" / "fleet_fault.json"
EDGES = {"north-1": "north", "north-2": "north", "south-1": "south", "south-2": "south"}
WHERE = "north-1"
STEP = 4
FIRST = 200
"""Observations from which the first model learns."""
LABELS_A_DAY, SEED_LABELS = 48, 120
PROBES, RECOGNISED = 40, 0.5
MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Arm:
    """How turns open, and by which plan releases go out."""

    every: int
    drift: DriftOpens = "never"
    default_plan: bool = False
    fault: bool = True


ARMS = {
    "weekly": Arm(WEEK),
    "drift": Arm(WEEK, "turn"),
    "twice": Arm(WEEK // 2),
    "default weekly": Arm(WEEK, default_plan=True),
    "default plan": Arm(WEEK, "turn", default_plan=True),
    "quiet": Arm(WEEK, "turn", fault=False),
}
STEPS = ("alarm", "turn", "label", "approved", "everywhere", "recognised")
"""What is timed: the first drift alarm; a turn that takes in the fault; its first label; the gate
approves a model that knows it; such a model counts on every edge; every edge recognises it."""


@dataclass(frozen=True)
class Ran:
    """One run; hours and observations of the edge count from the fault's beginning.

    `None`: not until the end. `alarms` are those before the fault, or all where none comes;
    `stopped` says why roll-outs were rolled back;
    `recall` is that of an edge of the other group, which meets the fault at the end.
    """

    case: str
    arm: str
    seed: int
    hours: dict[str, int | None]
    observations: dict[str, int | None]
    labels: int
    labels_before: int
    turns: int
    alarms: int
    refused: int
    rollouts: dict[str, int]
    stopped: tuple[str, ...]
    recall: float
    cpu_seconds: float


class Run:
    """One plant, from its first observation until the fault is recognised everywhere."""

    def __init__(self, case: str, arm: str, seed: int, trace: bool = False) -> None:
        self.name, self.case, self.arm, self.seed = case, CASES[case], arm, seed
        self.trace, self._told = trace, 0
        self._task, self.known = inputs_of(case)
        rng = np.random.default_rng([seed, len(self.known)])
        rows = list(self.known.values())
        drawn = [rows[i] for i in rng.permutation(len(rows))]
        fault = [one for one, label in drawn if label == self.case.fault]
        self.probes, self._fault = fault[:PROBES], iter(fault[PROBES:])
        self._usual = iter([one for one, label in drawn if label != self.case.fault])
        self.begins = STEP * int((FIRST / (len(EDGES) * self.case.rate) + WEEK) // STEP)
        self.begins += STEP * int(rng.integers(0, WEEK // STEP))
        self._rng = rng
        self._recalls: dict[Digest | None, float] = {None: 0.0}
        self.at: dict[str, int] = {}
        self._last = -1
        self._before, self._owed = 0, dict.fromkeys(EDGES, 0.0)

    def task(self) -> Task:
        """The task, which does not know the fault."""
        labels = {label for _, label in self.known.values()} - {self.case.fault}
        # On a busy machine a decision may take long, and no verdict here is to hang on that.
        return replace(
            self._task, name=self.name, labels=tuple(sorted(labels)), latency_budget_ms=60_000
        )

    def perform(self) -> Ran:
        """Let the hours pass."""
        arm, started = ARMS[self.arm], time.process_time()
        policy = Policy(seed=self.seed, seed_labels=SEED_LABELS, drift_opens=arm.drift)
        where = MEMORY if MEMORY.is_dir() else None
        with (
            tempfile.TemporaryDirectory(dir=where) as folder,
            plant(
                Path(folder),
                self.task(),
                policy,
                EDGES,
                bench_of(self.name),
                truth=lambda digest: self.known[digest][1],
                labels_a_day=LABELS_A_DAY,
                first=FIRST,
                every=arm.every,
                step=STEP,
            ) as (clock, office, edges),
        ):
            if not arm.default_plan:
                keep_plan(office.store, self.name, quick_plan())
            while clock.hour < self.begins + self.case.hours and "recognised" not in self.at:
                self._hour(clock, office, edges)
                clock.hour += STEP
            said = edges[-1].decide(self.probes)
            recall = float(np.mean([one == self.case.fault for one in said]))
            return self._ran(office, recall, time.process_time() - started)

    def _hour(self, clock: Clock, office: Office, edges: list[Edge]) -> None:
        there = ARMS[self.arm].fault and clock.hour >= self.begins
        if clock.hour < self.begins:
            self._before = len(office.labels)
        for edge in edges:
            self._owed[edge.name] += STEP * self.case.rate
            count = int(self._owed[edge.name])
            self._owed[edge.name] -= count
            strange = self._rng.random(count) < self.case.share
            sick = strange & (there and edge.name == WHERE)
            edge.meet([next(self._fault if one else self._usual) for one in sick])
        office.look()
        if self.trace:
            self._tell(clock, office)
        if there:
            self._note(clock, office, edges)

    def _note(self, clock: Clock, office: Office, edges: list[Edge]) -> None:
        """Note which step has been reached; later ones are looked at only after earlier ones."""
        store = office.store
        hour = clock.hour - self.begins

        def reached(step: str, so: bool) -> bool:
            if so:
                self.at.setdefault(step, hour)
            return step in self.at

        reached("alarm", any(at >= self.begins for at, _ in office.alarms))
        if not reached("turn", self._claimed(office)):
            return
        if not reached("label", any(label == self.case.fault for _, label in office.labels)):
            return
        deployed = store.releases.deployed(self.name)
        known = [
            one.model
            for one in store.releases.all(self.name)
            if self.case.fault in store.models.find(one.model).card.labels
        ]
        if not reached("approved", deployed is not None and deployed.model in known):
            return
        reached("everywhere", all(one.model in known for one in edges))
        least = min(self._recall(office, one.model) for one in edges)
        reached("recognised", least >= RECOGNISED)

    def _claimed(self, office: Office) -> bool:
        """Whether the last turn has taken an input of the fault in."""
        last = office.store.turns.last(self.name)
        if "turn" in self.at or last is None or last.number <= self._last:
            return False
        seen = office.store.observations.of_turn(self.name, last.number)
        if seen:
            self._last = last.number
        return any(self.known[one.input][1] == self.case.fault for one in seen)

    def _recall(self, office: Office, model: Digest | None) -> float:
        """Share of the probes that a model's file decides as the fault."""
        if model not in self._recalls:
            assert model is not None
            said = Runtime(office.store.models.get(model)).decide(self.probes)
            self._recalls[model] = float(np.mean([one.label == self.case.fault for one in said]))
        return self._recalls[model]

    def _tell(self, clock: Clock, office: Office) -> None:
        for fact in office.store.journal.page(self._told, 10_000):
            self._told = fact.sequence
            if fact.kind in ("labels paid", "model assigned"):
                continue
            body = {key: value[:300] for key, value in fact.body.items() if key != "evidence"}
            print(f"{clock.hour - self.begins:5} h  {fact.kind}, turn {fact.turn}: {body}")

    def _ran(self, office: Office, recall: float, seconds: float) -> Ran:
        ends = office.ended()
        ended = [one.status for one in ends]
        fault = ARMS[self.arm].fault
        early = [at for at, _ in office.alarms if not fault or at < self.begins]
        rate = self.case.rate
        return Ran(
            case=self.name,
            arm=self.arm,
            seed=self.seed,
            hours={step: self.at.get(step) for step in STEPS},
            observations={
                step: None if step not in self.at else round((self.at[step] + STEP) * rate)
                for step in STEPS
            },
            labels=len(office.labels) - self._before,
            labels_before=self._before,
            turns=len(office.store.turns.all(self.name)),
            alarms=len(early),
            refused=len(office.store.journal.facts(self.name, kind="gate refused")),
            stopped=tuple(one.why for one in ends if one.status == "rolled back"),
            rollouts={one: ended.count(one) for one in sorted(set(ended))},
            recall=round(recall, 3),
            cpu_seconds=round(seconds, 1),
        )


def quick_plan() -> Plan:
    """Return the default stages with amounts that a few edges reach within days."""
    least = Least(hours=24, decisions=20, labels=0, no_labels="they come once a week")
    usual = default_plan(tuple(sorted(set(EDGES.values()))), 1)
    return Plan(stages=tuple(replace(one, least=least) for one in usual.stages))


def spread(values: Sequence[int | None]) -> dict[str, Any]:
    """Return the median and the range; never (`None`) is larger than any number."""
    ordered = sorted(values, key=lambda one: (one is None, one or 0))
    middle = ordered[(len(ordered) - 1) // 2]
    return {
        "median": middle,
        "least": ordered[0],
        "most": ordered[-1],
        "never": sum(one is None for one in ordered),
    }


def summary(runs: Sequence[Ran]) -> list[dict[str, Any]]:
    """Return a row a case and arm."""
    rows = []
    for case, arm in dict.fromkeys((one.case, one.arm) for one in runs):
        mine = [one for one in runs if (one.case, one.arm) == (case, arm)]
        rows.append(
            {
                "case": case,
                "arm": arm,
                "runs": len(mine),
                "hours": {s: spread([one.hours[s] for one in mine]) for s in STEPS},
                "observations": {s: spread([one.observations[s] for one in mine]) for s in STEPS},
                "labels": spread([one.labels for one in mine]),
                "labels before": spread([one.labels_before for one in mine]),
                "false alarms": sum(one.alarms for one in mine),
                "runs with a false alarm": sum(one.alarms > 0 for one in mine),
                "refused": sum(one.refused for one in mine),
                "rollouts": {
                    status: sum(one.rollouts.get(status, 0) for one in mine)
                    for status in sorted({s for one in mine for s in one.rollouts})
                },
                "recall": statistics.median(one.recall for one in mine),
            }
        )
    return rows


def shown(one: dict[str, Any]) -> str:
    """Print a median with its range."""
    low, middle, high = (
        "never" if one[key] is None else f"{one[key]:,}" for key in ("least", "median", "most")
    )
    return f"{middle} ({low} to {high})"


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return hours and labels, a line a case and arm."""
    lines = [f"{'case':9} {'arm':13} " + " ".join(f"{one:>20}" for one in (*STEPS, "labels"))]
    for one in rows:
        columns = [shown(one["hours"][step]) for step in STEPS] + [shown(one["labels"])]
        lines.append(
            f"{one['case']:9} {one['arm']:13} "
            + " ".join(f"{column:>20}" for column in columns)
            + f"  false alarms in {one['runs with a false alarm']} of {one['runs']}; "
            + f"roll-outs {one['rollouts']}, recall {one['recall']:g}"
        )
    return "\n".join(lines)


def main() -> None:
    """Run every plant, print a table, keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cases", default="cooler")
    parser.add_argument("--arms", default=",".join(ARMS))
    parser.add_argument("--seed", type=int, help="this seed alone, told step by step, not kept")
    options = parser.parse_args()
    arms, began, runs = options.arms.split(","), time.perf_counter(), []
    for case in options.cases.split(","):
        try:
            inputs_of(case)
        except (UserError, FileNotFoundError) as error:
            print(f"{case}: left out, {error}")
            continue
        seeds = range(options.seeds) if options.seed is None else [options.seed]
        for seed, arm in itertools.product(seeds, arms):
            runs.append(Run(case, arm, seed, trace=options.seed is not None).perform())
            print(runs[-1], flush=True)
    rows = summary(runs)
    print(table(rows))
    if runs and options.seed is None:
        keep(rows, runs, time.perf_counter() - began)


def keep(rows: Sequence[dict[str, Any]], runs: Sequence[Ran], seconds: float) -> None:
    """Keep the figures in place of earlier ones of the same cases and arms."""
    body: dict[str, Any] = {"summary": [], "runs": []}
    if RESULTS.exists():
        body = json.loads(RESULTS.read_text("utf-8"))
    mine = {(one["case"], one["arm"]) for one in rows}
    for name, found in (("summary", list(rows)), ("runs", [asdict(one) for one in runs])):
        others = [one for one in body[name] if (one["case"], one["arm"]) not in mine]
        body[name] = sorted(others + found, key=lambda one: list(CASES).index(one["case"]))
    body["settings"] = {
        "edges": len(EDGES),
        "labels a day": LABELS_A_DAY,
        "labels a turn": Policy().labels_per_turn,
        "cases": {
            name: {
                "fault": one.fault,
                "rate": one.rate,
                "share": one.share,
                "hours": one.hours,
            }
            for name, one in CASES.items()
        },
        "seconds": round(seconds),
    }
    RESULTS.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

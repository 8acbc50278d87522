"""The data loop with wrong labels on real streams: untreated, treated, and with more labels.

Every label of the history is given by labellers who err in one of ten items (another label of the
task, drawn evenly; the same labeller says the same of an item). Accuracy is that of the deployed
model on the true labels of the coming turn, before anything of it is learned; the mean over the
turns from the second one on.

- `clean`: nobody errs; what the others lose is counted from here.
- `untreated`: one label an item.
- `looks`: doubtful labels are looked at again by another labeller who errs as often, at the end of
  each turn's labelling, at most as many as the turn's budget; the consensus is learned.
- `looks+twice`: besides, what judges (seed, golden, audit) is labelled by two, and by a third where
  these disagree.
- `more`: untreated, with as many more labels a turn as `looks` took: the sceptic's control.

Without `--gate` every model is taken: with a dozen labels a turn the gate's refusals are luck, and
move accuracy by more than the wrong labels do.

    python benchmarks/label_noise_turns.py [--streams xsdd,hydraulic-pump] [--seeds 6] [--gate]

Results are appended as they come, so that a run can be stopped and taken up again; the folder of
the streams is named by TWOLOOPS_DATA.
"""

import argparse
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
from scipy.stats import t as student
from streams import STREAMS

from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.replays.figures import correct
from twoloops.convergence.turns.loop import Loop, Workbench
from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.state import TurnState, Waiting
from twoloops.convergence.turns.turn import advance
from twoloops.physical.history.stream import History
from twoloops.physical.labelling.answers import answer
from twoloops.physical.labelling.policy import LabellingPolicy, keep_labelling
from twoloops.physical.labelling.quality.looks import open_looks
from twoloops.physical.labelling.questions import open_questions
from twoloops.records.label import Label
from twoloops.records.observation import Place
from twoloops.store.fetch import default_cache
from twoloops.store.workspace import Store

RESULT = Path(__file__).parent / "results" / "label_noise_turns.json"
RATE = 0.1
ARMS = ("clean", "untreated", "looks", "looks+twice", "more")
Row = dict[str, Any]
Rows = list[Row]
LABELLERS = ("person:first", "person:second", "person:third", "person:fourth")


def ticking() -> Callable[[], datetime]:
    """Return a clock that is a second further each time it is read."""
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def tick() -> datetime:
        nonlocal now
        now += timedelta(seconds=1)
        return now

    return tick


class Erring(Arm):
    """An arm whose labels are given by labellers who err, and look again where they are asked."""

    rate = 0.0
    seed = 0

    def _run_turn(self, turn: TurnState) -> TurnState:
        if turn.stage == "observe":
            self._observe(turn)
        while turn.stage != "closed":
            outcome = advance(self.loop, turn)
            if not isinstance(outcome, Waiting):
                turn = outcome
            elif asked := open_questions(self.loop.store, self.history.task.name, turn.number):
                self._say([one.observation for one in asked])
            else:
                looks = open_looks(self.loop.store, self.history.task.name, turn.number)
                assert looks, outcome.what
                self._say([look.observation for look in looks])
        return turn

    def _say(self, places: list[Place]) -> None:
        """Let the next labeller who has not said anything of an item answer."""
        loop = self.loop
        now = loop.clock()
        given = loop.store.labels.find(places)
        who = {place: LABELLERS[len(given.get(place, ()))] for place in places}
        labels = [
            Label(place, self._said(place, name), name, now, loop.task.costs.label)
            for place, name in who.items()
        ]
        answer(loop.store, loop.task.name, labels, at=now)

    def truth(self, place: Place) -> str:
        """Return what the history says of an observation."""
        number = int(place.epoch.removeprefix("turn-"))
        at = self.said(number).counters.index(place.counter)
        label = self.stages[number][at].label
        assert label is not None
        return label

    def _said(self, place: Place, who: str) -> str:
        true = self.truth(place)
        word = hashlib.sha256(f"{self.seed}/{place}/{who}".encode()).digest()
        if int.from_bytes(word[:4], "big") / 2**32 >= self.rate:
            return true
        others = [label for label in self.history.task.labels if label != true]
        return others[int.from_bytes(word[4:8], "big") % len(others)]


def run(history: History, bench: Workbench, seed: int, rate: float, **how: Any) -> dict[str, Any]:
    """Run one arm; returns its accuracy by turn, and labels bought.

    Args:
        history: The stream.
        bench: Shared by all arms.
        seed: Of the loop's choices and of the errors.
        rate: How often labellers err.
        how: `gate`; `looks`: second looks of a turn; `each`: labels of an item that judges;
            `extra`: more labels a turn.
    """
    name = history.task.name
    policy = Policy(
        labels_per_turn=history.labels_per_turn + how.get("extra", 0),
        seed_labels=len(history.seed),
        models=False,
        gate=how.get("gate", True),
        seed=seed,
    )
    started = time.process_time()
    with tempfile.TemporaryDirectory() as folder, Store.in_memory() as store:
        arm = Erring(
            Loop(store, name, policy, bench, ticking()), history, Path(folder), real_edge=False
        )
        arm.rate, arm.seed = rate, seed
        each = how.get("each", 1)
        keep_labelling(
            store,
            name,
            LabellingPolicy(second_looks=how.get("looks", 0), per_judge=each),
        )
        arm.run()
        by_turn = [float(np.mean(one)) for one in correct(arm)]
        labels = store.labels.of_task(name)
        seen = store.observations.find({one.observation for one in labels})
        true = {one.input: arm.truth(place) for place, one in seen.items()}
        last = store.datasets.get(store.datasets.of_task(name)[-1][1])
        wrong = [item.label != true[item.input] for item in last.items]
        first = {one.observation: one.label for one in labels if one.labeller == "person:first"}
        looks = store.second_looks.of_task(name)
        hit = [first[look.observation] != arm.truth(look.observation) for look in looks]
        return {
            "accuracy": round(float(np.mean(by_turn[1:])), 4),
            "labels": len(labels),
            "looks": len(looks),
            "looks_at_errors": int(np.sum(hit)),
            "wrong_in_dataset": round(float(np.mean(wrong)), 4),
            "releases": len(store.releases.all(name)),
            "cpu_seconds": round(time.process_time() - started, 1),
        }


def arms(stream: str, seed: int, gate: bool, bench: Workbench, done: Rows) -> Iterator[Row]:
    """Yield the rows of one seed that are not there yet, arm by arm."""
    history = STREAMS[stream](seed)
    mine = {row["arm"]: row for row in done if (row["stream"], row["seed"]) == (stream, seed)}
    budget = history.labels_per_turn
    for arm in ARMS:
        if arm in mine:
            continue
        how: dict[str, Any] = {
            "looks": {"looks": budget},
            "looks+twice": {"looks": budget, "each": 2},
            "more": {"extra": round(mine["looks"]["looks"] / len(history.turns))}
            if arm == "more"
            else {},
        }.get(arm, {})
        found = run(history, bench, seed, 0.0 if arm == "clean" else RATE, gate=gate, **how)
        mine[arm] = {"stream": stream, "seed": seed, "gate": gate, "arm": arm} | found
        yield mine[arm]


def interval(values: Sequence[float]) -> dict[str, float]:
    """Return mean and 95 % t-interval over seeds."""
    mean, n = float(np.mean(values)), len(values)
    half = float(student.ppf(0.975, n - 1) * np.std(values, ddof=1) / n**0.5) if n > 1 else 0.0
    return {"mean": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4)}


def share(lost: Sequence[float], untreated: Sequence[float]) -> dict[str, float]:
    """Return the share of the untreated loss that remains, with a bootstrap interval over seeds."""
    draws = np.random.default_rng(0).integers(0, len(lost), (4000, len(lost)))
    top, below = np.array(lost)[draws].mean(axis=1), np.array(untreated)[draws].mean(axis=1)
    some = np.where(np.abs(below) > 1e-6, top / np.where(below == 0, 1, below), np.nan)
    low, high = (float(end) for end in np.nanquantile(some, (0.025, 0.975)))
    mean = float(np.mean(lost) / np.mean(untreated))
    return {"mean": round(mean, 3), "low": round(low, 3), "high": round(high, 3)}


def summary(rows: Rows) -> list[dict[str, Any]]:
    """Return for each stream what every arm loses, over the seeds that have all arms."""
    out = []
    for stream, gate in dict.fromkeys((row["stream"], row["gate"]) for row in rows):
        mine = [row for row in rows if (row["stream"], row["gate"]) == (stream, gate)]
        by = {(row["seed"], row["arm"]): row for row in mine}
        seeds = [
            seed
            for seed in sorted({row["seed"] for row in mine})
            if all((seed, arm) in by for arm in ARMS)
        ]
        if not seeds:
            continue
        lost = {
            arm: [by[s, "clean"]["accuracy"] - by[s, arm]["accuracy"] for s in seeds]
            for arm in ARMS
        }
        found: dict[str, Any] = {}
        for arm in ARMS:
            found[arm] = {
                key: round(float(np.mean([by[s, arm][key] for s in seeds])), 4)
                for key in ("accuracy", "labels", "looks", "looks_at_errors", "wrong_in_dataset")
            } | {"lost": interval(lost[arm])}
            if arm not in ("clean", "untreated"):
                found[arm]["share_of_loss"] = share(lost[arm], lost["untreated"])
        out.append({"stream": stream, "gate": gate, "seeds": len(seeds), "arms": found})
    return out


def main() -> None:
    """Run what is missing and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", default="xsdd,hydraulic-pump")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--gate", action="store_true", help="the gate judges what is released")
    parser.add_argument("--again", action="store_true", help="forget earlier results")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    rows: Rows = []
    if options.out.exists() and not options.again:
        rows = json.loads(options.out.read_text(encoding="utf-8"))["rows"]
    bench = Workbench((), default_cache())
    for stream in options.streams.split(","):
        for seed in range(options.first, options.first + options.seeds):
            done = [row for row in rows if row["gate"] == options.gate]
            for row in arms(stream, seed, options.gate, bench, done):
                rows.append(row)
                print(json.dumps(row), flush=True)
                text = json.dumps({"summary": summary(rows), "rows": rows}, indent=1)
                options.out.write_text(text + "\n", encoding="utf-8")
    for one in summary(rows):
        print(json.dumps(one, indent=1))


if __name__ == "__main__":
    main()

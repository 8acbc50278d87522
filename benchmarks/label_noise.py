"""What wrong labels cost the data loop on real streams: untreated, treated, and with more labels.

Predict the coming batch, label some of it, learn, go on (the protocol of `selection_protocol.py`),
with the product's own parts: its first base, `select` (a quarter of the budget is a random audit
that trains a turn later), `head.fit` (two strengths instead of six), `suspects` and `consensus`.
Every model is taken: the gate is left out, whose refusals move accuracy by more than the wrong
labels do where a dozen labels come a turn.

Labellers err in one of ten items (another label of the stream, drawn evenly); the same labeller
says the same of an item. Accuracy is on true labels, each batch before anything of it is learned;
the mean from the second batch on. Each seed draws another stream, beginning and other errors.

- `clean`: nobody errs; what the others lose is counted from here.
- `untreated`: one label an item.
- `looks`: suspected errors are looked at again by another labeller who errs as often, in each turn
  at most as many as the turn's budget; where the answers differ and the suspicion stays, a third.
- `looks+twice`: besides, the beginning and the audits are labelled by two, and by a third where
  these differ.
- `pruned`: what is suspected is left out of training; costs no label.
- `more`: untreated, with as many more labels as `looks` took: the sceptic's control.

    python benchmarks/label_noise.py [--streams xsdd:shuffled,…] [--seeds 6]

Results are appended as they come, so that a run can be stopped and taken up again; the folder of
the streams is named by TWOLOOPS_DATA.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import selection
import selection_protocol as protocol
from scipy.stats import t as student
from selection_protocol import Stream

from twoloops.convergence.recipes import head as recipe
from twoloops.convergence.recipes.head import CrossFitted, fit
from twoloops.physical.labelling.quality.consensus import consensus
from twoloops.physical.labelling.quality.suspects import suspects
from twoloops.physical.select import Candidates, audit, select
from twoloops.records.label import Label
from twoloops.records.money import Money
from twoloops.records.observation import Place

RESULT = Path(__file__).parent / "results" / "label_noise.json"
RATE = 0.1
recipe.STRENGTHS = (10.0, 100.0)  # of six: the same for all arms, and several times faster
STREAMS = "xsdd:shuffled,hydraulic-pump:shuffled,hydraulic-pump:ordered"
ARMS = ("clean", "untreated", "pruned", "looks", "looks+twice", "more")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FREE = Money(Decimal(0), "EUR")
Row = dict[str, Any]
Rows = Sequence[Row]


class Desk:
    """Labels given so far, by labellers who err.

    Args:
        stream: Whose rows are labelled.
        rate: How often each of three labellers errs.
        seed: Of their errors.
    """

    def __init__(self, stream: Stream, rate: float, seed: int) -> None:
        self.stream = stream
        k = int(stream.y.max()) + 1
        rng = np.random.default_rng([seed, 5])
        shape = (3, len(stream.y))
        other = (stream.y + 1 + rng.integers(0, k - 1, shape)) % k
        self.answers = np.where(rng.random(shape) < rate, other, stream.y)
        self.given: dict[Place, list[Label]] = {}
        self.doubted: dict[Place, datetime] = {}
        self.looked: dict[int, int] = {}
        self.clock = NOW

    def say(self, row: int) -> None:
        """Let the next labeller answer."""
        place = Place("bench", "e", row)
        said = self.given.setdefault(place, [])
        self.clock += timedelta(seconds=1)
        who = len(said)
        label = str(self.answers[who, row])
        said.append(Label(place, label, f"person:{who}", self.clock, FREE))

    def twice(self, row: int) -> None:
        """Let two answer, and a third where they differ."""
        self.say(row)
        self.say(row)
        if self.split(row):
            self.say(row)

    def look(self, row: int) -> None:
        """Let somebody look again."""
        place = Place("bench", "e", row)
        self.looked[row] = self.looked.get(row, 0) + 1
        self.doubted.setdefault(place, self.clock)
        if len(self.given[place]) < len(self.answers):
            self.say(row)

    def split(self, row: int) -> bool:
        """Whether two answers differ."""
        labels = [one.label for one in self.given[Place("bench", "e", row)]]
        return len(labels) == 2 and labels[0] != labels[1]

    def labels(self, rows: Sequence[int]) -> Any:
        """Return what the answers stand for, (n,)."""
        agreed = consensus(self.given, self.doubted)
        return np.array(
            [int(agreed[Place("bench", "e", row)].label) for row in rows], dtype=np.intp
        )

    @property
    def count(self) -> int:
        """How many labels were given."""
        return sum(map(len, self.given.values()))


def fitted(desk: Desk, rows: Sequence[int], kept: Any = None) -> CrossFitted:
    """Fit the product's head on rows, or on those kept."""
    at = np.array(rows)[slice(None) if kept is None else kept]
    groups = [str(row) for row in at.tolist()]
    return fit(desk.stream.x[at].astype(np.float32), desk.labels(at.tolist()), groups)


def suspected(desk: Desk, head: CrossFitted, rows: Sequence[int]) -> list[int]:
    """Return positions of rows whose label is probably wrong, the worst first."""
    x = desk.stream.x[np.array(rows)].astype(np.float32)
    k = int(desk.stream.y.max()) + 1
    honest = head.honest(x, [str(row) for row in rows], k)
    return [one.row for one in suspects(honest, desk.labels(rows))]


def learn(desk: Desk, rows: list[int], arm: str, budget: int) -> CrossFitted:
    """Learn from rows, treated as the arm says."""
    head = fitted(desk, rows)
    if arm == "pruned":
        kept = np.ones(len(rows), dtype=bool)
        kept[suspected(desk, head, rows)] = False
        return fitted(desk, rows, kept)
    if not arm.startswith("looks"):
        return head
    again = []
    for at in suspected(desk, head, rows):
        row = rows[at]
        times = desk.looked.get(row, 0)
        if times == 0 or (times == 1 and desk.split(row)):
            again.append(row)
    for row in again[:budget]:
        desk.look(row)
    return fitted(desk, rows) if again else head


def run(stream: Stream, arm: str, seed: int, budget: int) -> Row:
    """Run one arm over a stream; returns accuracy and what it took."""
    k = int(stream.y.max()) + 1
    desk = Desk(stream, 0.0 if arm == "clean" else RATE, seed)
    give = desk.twice if arm == "looks+twice" else desk.say
    rng = np.random.default_rng([seed, 1])
    rows = [int(i) for i in stream.parts[0]]
    waiting: list[int] = []
    for row in rows:
        give(row)
    head = learn(desk, rows, arm, budget)
    accuracy = []
    for batch in stream.parts[1:]:
        x = stream.x[batch].astype(np.float32)
        p = head.full.probabilities(x, k)
        accuracy.append(float((p.argmax(axis=1) == stream.y[batch]).mean()))
        count = max(1, round(selection.AUDIT_SHARE * budget))
        audits = [pick.index for pick in audit(np.ones(len(batch)), count, rng)]
        excluded = np.zeros(len(batch), dtype=bool)
        excluded[audits] = True
        candidates = Candidates(
            probabilities=p,
            embedding=x,
            novelty=head.full.novelty(x),
            groups=[str(row) for row in batch.tolist()],
            excluded=excluded,
            at_random=count,
        )
        picks = [one.index for one in select(candidates, budget - count, "spread", rng)]
        rows += waiting + [int(batch[i]) for i in picks]
        waiting = [int(batch[i]) for i in audits]
        for i in picks:
            desk.say(int(batch[i]))
        for row in waiting:
            give(row)
        head = learn(desk, rows, arm, budget)
    wrong = desk.labels(rows) != stream.y[rows]
    hits = [desk.answers[0, row] != stream.y[row] for row in desk.looked]
    return {
        "accuracy": round(float(np.mean(accuracy[1:])), 4),
        "labels": desk.count,
        "looks": len(hits),
        "looks_at_errors": int(np.sum(hits)),
        "wrong_in_dataset": round(float(np.mean(wrong)), 4),
    }


def interval(values: Sequence[float]) -> dict[str, float]:
    """Return mean and 95 % t-interval over seeds."""
    mean, n = float(np.mean(values)), len(values)
    half = float(student.ppf(0.975, n - 1) * np.std(values, ddof=1) / n**0.5) if n > 1 else 0.0
    return {"mean": round(mean, 4), "low": round(mean - half, 4), "high": round(mean + half, 4)}


def share(lost: Sequence[float], untreated: Sequence[float]) -> dict[str, float]:
    """Return the share of the untreated loss that remains, with a bootstrap interval over seeds."""
    draws = np.random.default_rng(0).integers(0, len(lost), (4000, len(lost)))
    some = np.array(lost)[draws].mean(axis=1) / np.array(untreated)[draws].mean(axis=1)
    low, high = (float(end) for end in np.quantile(some, (0.025, 0.975)))
    mean = float(np.mean(lost) / np.mean(untreated))
    return {"mean": round(mean, 3), "low": round(low, 3), "high": round(high, 3)}


def summary(rows: Rows) -> list[dict[str, Any]]:
    """Return for each stream what every arm loses, over the seeds that have all arms."""
    out = []
    for stream in dict.fromkeys(row["stream"] for row in rows):
        by = {(row["seed"], row["arm"]): row for row in rows if row["stream"] == stream}
        seeds = sorted({seed for seed, _ in by})
        seeds = [seed for seed in seeds if all((seed, arm) in by for arm in ARMS)]
        if not seeds:
            continue
        accuracy = {arm: [by[seed, arm]["accuracy"] for seed in seeds] for arm in ARMS}
        lost = {arm: np.subtract(accuracy["clean"], accuracy[arm]).tolist() for arm in ARMS}
        found: dict[str, Any] = {}
        for arm in ARMS:
            found[arm] = {
                key: round(float(np.mean([by[seed, arm][key] for seed in seeds])), 4)
                for key in ("accuracy", "labels", "looks", "looks_at_errors", "wrong_in_dataset")
            } | {"lost": interval(lost[arm])}
            if arm not in ("clean", "untreated"):
                found[arm]["share_of_loss"] = share(lost[arm], lost["untreated"])
        out.append({"stream": stream, "gate": False, "seeds": len(seeds), "arms": found})
    return out


def main() -> None:
    """Run what is missing and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", default=STREAMS, help="NAME:ORDER,…")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    rows: list[Row] = []
    if options.out.exists():
        rows = json.loads(options.out.read_text(encoding="utf-8"))["rows"]
    for name in options.streams.split(","):
        file = selection.embed(name.partition(":")[0])
        for seed in range(options.first, options.first + options.seeds):
            stream = protocol.arrange(file, name.partition(":")[2], seed)
            mine = {r["arm"]: r for r in rows if (r["stream"], r["seed"]) == (name, seed)}
            for arm in ARMS:
                if arm in mine:
                    continue
                budget = stream.budget
                if arm == "more":
                    extra = mine["looks"]["labels"] - mine["untreated"]["labels"]
                    budget += round(extra / (len(stream.parts) - 1))
                started = time.process_time()
                found = run(stream, arm, seed, budget)
                seconds = round(time.process_time() - started, 1)
                mine[arm] = {"stream": name, "seed": seed, "arm": arm} | found
                rows.append(mine[arm])
                print(json.dumps(mine[arm]), seconds, flush=True)
                text = json.dumps({"summary": summary(rows), "rows": rows}, indent=1)
                options.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

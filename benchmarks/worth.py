"""What the next labels were said to be worth, and what they saved: real streams, truth known.

    python benchmarks/worth.py [--streams excavators,hydraulic-pump,hydraulic-valve] [--seeds 1]

One arm a stream and seed: labels alone, gate in force (no other base, which labels do not pay
for). Before each turn `convergence.turns.valuing` says what the turn's labels are worth over the
next four turns, from what was known then. Measured is, on all rows of those turns, what the
mistakes of the model deployed before cost, less what those of the model deployed after cost.

- *calibration*: how many of the intervals cover what was measured, and the error of the expected
  saving in money beside two trivial guesses: no gain, and the last gain again.
- *stopping*: money of the whole stream (mistakes and labels but for the audit labels, which all
  rules buy), had labelling stopped for good at the first verdict `stop`, the model of that moment
  being used to the end; beside *always*, *never*, the sceptic's rule (stop once the last gain
  again is below the price) and the best turn to stop at in hindsight. Repeated with labels ten and
  a hundred times as dear: mistakes cost the same, so that the models are the same.

Costs: the work orders have their own (`physical.history.excavators`), for the hydraulic streams
50 an escape, 5 a false reject and 1 a label are assumed. Writes benchmarks/results/worth.json.
"""

import argparse
import dataclasses
import json
import os
import tempfile
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
from gate_streams import share
from msgspec.structs import replace
from streams import STREAMS

from twoloops.convergence.judging.stopping import advise
from twoloops.convergence.judging.worth import Basis
from twoloops.convergence.replays.arm import Arm, FittedRuntime
from twoloops.convergence.turns.loop import Loop, Workbench
from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.valuing import HORIZON_TURNS, basis_of
from twoloops.physical.history.excavators import excavators
from twoloops.physical.history.stream import History
from twoloops.records.money import Money
from twoloops.records.task import Costs
from twoloops.store.fetch import default_cache
from twoloops.store.workspace import Store

RESULT = Path(__file__).parent / "results" / "worth.json"
ASSUMED = Costs(*(Money(Decimal(word), "EUR") for word in ("50", "5", "1")))
DEARER = (1, 10, 100)


@dataclasses.dataclass(frozen=True)
class Ran:
    """An arm: what was known before each turn, and what every model would have cost in each.

    Args:
        basis: By turn, before its labels were asked for.
        labels: By turn, what was asked for beside the audit labels.
        deployed: By turn, the model in force (place in `mistakes`); one more for after the last.
        mistakes: (models, turns) money of a model's mistakes on all rows of a turn.
        rows: Rows of each turn.
    """

    basis: list[Basis]
    labels: list[int]
    deployed: list[int]
    mistakes: Any
    rows: Any


def history_of(stream: str, seed: int) -> History:
    """Return a stream with its costs."""
    if stream == "excavators":
        return excavators(default_cache())
    history = STREAMS[stream](seed)
    return dataclasses.replace(history, task=replace(history.task, costs=ASSUMED))


def run(history: History, seed: int) -> Ran:
    """Run the arm in memory."""
    task, turns = history.task, len(history.turns)
    policy = Policy(
        labels_per_turn=history.labels_per_turn,
        seed_labels=len(history.seed),
        models=False,
        seed=seed,
    )
    bench = Workbench([], default_cache())
    with tempfile.TemporaryDirectory() as folder, Store.in_memory() as store:
        loop = Loop(store, task.name, policy, bench, lambda: datetime.now(UTC))
        Arm(loop, history, Path(folder), real_edge=False).run()
        releases = store.releases.all(task.name)
        known = [[row for row in rows if row.label is not None] for rows in history.turns]
        money = np.zeros((len(releases), turns))
        for place, release in enumerate(releases):
            threshold = store.models.find(release.model).card.threshold
            model = FittedRuntime(loop, loop.made(release.model), threshold, release.model)
            for turn, rows in enumerate(known):
                said = model.decide([row.input for row in rows])
                for row, decision in zip(rows, said, strict=True):
                    missed = row.label != task.normal and decision.label == task.normal
                    called = row.label == task.normal and decision.label != task.normal
                    money[place, turn] += missed * float(task.costs.escape.amount)
                    money[place, turn] += called * float(task.costs.false_reject.amount)
        asked = [store.questions.of_turn(task.name, turn) for turn in range(1, turns + 1)]
        return Ran(
            basis=[basis_of(store, task, before=turn) for turn in range(1, turns + 1)],
            labels=[sum(q.purpose != "audit" for q in questions) for questions in asked],
            deployed=[
                max((i for i, one in enumerate(releases) if one.turn < turn), default=0)
                for turn in range(1, turns + 2)
            ],
            mistakes=money,
            rows=np.array([len(rows) for rows in known]),
        )


def calibration(ran: Ran) -> list[dict[str, Any]]:
    """Return, by turn, what was said and what was measured over the turns that follow."""
    out = []
    for turn in range(len(ran.labels) - 1):
        ahead = slice(turn + 1, turn + 1 + HORIZON_TURNS)
        old, new = ran.deployed[turn], ran.deployed[turn + 1]
        said = advise(ran.basis[turn], ran.labels[turn], float(ran.rows[ahead].sum()), "money")
        line: dict[str, Any] = {
            "turn": turn + 1,
            "labels": ran.labels[turn],
            "verdict": said.verdict,
            "measured": float((ran.mistakes[old, ahead] - ran.mistakes[new, ahead]).sum()),
            "mistakes ahead": float(ran.mistakes[old, ahead].sum()),
        }
        if said.batch is None or said.sceptic is None:
            line["why"] = said.reason
        else:
            line |= {
                "expected": said.batch.saving,
                "interval": said.batch.interval,
                "cost": said.batch.cost,
                "chance": said.batch.chance,
                "last gain again": said.sceptic.last_gain_again,
                "covered": said.batch.interval[0] <= line["measured"] <= said.batch.interval[1],
            }
        out.append(line)
    return out


def stopped_at(ran: Ran, turn: int, price: float) -> dict[str, float]:
    """Return the money of a stream that stops labelling before a turn (counted from 0)."""
    used = [*ran.deployed[:turn], *[ran.deployed[turn]] * (len(ran.labels) - turn)]
    mistakes = sum(ran.mistakes[model, at] for at, model in enumerate(used[: len(ran.labels)]))
    bought = sum(ran.labels[:turn])
    return {"labels": bought, "money": float(mistakes) + price * bought}


def stopping(ran: Ran, dearer: int) -> dict[str, Any]:
    """Return what each rule to stop costs, labels being so many times as dear."""
    turns = len(ran.labels)
    price = ran.basis[0].prices.label * dearer
    ours = sceptic = turns
    for turn in reversed(range(turns)):
        basis = ran.basis[turn]
        basis = replace(basis, prices=replace(basis.prices, label=price))
        said = advise(basis, max(ran.labels[turn], 1), HORIZON_TURNS * basis.per_turn, "money")
        if said.verdict == "stop":
            ours = turn
        again = said.sceptic.last_gain_again if said.sceptic is not None else None
        if again is not None and said.batch is not None and again < said.batch.cost:
            sceptic = turn
    rules = {"always": turns, "never": 0, "ours": ours, "last gain again": sceptic}
    every = [stopped_at(ran, turn, price)["money"] for turn in range(turns + 1)]
    out: dict[str, Any] = {
        name: {"stops at turn": turn + 1 if turn < turns else None} | stopped_at(ran, turn, price)
        for name, turn in rules.items()
    }
    best = int(np.argmin(every))
    out["best in hindsight"] = {"stops at turn": best + 1} | stopped_at(ran, best, price)
    return out


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures over all streams and seeds."""
    lines = [line for one in runs for line in one["calibration"]]
    known = [line for line in lines if "expected" in line]
    # Errors as a share of what the mistakes ahead cost, so that no stream's currency decides.
    scale = np.array([max(line["mistakes ahead"], 1.0) for line in known])
    measured = np.array([line["measured"] for line in known])
    guesses = {
        "ours": [line["expected"] for line in known],
        "no gain": [0.0] * len(known),
        "last gain again": [line["last gain again"] or 0.0 for line in known],
    }
    covered = sum(line["covered"] for line in known)
    money: dict[str, Any] = {}
    for dearer in DEARER:
        each = [one["stopping"][str(dearer)] for one in runs]
        money[f"labels {dearer} times as dear"] = {
            rule: {
                "mean money of always": float(
                    np.mean([one[rule]["money"] / one["always"]["money"] for one in each])
                ),
                "mean labels of always": float(
                    np.mean([one[rule]["labels"] / one["always"]["labels"] for one in each])
                ),
            }
            for rule in each[0]
        }
    return {
        "turns": len(lines),
        "turns with a number": len(known),
        "covered": share(covered, len(known)) if known else None,
        "median absolute error, share of the mistakes ahead": {
            name: float(np.median(np.abs(np.array(guess) - measured) / scale))
            for name, guess in guesses.items()
        }
        if known
        else None,
        "sum measured": float(measured.sum()),
        "sum expected": float(sum(guesses["ours"])),
        "stopping": money,
    }


def main() -> None:
    """Run every stream and seed; what is done is written at once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", default="excavators,hydraulic-pump,hydraulic-valve")
    parser.add_argument("--seeds", type=int, default=1)
    given = parser.parse_args()
    runs: list[dict[str, Any]] = []
    for seed in range(given.seeds):
        for stream in given.streams.split(","):
            ran = run(history_of(stream, seed), seed)
            runs.append(
                {
                    "stream": stream,
                    "seed": seed,
                    "calibration": calibration(ran),
                    "stopping": {str(dearer): stopping(ran, dearer) for dearer in DEARER},
                }
            )
            found = {"summary": summary(runs), "runs": runs}
            RESULT.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            print(stream, seed, json.dumps(found["summary"]), flush=True)


if __name__ == "__main__":
    main()

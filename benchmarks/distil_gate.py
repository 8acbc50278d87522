"""Distil on whole streams: two thirds run with labels, then the gate is asked about a student.

    python benchmarks/distil_gate.py [--streams excavators,banking77,xsdd]

As benchmarks/rebase.py: the first base alone and the gate in force, then the very function that
`twoloops distil` calls, which teaches the deployed base by the last one on offer. The rest of the
stream, of which nothing was learned, says what the student would be worth: accuracy of the deployed
model and of the student on the same rows, with the 95 % interval of the paired difference. One seed
a stream. Writes benchmarks/results/distil_gate.json.
"""

import argparse
import json
from pathlib import Path

from rebase import right, two_thirds
from streams import STREAMS

import numpy as np  # isort: skip - after `rebase` has pinned the threads

from twoloops.convergence.recipes.settings import Distil
from twoloops.convergence.trials.compare import last_frozen, paired
from twoloops.convergence.trials.distilling import distil_task, unlabelled
from twoloops.convergence.turns.evidence import Contender, evidence_of
from twoloops.physical.history.excavators import excavators
from twoloops.physical.history.stream import History
from twoloops.store.fetch import default_cache

RESULTS = Path(__file__).parent / "results" / "distil_gate.json"


def tried(stream: str, history: History) -> dict:
    """Run two thirds of a stream, distil, and look at the rest."""
    with two_thirds(history) as (loop, rest):
        deployed = loop.deployed()
        assert deployed is not None
        before = right(loop, Contender(*deployed), rest)
        evidence = evidence_of(loop, last_frozen(loop))
        found = distil_task(loop, None, None, lambda *_: [], lambda _: [], dry_run=True)
        listed = unlabelled(loop, last_frozen(loop), 1000)
        loop.store.datasets.put(listed, -1)
        recipe = Distil(teacher=found.teacher, unlabelled=listed.digest)
        made = loop.specialised(loop.base(found.base), evidence.dataset, recipe)
        after = right(loop, evidence.contender(made), rest)
        gain, interval = paired(after, before, np.ones(after.size))
        return {
            "stream": stream,
            "student": found.base,
            "teacher": found.teacher,
            "outcome": found.outcome,
            "reason": found.reason,
            "weight": found.weight,
            "temperature": found.temperature,
            "judged_by": len(evidence.items),
            "trained_on": len(evidence.dataset.split("train")),
            "unlabelled": found.unlabelled,
            "gain_on_labels": found.gain,
            "interval_on_labels": found.interval,
            "rest": int(before.size),
            "deployed": float(before.mean()),
            "accuracy": float(after.mean()),
            "gain": gain,
            "interval": interval,
        }


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", default="excavators,banking77,xsdd")
    options = parser.parse_args()
    rows = []
    for stream in options.streams.split(","):
        history = excavators(default_cache()) if stream == "excavators" else STREAMS[stream]()
        rows.append(tried(stream, history))
        print(json.dumps(rows[-1]), flush=True)
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

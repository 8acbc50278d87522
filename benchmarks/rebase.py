"""Re-base on real data: another base on the same frozen dataset, judged by the gate.

    python benchmarks/rebase.py [--streams excavators,banking77,xsdd,hydraulic-pump]

The first two thirds of a stream's turns run with labels and the first base alone, gate in force.
Then each base that is on offer is tried by the very function `twoloops rebase` calls, for itself.
The rest of the stream, of which nothing was learned, says what it would be worth: accuracy of the
deployed model and of the candidate on the same rows, with the 95 % interval of the paired
difference. One seed a stream. Writes benchmarks/results/rebase.json.
"""

import argparse
import dataclasses
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np
from numpy.typing import NDArray
from streams import STREAMS

from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.trials.compare import last_frozen, paired
from twoloops.convergence.trials.rebase import rebase
from twoloops.convergence.turns.evidence import Contender, evidence_of
from twoloops.convergence.turns.loop import Loop, Workbench
from twoloops.convergence.turns.policy import Policy
from twoloops.digital.catalogue import upstream
from twoloops.physical.history.excavators import excavators
from twoloops.physical.history.stream import History, Row
from twoloops.records.digests import digest_bytes
from twoloops.store.fetch import default_cache
from twoloops.store.workspace import Store

RESULTS = Path(__file__).parent / "results" / "rebase.json"


def right(loop: Loop, one: Contender, rows: list[Row]) -> NDArray[np.bool_]:
    """Say of each row of known label whether a contender decides it right."""
    known = [row for row in rows if row.label is not None]
    digests = [digest_bytes(row.input) for row in known]
    data = dict(zip(digests, (row.input for row in known), strict=True))
    x = loop.bench.encoder.embed(
        one.made.base, digests, lambda wanted: {d: data[d] for d in wanted}
    )
    labels = loop.task.labels
    said = one.decide(one.made.fitted.full.probabilities(x, len(one.made.labels)), labels)
    return np.array([labels[int(i)] == row.label for i, row in zip(said, known, strict=True)])


@contextmanager
def two_thirds(history: History) -> Iterator[tuple[Loop, list[Row]]]:
    """Run two thirds of a stream on its first base; yield its loop, and the rows of the rest."""
    cut = -(-2 * len(history.turns) // 3)
    early = dataclasses.replace(history, turns=history.turns[:cut])
    rest = [row for turn in history.turns[cut:] for row in turn]
    bench = Workbench(upstream(history.task.kind, history.task.shape), default_cache())
    policy = Policy(
        labels_per_turn=history.labels_per_turn, seed_labels=len(history.seed), models=False
    )
    with tempfile.TemporaryDirectory() as folder, Store.in_memory() as store:
        loop = Loop(store, history.task.name, policy, bench, lambda: datetime.now(UTC))
        Arm(loop, early, Path(folder), real_edge=False).run()
        yield loop, rest


def tried(stream: str, history: History) -> list[dict]:
    """Run two thirds of a stream on its first base, then try each base that is on offer."""
    rows = []
    with two_thirds(history) as (loop, rest):
        turn = last_frozen(loop)
        evidence = evidence_of(loop, turn)
        deployed = loop.deployed()
        assert deployed is not None
        before = right(loop, Contender(*deployed), rest)
        same = right(
            loop, evidence.contender(loop.specialised(deployed[0].base, evidence.dataset)), rest
        )
        for name in loop.bench.offers:
            found = rebase(loop, name, lambda _: [], dry_run=True)
            row = {
                "stream": stream,
                "before": deployed[0].base.card.name,
                "base": name,
                "outcome": found.outcome,
                "reason": found.reason,
                "judged_by": len(evidence.items),
                "trained_on": len(evidence.dataset.split("train")),
                "gain_on_labels": found.gain,
                "rest": int(before.size),
                "deployed": float(before.mean()),
                "same_base": float(same.mean()),
            }
            base = loop.bench.load(name)
            if not isinstance(base, str):
                after = right(
                    loop, evidence.contender(loop.specialised(base, evidence.dataset)), rest
                )
                gain, interval = paired(after, before, np.ones(after.size))
                row |= {"candidate": float(after.mean()), "gain": gain, "interval": interval}
            rows.append(row)
            print(json.dumps(row), flush=True)
    return rows


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", default="excavators,banking77,xsdd,hydraulic-pump")
    options = parser.parse_args()
    rows = []
    for stream in options.streams.split(","):
        history = excavators(default_cache()) if stream == "excavators" else STREAMS[stream]()
        rows += tried(stream, history)
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

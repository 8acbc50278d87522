"""The floor's failures ask for another base: replays in which only a failing slice opens one.

    python benchmarks/failing_slice.py [--streams xsdd,excavators] [--seeds 3]

Two arms of one stream, gate in force, same labels: *data* never tries another base; *both* with
`--rebase-on failures` tries one only in turns that a failing slice has opened. For every slice that
opened one: its accuracy over the turns after the re-based release, in both arms, on all of its
items (history knows every label), with the accuracy of all other labels beside it. The data arm is
the baseline: labels alone mend slices too. Bases are on offer from the first turn. Writes
benchmarks/results/failing_slice.json.
"""

import argparse
import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from streams import STREAMS

from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.replays.figures import turn_figures
from twoloops.convergence.replays.outcome import TurnFigures
from twoloops.convergence.turns.loop import Loop, Workbench
from twoloops.convergence.turns.policy import Policy
from twoloops.digital.catalogue import upstream
from twoloops.physical.history.excavators import excavators
from twoloops.physical.history.stream import History
from twoloops.store.fetch import default_cache
from twoloops.store.workspace import Store

RESULTS = Path(__file__).parent / "results" / "failing_slice.json"


def run(history: History, policy: Policy, bench: Workbench) -> list[TurnFigures]:
    """Run one arm in memory."""
    with tempfile.TemporaryDirectory() as folder, Store.in_memory() as store:
        loop = Loop(store, history.task.name, policy, bench, lambda: datetime.now(UTC))
        arm = Arm(loop, history, Path(folder), real_edge=False)
        return [turn_figures(arm, state) for state in arm.run() if state.number]


def pooled(turns: list[TurnFigures], label: str, *, others: bool = False) -> tuple[int, int]:
    """Count right and all items of a label, or of all other labels."""
    cells = [
        cell
        for turn in turns
        for name, cell in turn.right_by_label.items()
        if (name == label) != others
    ]
    return sum(right for right, _ in cells), sum(count for _, count in cells)


def row(stream: str, seed: int, data: list[TurnFigures], both: list[TurnFigures]) -> dict:
    """What opened a re-base and what became of it."""
    opened = [turn for turn in both if turn.opened_by]
    adopted = [turn for turn in both if turn.base_note.startswith("base adopted")]
    out: dict = {
        "stream": stream,
        "seed": seed,
        "turns": len(both),
        "opened": [[turn.turn, list(turn.opened_by), turn.base_note] for turn in opened],
        "adopted": [turn.turn for turn in adopted],
        "data": [turn.accuracy for turn in data],
        "both": [turn.accuracy for turn in both],
        "slices": [],
    }
    if adopted:
        after = adopted[0].turn
        names = {words.split("'")[1] for words in adopted[0].opened_by}
        for name in sorted(names):
            cells = {
                "slice": name,
                "before": pooled([t for t in both if t.turn <= after], name),
            }
            for arm, turns in (("data", data), ("both", both)):
                late = [turn for turn in turns if turn.turn > after]
                cells[f"{arm} after"] = pooled(late, name)
                cells[f"{arm} after, other labels"] = pooled(late, name, others=True)
            out["slices"].append(cells)
    return out


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", default="xsdd,excavators")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    rows = []
    for stream in options.streams.split(","):
        history = excavators(default_cache()) if stream == "excavators" else STREAMS[stream]()
        offers = upstream(history.task.kind, history.task.shape, turn=1)
        bench = Workbench(offers, default_cache())
        for seed in range(options.seeds):
            policy = Policy(
                labels_per_turn=history.labels_per_turn,
                seed_labels=len(history.seed),
                seed=seed,
                rebase="failures",
            )
            alone = Policy(
                labels_per_turn=history.labels_per_turn,
                seed_labels=len(history.seed),
                seed=seed,
                models=False,
            )
            rows.append(row(stream, seed, run(history, alone, bench), run(history, policy, bench)))
            print(json.dumps(rows[-1]), flush=True)
            RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""How long an answer waits while a turn computes, with and without computing before the stage.

A stage of a turn is one transaction of the catalog, and while it lasts nobody else writes. Here a
turn goes from its labels to its end on one thread, and another thread writes one small row after
the other, as answers to questions do; the longest wait in each stage is told.

    python benchmarks/answer_wait.py [--observations 1000]
"""

import argparse
import json
import os
import random
import tempfile
import threading
import time
from pathlib import Path

from sqlalchemy.exc import OperationalError

from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.state import Waiting
from twoloops.convergence.turns.turn import advance
from twoloops.convergence.turns.warm import warm
from twoloops.convergence.turns.workspace_turn import current, keep_policy
from twoloops.physical.labelling.answers import answer
from twoloops.physical.labelling.questions import open_questions
from twoloops.records.label import Label
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring.arriving import Door, Sent
from twoloops.wiring.workspace import loop, now

RESULTS = Path(__file__).parent / "results" / "answer_wait.json"
WORDS = {
    "leak": ["hose", "seal", "oil", "leak", "pump", "cylinder", "drips", "fluid", "puddle"],
    "broken": ["bracket", "tooth", "weld", "crack", "bucket", "pin", "snapped", "bent", "broken"],
    "ok": ["routine", "service", "grease", "check", "levels", "planned", "inspection", "filter"],
}


def text(rng: random.Random) -> str:
    """A made-up work order that begins with its label's words."""
    label = rng.choice(sorted(WORDS))
    words = [rng.choice(WORDS[label]) for _ in range(12)] + [str(rng.randrange(10_000))]
    return f"{' '.join(words)} [{label}]"


def label_all(store: Store, task: str) -> None:
    """Answer every open question by what the text says."""
    asked = open_questions(store, task)
    seen = store.observations.find(one.observation for one in asked)
    price = store.tasks.get(task).costs.label
    said = []
    for one in asked:
        data = store.inputs.get(seen[one.observation].input).decode()
        label = data.rpartition("[")[2].rstrip("]")
        said.append(Label(one.observation, label, "person:bench", now(), price))
    answer(store, task, said, at=now(), new_labels=False)


class Writer(threading.Thread):
    """Writes a row every 10 ms, and notes how long each took and when it began."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder, self.stop = folder, threading.Event()
        self.stage, self.waits = "", dict[str, list[float]]()

    def run(self) -> None:
        """Write until told to stop."""
        with Store.open(self.folder, create=False) as store:
            number = 0
            while not self.stop.wait(0.01):
                number += 1
                stage, began = self.stage, time.perf_counter()
                while not self._write(store, number):
                    pass
                self.waits.setdefault(stage, []).append(time.perf_counter() - began)

    @staticmethod
    def _write(store: Store, number: int) -> bool:
        try:
            store.evidence.put("orders", "answers", number % 50, number)
        except OperationalError:  # the engine waits for half a minute, then says it is locked
            return False
        return True


def turn(folder: Path, warmed: bool, seed: int, count: int) -> dict[str, float]:
    """Run the first two turns; returns the longest wait (seconds) in each stage of the second."""
    rng = random.Random(seed)
    with Store.open(folder) as store:
        store.tasks.put(Task("orders", "text", tuple(sorted(WORDS)), normal="ok"))
        keep_policy(store, "orders", Policy(seed_labels=300, labels_per_turn=100))
        task, door = store.tasks.get("orders"), Door(folder)
        for size in (600, count):
            for start in range(0, size, 500):
                sent = [Sent(text(rng).encode()) for _ in range(min(500, size - start))]
                door.arrive(store, task, "bench", sent)
            two = loop(store, task)
            writer = Writer(folder)
            writer.start()
            state = current(two)
            while state.stage != "closed":
                writer.stage = state.stage
                if warmed:
                    warm(two, state)
                outcome = advance(two, state)
                if isinstance(outcome, Waiting):
                    label_all(store, "orders")
                    continue
                state = outcome
            writer.stop.set()
            writer.join()
    return {stage: max(waits) for stage, waits in writer.waits.items() if stage}


def main() -> None:
    """Measure both, and write what was found."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--observations", type=int, default=1_000)
    count = options.parse_args().observations
    found: dict[str, dict[str, float]] = {}
    load = os.getloadavg()[0]
    for name, warmed in (("inside", False), ("before", True)):
        with tempfile.TemporaryDirectory() as folder:
            found[name] = turn(Path(folder), warmed, 7, count)
        print(f"computed {name} the stage: at most {max(found[name].values()):.2f} s waited")
        for stage, wait in found[name].items():
            print(f"  beginning in {stage:13} {1000 * wait:8.0f} ms")
    found_ms = {n: {k: round(1000 * v) for k, v in one.items()} for n, one in found.items()}
    record = {
        "observations": count,
        "cores": os.cpu_count(),
        "load": round(load, 1),
        "longest_wait_ms": found_ms,
    }
    RESULTS.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()

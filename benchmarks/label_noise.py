"""The data loop with wrong labels on real streams: untreated, treated, and with more labels.

Every label of the history is given by a labeller who errs in one of ten items (another label of
the task, drawn evenly; the same item always gets the same answer). Accuracy is that of the
deployed model on the true labels of the coming turn, before anything of it is learned; the mean
over the turns from the second one on.

- `clean`: nobody errs; what the others lose is counted from here.
- `untreated`: one label an item.
- `treated`: suspected errors (cleanlab) are looked at again by a second labeller who errs as often,
  at the end of each turn's labelling; the consensus of both is learned. Costs extra labels.
- `more`: untreated, with as many more labels as the treatment took: the sceptic's control.

    python benchmarks/label_noise.py [--streams xsdd,hydraulic-pump] [--seeds 5] [--rate 0.1]
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import numpy as np

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
from twoloops.store.workspace import Store

RESULT = Path(__file__).parent / "results" / "label_noise.json"
DEFAULT = ("excavators", "xsdd", "hydraulic-pump")
LABELLERS = ("person:first", "person:second", "person:third", "person:fourth")
STUDENT = {3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}


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
        how: `gate`; `looks`: second looks of a turn; `each`: labels an item; `extra`: more labels
            a turn.
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
            LabellingPolicy(second_looks=how.get("looks", 0), per_item=each, per_judge=each),
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

"""One arm of a replay: history arrives turn by turn at a replayed edge, and the turns advance.

The deployed model decides on every row before anything of its turn is learned; what the arm
said is kept per turn, so that a killed replay goes on where it was.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from twoloops.convergence.recipes.specialise import Specialised
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import TurnState, Waiting
from twoloops.convergence.turns.turn import advance, start
from twoloops.edge.agent import Agent, Tally
from twoloops.edge.capture import CapturePolicy
from twoloops.edge.runtime import Outputs, Runtime, decisions
from twoloops.edge.sources import Arrival
from twoloops.edge.spool import Spool
from twoloops.physical.history.stream import History
from twoloops.physical.ingest import ingest
from twoloops.physical.labelling.answers import answer
from twoloops.records.base import ModelCard
from twoloops.records.digests import Digest, digest_bytes
from twoloops.records.label import Label
from twoloops.records.observation import Decision, Place

EDGE = "replay"
SAID = "what the deployed model said"


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What the deployed model said of a turn's rows, aligned to them.

    Args:
        decided: Labels; `None` before the first release, and for quarantined rows.
        p_fault: Probability of any fault; empty where the task has no normal label.
        margin: p1 − p2.
        counters: The number of each row in the edge's spool; `None` where it was not kept.
        quarantined: Index and reason of unreadable rows.
        base: Base of the deployed model.
    """

    decided: tuple[str | None, ...]
    p_fault: tuple[float, ...]
    margin: tuple[float, ...]
    counters: tuple[int | None, ...]
    quarantined: tuple[tuple[int, str], ...]
    base: str


class FittedRuntime:
    """Decides like a deployed file, from embeddings computed once for all arms.

    The file itself answers the same within 1e-5 (self-tested at every roll-out); only the arm
    that is shown as deployed runs it.
    """

    def __init__(self, loop: Loop, made: Specialised, threshold: float | None, model: Digest):
        self._loop, self._made = loop, made
        self.card: ModelCard = made.card(threshold)
        self.digest = model

    def decide(self, inputs: Sequence[bytes]) -> list[Decision]:
        """Return one decision per input."""
        data = {digest_bytes(one): one for one in inputs}
        x = self._loop.bench.encoder.embed(
            self._made.base, [digest_bytes(one) for one in inputs], lambda _: data
        )
        head = self._made.fitted.full
        outputs = Outputs(
            head.probabilities(x, len(self.card.labels)).astype(np.float32),
            x,
            head.novelty(x).astype(np.float32),
        )
        return decisions(self.card, self.digest, outputs)


class Arm:
    """One arm over one history.

    Args:
        loop: The arm's own store and policy.
        history: What arrives.
        folder: Where the replayed edge keeps its spools.
        real_edge: Whether every decision is made by the deployed ONNX file itself.
    """

    def __init__(self, loop: Loop, history: History, folder: Path, *, real_edge: bool) -> None:
        self.loop = loop
        self.history = history
        self.folder = folder
        self.real_edge = real_edge
        self.stages = (history.seed, *history.turns)
        loop.answerable = self._answerable
        if loop.store.tasks.find(history.task.name) is None:
            loop.store.tasks.put(history.task)

    def run(self, on_turn: Callable[[TurnState], None] | None = None) -> list[TurnState]:
        """Run what has not been run yet; returns every turn, closed."""
        closed = []
        for number in range(len(self.stages)):
            turn = self._run_turn(start(self.loop, number, f"turn {number}"))
            closed.append(turn)
            if on_turn is not None:
                on_turn(turn)
        return closed

    def said(self, number: int) -> Said:
        """Return what the deployed model said of a turn's rows."""
        found = self.loop.store.evidence.get(self.history.task.name, SAID, Said, turn=number)
        assert found is not None, f"turn {number} was not observed"
        return found

    def _run_turn(self, turn: TurnState) -> TurnState:
        if turn.stage == "observe":
            self._observe(turn)
        while turn.stage != "closed":
            if turn.stage in ("label", "confirm"):
                self._answer(turn)
            outcome = advance(self.loop, turn)
            # A seed without rows, or a label nobody can give: the history itself is at fault.
            assert not isinstance(outcome, Waiting), outcome.what
            turn = outcome
        return turn

    def _observe(self, turn: TurnState) -> None:
        """Let the replayed edge decide on the turn's rows, keep some, and send them."""
        loop, rows = self.loop, self.stages[turn.number]
        runtime = self._runtime()
        # The seed is a census: all of it is kept.
        census = turn.number == 0 or loop.policy.everything
        capture = CapturePolicy(routine=1.0) if census else loop.policy.capture
        path = self.folder / f"turn-{turn.number:03}.spool"
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(path.name + "*"):  # of a replay that was killed here
            left.unlink()
        with Spool(path, EDGE, epoch=lambda: f"turn-{turn.number}") as spool:
            agent = Agent(EDGE, loop.task, runtime, capture, spool, loop.policy.seed)
            arrivals = [Arrival(r.input, r.observed_at, turn.period, r.origin) for r in rows]
            tally = agent.observe(arrivals)
            spool.flush()
            while batch := spool.pending(1000):
                ingest(loop.store, batch)
                spool.acknowledge(batch[-1].observation.place.counter)
        for left in path.parent.glob(path.name + "*"):
            left.unlink()
        loop.store.evidence.put(loop.task.name, SAID, turn.number, self._kept_words(tally, runtime))

    def _runtime(self) -> Runtime | FittedRuntime | None:
        release = self.loop.store.releases.deployed(self.history.task.name)
        if release is None:
            return None
        if self.real_edge:
            return Runtime(self.loop.store.models.get(release.model), threads=2)
        deployed = self.loop.deployed()
        assert deployed is not None
        return FittedRuntime(self.loop, *deployed, release.model)

    def _kept_words(self, tally: Tally, runtime: Runtime | FittedRuntime | None) -> Said:
        normal = runtime.card.normal if runtime is not None else None
        p_fault, margin = [], []
        for decision in tally.decisions:
            p = sorted(decision.probabilities) if decision else [0.0]
            margin.append(p[-1] - p[-2] if len(p) > 1 else 1.0)
            if normal is not None and runtime is not None:
                at = runtime.card.labels.index(normal)
                p_fault.append(1 - decision.probabilities[at] if decision else 0.0)
        return Said(
            decided=tuple(d.label if d else None for d in tally.decisions),
            p_fault=tuple(p_fault),
            margin=tuple(margin),
            counters=tally.counters,
            quarantined=tally.quarantined,
            base=runtime.card.base if runtime is not None else "",
        )

    def _answerable(self, places: Sequence[Place]) -> list[bool]:
        """Whether the history knows the label of each place of one turn."""
        if not places:
            return []
        number = int(places[0].epoch.removeprefix("turn-"))
        rows = dict(zip(self.said(number).counters, self.stages[number], strict=True))
        return [rows[place.counter].label is not None for place in places]

    def _answer(self, turn: TurnState) -> None:
        """Let history answer the turn's open questions."""
        loop = self.loop
        asked = loop.store.questions.open(loop.task.name, turn.number)
        rows = dict(zip(self.said(turn.number).counters, self.stages[turn.number], strict=True))
        labels = []
        for question in asked:
            row = rows[question.observation.counter]
            assert row.label is not None
            labels.append(
                Label(
                    question.observation,
                    row.label,
                    "history",
                    row.observed_at,
                    loop.task.costs.label,
                )
            )
        answer(loop.store, loop.task.name, labels, at=loop.clock())

"""The agent: decides on what arrives, keeps some of it, and puts that into the spool."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from twoloops.edge.capture import CapturePolicy, chance, keep
from twoloops.edge.preprocess import check_input
from twoloops.edge.sources import Arrival
from twoloops.edge.spool import Spool
from twoloops.records.errors import UserError
from twoloops.records.observation import Decision, Kept, Place
from twoloops.records.task import Task


class NoModel(UserError):
    """No model counts (yet, or any more): what arrives is kept and not decided."""


class Decider(Protocol):
    """What decides; `edge.runtime.Runtime` does, by the deployed file."""

    def decide(self, inputs: Sequence[bytes]) -> list[Decision]:
        """Return one decision per input; `UserError` where one cannot be read, or `NoModel`."""


class Tally(NamedTuple):
    """What became of a batch; the three sequences are aligned to the arrivals.

    Args:
        decisions: The decision; `None` for a quarantined arrival, or where no model is deployed.
        captures: Why and with what chance it was kept; `None` where it was not.
        counters: Its number in the spool; `None` where it was not kept.
        quarantined: Index and reason of each arrival that could not be used.
    """

    decisions: tuple[Decision | None, ...]
    captures: tuple[Kept | None, ...]
    counters: tuple[int | None, ...]
    quarantined: tuple[tuple[int, str], ...]

    @property
    def seen(self) -> int:
        """How many arrived."""
        return len(self.decisions)

    @property
    def kept(self) -> int:
        """How many were kept."""
        return sum(counter is not None for counter in self.counters)


class Agent:
    """One task on one edge.

    Args:
        edge: The edge's name; the spool must be its own.
        task: What is decided.
        runtime: The deployed model, or `None` before the first release; everything is kept
            then. May be set to another one between two batches.
        policy: What is kept.
        spool: Where it is kept.
        seed: Of the draws for routine observations.

    Raises:
        UserError: When the spool is another edge's.
    """

    def __init__(
        self,
        edge: str,
        task: Task,
        runtime: Decider | None,
        policy: CapturePolicy,
        spool: Spool,
        seed: int,
    ) -> None:
        if spool.edge != edge:
            raise UserError(
                f"the spool belongs to edge {spool.edge!r}, not {edge!r}: "
                "give each edge its own file"
            )
        self.edge, self.task, self.runtime = edge, task, runtime
        self.policy, self.spool, self.seed = policy, spool, seed

    def observe(self, arrivals: Sequence[Arrival], taken: Sequence[tuple[str, int]] = ()) -> Tally:
        """Decide on a batch and keep what the policy says; bad inputs never stop the rest.

        What is kept is queued, not durable yet: `spool.flush()` waits for that. `taken` says, for
        each arrival, how far it takes its source (`Spool.append`).

        Raises:
            TransientError: When the spool cannot be written. Arrivals before that one were
                queued, the others were not.
        """
        decisions, refused = self.answers([arrival.input for arrival in arrivals])
        captures: list[Kept | None] = []
        counters: list[int | None] = []
        for index, (arrival, decision) in enumerate(zip(arrivals, decisions, strict=True)):
            number = self.spool.arrive()
            kept = None
            if index not in refused:
                draw = chance(self.seed, Place(self.edge, self.spool.epoch, number))
                kept = keep(self.policy, decision, draw)
            captures.append(kept)
            mark = taken[index] if taken else None
            counters.append(
                None
                if kept is None
                else self.spool.append(arrival, self.task.name, decision, kept, mark)
            )
        return Tally(
            tuple(decisions), tuple(captures), tuple(counters), tuple(sorted(refused.items()))
        )

    def answers(self, inputs: Sequence[bytes]) -> tuple[list[Decision | None], dict[int, str]]:
        """Return a decision per input, and the reason by index of each that cannot be used."""
        if self.runtime is not None:
            try:
                return list(self.runtime.decide(inputs)), {}
            except UserError:
                pass  # at least one input is bad, or no model counts: find out, one by one
        decisions: list[Decision | None] = []
        refused: dict[int, str] = {}
        for index, data in enumerate(inputs):
            decision = None
            try:
                check_input(self.task.kind, data, self.task.shape)
                decision = self._decided(data)
            except UserError as error:
                refused[index] = str(error)
            decisions.append(decision)
        return decisions, refused

    def _decided(self, data: bytes) -> Decision | None:
        if self.runtime is None:
            return None
        try:
            (decision,) = self.runtime.decide([data])
        except NoModel:
            return None
        return decision

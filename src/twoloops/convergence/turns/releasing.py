"""The last stages of a turn: release the winner, test its file, write back what was learned."""

import numpy as np
from msgspec.structs import replace

from twoloops.convergence.turns.anchor import keep_best
from twoloops.convergence.turns.differing import keep_differences
from twoloops.convergence.turns.evidence import Contender, evidence_of
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.slices import WINDOW, failing, keep_failing
from twoloops.convergence.turns.stages import Outcome, frozen
from twoloops.convergence.turns.state import TurnState
from twoloops.edge.runtime import Runtime
from twoloops.records.dataset import Dataset
from twoloops.records.digests import Digest, short
from twoloops.records.errors import UserError


def release(loop: Loop, turn: TurnState) -> Outcome:
    """Approve the winner: another base that proved better goes before more data."""
    passed = [c for c in turn.candidates if c.verdict is not None and c.verdict.released]
    if not passed:
        return turn
    winner = passed[-1]
    assert winner.verdict is not None
    loop.store.releases.approve(
        loop.task.name, turn.number, winner.model, winner.verdict, loop.clock()
    )
    keep_differences(loop, turn, winner)
    keep_best(loop, turn, winner)
    loop.note(turn, "release approved", model=winner.model, reason=winner.verdict.reason)
    return replace(turn, released=winner.model)


def roll_out(loop: Loop, turn: TurnState) -> Outcome:
    """Self-test the very file on the golden inputs before an edge may run it."""
    if turn.released is None:
        return turn
    tested = self_test(loop, turn.released, frozen(loop, turn))
    loop.note(turn, "rolled out", model=turn.released, self_test=f"{tested} inputs")
    return turn


def self_test(loop: Loop, model: Digest, dataset: Dataset) -> int:
    """Ask the deployed file and the fitted model about golden inputs; returns how many.

    Raises:
        UserError: The two differ: the file may not be rolled out.
    """
    deployed = loop.deployed()
    assert deployed is not None
    made = deployed[0]
    items = loop.present(dataset.split("golden") or dataset.items)
    digests = [item.input for item in items][:20]
    learned = dataset.split("train")
    if made.recipe is not None:
        learned += loop.store.datasets.get(made.recipe.unlabelled).split("unlabelled")
    if len(loop.present(learned)) < len(learned):
        digests = []  # what was forgotten since cannot be fitted again to compare with
    read = loop.read(digests)
    digests = [digest for digest in digests if digest in read]
    said = Runtime(loop.store.models.get(model)).run([read[d] for d in digests])
    x = loop.bench.encoder.embed(made.base, digests, loop.read)
    expected = made.fitted.full.probabilities(x, len(made.labels))
    gap = float(np.abs(said.probabilities - expected).max(initial=0.0))
    if gap > 1e-4:
        raise UserError(
            f"model {short(model)} answers differently as a file than in training (by "
            f"{gap:.2g}, allowed 0.0001): it was not rolled out; run  twoloops doctor"
        )
    return len(digests)


def publish_back(loop: Loop, turn: TurnState) -> Outcome:
    """Write back what was learned: use and failures of the base, and the slices that fail."""
    evidence = evidence_of(loop, turn)
    deployed = loop.deployed()
    if deployed is not None and evidence.items:
        recent = [item for item in evidence.items if item.turn > turn.number - WINDOW]
        decided = Contender(*deployed).decide(
            evidence.of_items(deployed[0], recent), loop.task.labels
        )
        wrong = [
            loop.task.labels[int(d)] != item.label for item, d in zip(recent, decided, strict=True)
        ]
        fresh = [item.turn == turn.number for item in recent]
        missed = [i.label for i, bad, new in zip(recent, wrong, fresh, strict=True) if bad and new]
        failures = {name: missed.count(name) for name in sorted(set(missed))}
        loop.store.evidence.put(
            loop.task.name,
            "use and failures",
            turn.number,
            {"base": deployed[0].base.card.name, "judged": sum(fresh), "failures": failures},
        )
        slices = failing([item.label for item in recent], wrong)
        keep_failing(loop, turn, slices)
        for one in slices:
            loop.note(turn, "slice fails", one.label, what=str(one), p=f"{one.p:.2g}")
    loop.note(turn, "turn closed", reason=turn.reason, base=turn.base_note)
    return turn

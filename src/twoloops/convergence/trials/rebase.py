"""Try another base on a task between its turns: same frozen dataset, same gate, same release.

What a turn does with a newly offered base is done here for one that somebody names.
"""

from msgspec.structs import replace

from twoloops.convergence.trials.trial import (
    Outcome,
    Terms,
    Tried,
    attempt,
    deployed_base,
    found_base,
    judged,
    last_turn,
)
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.stages import candidate_of
from twoloops.convergence.turns.state import TurnState
from twoloops.digital.base import Base


def rebase(loop: Loop, name: str, terms: Terms, *, dry_run: bool = False) -> Tried:
    """Try a base on a task, and release it if the gate lets it pass.

    Args:
        loop: The task's.
        name: The base's.
        terms: Called with the candidate, whose lineage is known by then.
        dry_run: Do all of it, and keep nothing.

    Raises:
        UserError: The deployed file would answer differently than in training.
    """
    before = deployed_base(loop)

    def left(outcome: Outcome, reason: str) -> Tried:
        return Tried(task=loop.task.name, base=name, before=before, outcome=outcome, reason=reason)

    if before and name == before:
        return left("same already", "the deployed model stands on it")
    turn = last_turn(loop)
    if isinstance(turn, str):
        return left("waits", turn)
    base = found_base(loop, name)
    if isinstance(base, str):
        return left("does not fit", base)
    started = replace(turn, bases=(before, name))
    return attempt(loop, lambda: _try(loop, started, base, terms), dry_run=dry_run)


def _try(loop: Loop, turn: TurnState, base: Base, terms: Terms) -> Tried:
    assert turn.dataset is not None
    before, name = turn.bases
    candidate = candidate_of(loop, turn, loop.store.datasets.get(turn.dataset), base)
    made = Tried(
        task=loop.task.name,
        base=name,
        before=before,
        outcome="refused",
        reason="",
        model=candidate.model,
    )
    # What the turn asked to tell its own candidates apart serves those alone.
    served = tuple(one for one in turn.verifying if one.base == name)
    turn = replace(turn, verifying=served)
    return judged(loop, turn, candidate, made, terms, f"re-base on {name}")

"""Stop asking for labels that are worth less than they cost, where the policy says so.

A turn that stops asks for its audit labels only. They go on for ever: they are what says how good
the deployed model is, and they are also what tells when labels are worth their price again.
"""

import msgspec

from twoloops.convergence.turns.anchor import was_refused
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import TurnState
from twoloops.convergence.turns.valuing import advice_of

STOPPED = "stopped"
"""Evidence: why a turn asked for audit labels only."""


class Stopped(msgspec.Struct, frozen=True):
    """A turn asked for audit labels only.

    Args:
        reason: What the labels were expected to be worth, in one sentence.
        forgone: Labels it did without; a later turn does not make up for them.
    """

    reason: str
    forgone: int


def stop(loop: Loop, turn: TurnState, labels: int) -> bool:
    """Say whether a turn does without labels, and keep why.

    Args:
        loop: Its policy must allow it; where that is unknown, labels go on.
        turn: The turn that would ask.
        labels: How many it would ask for beside the audit labels.
    """
    if not loop.policy.stop_when_worthless:
        return False
    advice = advice_of(loop.store, loop.task, labels, before=turn.number)
    if advice.verdict != "stop":
        return False
    loop.store.evidence.put(loop.task.name, STOPPED, turn.number, Stopped(advice.reason, labels))
    return True


def do_without(loop: Loop, turn: TurnState) -> int:
    """Take back the open questions of a turn that only teach; its audit questions stay.

    Labels that are there already stay too. Returns how many questions were taken back; 0 where
    the turn waits for none of them.
    """
    if turn.stage != "label":
        return 0
    store, name = loop.store, loop.task.name
    with store.transaction():
        taken = store.questions.take_back(name, turn.number)
        if taken:
            earlier = stopped(loop, turn)
            count = taken + (0 if earlier is None else earlier.forgone)
            left = loop.policy.verify_labels(was_refused(loop, turn)) if earlier is None else 0
            why = "the turn was told to do without labels that only teach"
            store.evidence.put(name, STOPPED, turn.number, Stopped(why, count + left))
            loop.note(turn, "questions taken back", questions=str(taken))
    return taken


def stopped(loop: Loop, turn: TurnState) -> Stopped | None:
    """Return why a turn asks for audit labels only, or `None` where it does not."""
    return loop.store.evidence.get(loop.task.name, STOPPED, Stopped, turn=turn.number)


def forgone(loop: Loop, turn: TurnState) -> int:
    """Return how many labels earlier turns did without."""
    earlier = loop.store.evidence.history(loop.task.name, STOPPED, Stopped)
    return sum(one.forgone for number, one in earlier.items() if number < turn.number)

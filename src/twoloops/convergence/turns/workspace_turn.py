"""The turns of a workspace: which one is next, under which policy, and how far it can go.

In a replay history decides what belongs to a turn; in a workspace it is what has come in since
the last turn began: `incoming` names the turn, and the period its observations are ingested under.
"""

from msgspec.structs import replace

from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.state import TurnState, Waiting
from twoloops.convergence.turns.turn import advance, start
from twoloops.convergence.turns.warm import warm
from twoloops.store.workspace import Store

POLICY = "policy"
"""Evidence: the policy of a task's turns, kept with turn -1."""


def keep_policy(store: Store, task: str, policy: Policy) -> None:
    """Keep the policy of a task's turns beside the task."""
    store.evidence.put(task, POLICY, -1, policy)


def policy_of(store: Store, task: str) -> Policy:
    """Return the policy of a task's turns."""
    return store.evidence.get(task, POLICY, Policy, turn=-1) or Policy()


def workspace_policy(policy: Policy) -> Policy:
    """Return a replay's policy for work to go on under: both loops run, and the gate judges."""
    return replace(policy, data=True, models=True, gate=True, everything=False)


def period(number: int) -> str:
    """Return the period whose observations a turn claims."""
    return f"turn {number}"


def incoming(store: Store, task: str) -> int:
    """Return the turn that what comes in now will belong to."""
    last = store.turns.last(task)
    if last is None:
        return 0
    return last.number if last.stage == "observe" else last.number + 1


def current(loop: Loop) -> TurnState:
    """Return the open turn, opening the next one where none is open."""
    name = loop.task.name
    opened = loop.store.turns.open(name)
    number = incoming(loop.store, name) if opened is None else opened.number
    return start(loop, number, period(number))


def go_on(loop: Loop, turn: TurnState) -> tuple[TurnState, Waiting | None]:
    """Advance a turn as far as it goes: where it stands then, and what it waits for, if it does."""
    while turn.stage != "closed":
        warm(loop, turn)
        outcome = advance(loop, turn)
        if isinstance(outcome, Waiting):
            return turn, outcome
        turn = outcome
    return turn, None


def nothing_new(store: Store, task: str) -> bool:
    """Say whether the next turn would be empty; an open turn past `observe` is never so.

    The first turn is not: it says itself that it waits for observations.
    """
    opened = store.turns.open(task)
    number = incoming(store, task) if opened is None else opened.number
    if number == 0 or (opened is not None and opened.stage != "observe"):
        return False
    return store.observations.unclaimed(task) == 0

"""What the last look for drift found, and what it asks of a turn."""

from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import TurnState
from twoloops.physical.drift.finding import Finding
from twoloops.store.workspace import Store

DRIFT = "drift"
"""Evidence: the last finding about a release, with the turn it was released in."""

ASKS = "drift asks for another base"
"""Evidence: why a turn that drift opened tries other bases."""


def last_finding(store: Store, task: str) -> Finding | None:
    """Return the last finding about the deployed release; `None` where none was looked at."""
    release = store.releases.deployed(task)
    if release is None:
        return None
    found = store.evidence.get(task, DRIFT, Finding, turn=release.turn)
    return found if found is not None and found.model == release.model else None


def drift_asks(loop: Loop, turn: TurnState) -> tuple[str, ...]:
    """Return why drift asks a turn to try other bases; empty where it does not."""
    return loop.store.evidence.get(loop.task.name, ASKS, tuple[str, ...], turn=turn.number) or ()

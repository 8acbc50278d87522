"""How roll-outs stand: figures only; the command line and pages print them."""

from datetime import datetime

import msgspec

from twoloops.convergence.rollouts.evidence import Judged
from twoloops.convergence.rollouts.plan import Kind
from twoloops.convergence.rollouts.state import Move, State
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.store.workspace import Store


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """One transition, as it is kept.

    Args:
        at: UTC.
        what: `opened`, `stage opened`, `stage passed`, `paused`, `resumed`, or how it ended.
        stage: The stage it happened in, from 1; 0 before the first.
        why: In a sentence.
        groups: The groups concerned.
        judged: The evidence, where there is some.
        by: Who said so; empty where it came by itself.
    """

    at: datetime
    what: str
    stage: int
    why: str
    groups: tuple[str, ...] = ()
    judged: Judged | None = None
    by: str = ""


class RolloutStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How a task's last roll-out stands.

    Args:
        task: The task.
        number: Of the roll-out, from 1.
        model: The release.
        before: The model in force before.
        turn: The release was approved in that turn.
        status: `running`, `paused`, `done`, `rolled back`, `aborted`, `superseded`.
        open: Whether it still goes on.
        stage: From 1; 0 before the first.
        stages: How many there are.
        kind: `shadow`, `canary` or `wave`; `None` before the first stage.
        groups: Groups of that stage.
        opened_at: UTC.
        began: When the stage began, UTC.
        judged: What the stage was judged by last: labels, decisions, differences, conditions.
        waits: What it waits for; empty: nothing is missing.
        why: Why it is in this status; empty while it runs.
        by: Who put it there; empty where it came by itself.
        moves: Its transitions, the first one first.
    """

    task: str
    number: int
    model: Digest
    before: Digest | None
    turn: int
    status: str
    open: bool
    stage: int
    stages: int
    kind: Kind | None
    groups: tuple[str, ...]
    opened_at: datetime
    began: datetime | None
    judged: Judged
    waits: str
    why: str
    by: str = ""
    moves: tuple[Moved, ...] = ()


def standing(store: Store) -> list[RolloutStanding]:
    """Return how the last roll-out of each task stands; tasks without one are absent."""
    rows = [store.rollouts.last(task.name) for task in store.tasks.all()]
    return [_standing(store, row.read(State)) for row in rows if row is not None]


def of_task(store: Store, task: str) -> RolloutStanding:
    """Return how a task's last roll-out stands.

    Raises:
        UserError: There was none.
    """
    row = store.rollouts.last(task)
    if row is None:
        raise UserError(
            f"nothing of task {task!r} was rolled out yet: see  twoloops rollout plan {task}"
        )
    return _standing(store, row.read(State))


def _standing(store: Store, state: State) -> RolloutStanding:
    begun = state.stage >= 0
    moves = tuple(
        Moved(
            at=one.at,
            what=one.what,
            stage=one.stage + 1,
            why=(said := one.read(Move)).why,
            groups=said.groups,
            judged=said.judged,
            by=said.by,
        )
        for one in store.rollouts.moves(state.task, state.number)
    )
    last = moves[-1] if moves else None
    return RolloutStanding(
        task=state.task,
        number=state.number,
        model=state.model,
        before=state.before,
        turn=state.turn,
        status=state.status,
        open=state.open,
        stage=state.stage + 1,
        stages=len(state.plan.stages),
        kind=state.plan.stages[state.stage].kind if begun else None,
        groups=state.groups,
        opened_at=state.opened_at,
        began=state.began,
        judged=state.judged,
        waits=state.waits,
        why=state.why,
        by=last.by if last is not None and last.what == state.status else "",
        moves=moves,
    )

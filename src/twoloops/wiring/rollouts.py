"""Roll-outs in a workspace: opened, stepped, journalled with their evidence, and signed.

What is to run where follows from the state that is kept (`State.order`), and `wiring.trust.publish`
signs just that. So a state is written first and signed after; killed in between, the next signing
ends in the same place.
"""

from datetime import datetime
from pathlib import Path

from twoloops.convergence.rollouts import machine
from twoloops.convergence.rollouts.state import State
from twoloops.records.digests import Digest, short
from twoloops.records.errors import UserError
from twoloops.store import models
from twoloops.store.workspace import Store
from twoloops.wiring import adopting, trust
from twoloops.wiring.exporting import refuse_revoked
from twoloops.wiring.rollout_evidence import Deciding, differences, observed
from twoloops.wiring.rollout_keeping import begin, note, put, step
from twoloops.wiring.rollout_plan import due, plan_of
from twoloops.wiring.rollout_standing import RolloutStanding, of_task, standing

__all__ = [
    "RolloutStanding",
    "abort",
    "advance",
    "look",
    "of_task",
    "pause",
    "resume",
    "revoked",
    "standing",
    "start",
]


def look(folder: Path, store: Store, at: datetime, deciding: Deciding) -> bool:
    """Open the roll-outs that are due, step those that are open; sign where something moved.

    Returns:
        Whether something moved.

    Raises:
        UserError: It cannot be signed.
    """
    if not trust.repository(folder).there:
        return False
    moved = False
    for task in store.tasks.all():
        follows = trust.following(folder, store, task.name)
        moved |= advance(store, task.name, follows, trust.held(folder, task.name), at, deciding)
    if moved:
        trust.publish(folder, store, at)
    return moved


def advance(
    store: Store,
    task: str,
    following: Digest | None,
    held: frozenset[str],
    at: datetime,
    deciding: Deciding,
) -> bool:
    """Open a task's roll-out if one is due, or step the one that is open; whether it moved.

    Args:
        store: The workspace's.
        task: The task.
        following: The model that groups which follow releases run.
        held: Groups that a person assigned to.
        at: Now.
        deciding: Decides on the inputs of audit labels.
    """
    row = store.rollouts.open(task)
    if row is None:
        if (release := due(store, task, following)) is None:
            return False
        assert following is not None
        differing = differences(store, task, release.turn, following, deciding)
        with store.transaction():
            state = begin(store, release, following, differing, at)
            step(store, state, observed(store, state, deciding, held), at)
        return True
    state = row.read(State)
    # Models decide before the catalog is taken: observations and labels come in meanwhile.
    seen = observed(store, state, deciding, held)
    with store.transaction():
        if store.rollouts.open(task) != row:
            return False  # a person was faster; looked at again soon
        after = step(store, state, seen, at)
        if after.status == "superseded" and after.before is not None:
            release = due(store, task, after.before)
            if release is not None:
                differing = differences(store, task, release.turn, after.before, deciding)
                state = begin(store, release, after.before, differing, at)
                step(store, state, observed(store, state, deciding, held), at)
    return (after.status, after.stage) != (state.status, state.stage)


def start(
    folder: Path, store: Store, task: str, model: Digest, why: str, at: datetime, by: str = ""
) -> State:
    """Roll a model out because a person says so.

    A release that was withdrawn, or is older than the one in force, is put in force again first.

    Raises:
        UserError: It is no release, was revoked, is in force everywhere or on its way, no edge is
            enrolled, or nothing is signed.
    """
    why = _reason(why)
    _refuse(folder, store, task, model)
    follows = trust.following(folder, store, task)
    if follows is None:
        raise UserError(
            f"no group follows the releases of task {task!r}: the release in force goes to every "
            "group at the next signing, see  twoloops keys refresh"
        )
    if follows == model:
        raise UserError(f"model {short(model)} is in force in every group that follows releases")
    with store.transaction():
        _in_force(store, task, model, why, at)
        row = store.rollouts.open(task)
        if row is not None:
            put(store, *machine.superseded(row.read(State), why), at, by)
            follows = row.read(State).before or follows
        release = store.releases.deployed(task)
        assert release is not None
        differing = differences(store, task, release.turn, follows, Deciding())
        state = begin(store, release, follows, differing, at, why, by)
    trust.publish(folder, store, at)
    return state


def revoked(store: Store, at: datetime) -> None:
    """Take what was revoked out of the open roll-outs at once."""
    gone = store.releases.revoked()
    for task in store.tasks.all():
        row = store.rollouts.open(task.name)
        if row is None:
            continue
        others = [one.model for one in store.releases.holding(task.name) if one.model != row.model]
        state = row.read(State)
        after, moves = machine.without(state, gone, others[-1] if others else None)
        if after != state:
            put(store, after, moves, at)


def pause(store: Store, task: str, why: str, at: datetime, by: str = "") -> State:
    """Let an open roll-out open no further stage; error conditions still stop it.

    Raises:
        UserError: None is open, it is paused already, or no reason is given.
    """
    state = _opened(store, task)
    if state.status == "paused":
        raise UserError(
            f"roll-out {state.number} of task {task!r} is paused already ({state.why}): go on "
            "with  twoloops rollout resume --why TEXT"
        )
    return put(store, *machine.pause(state, _reason(why)), at, by)


def resume(store: Store, task: str, why: str, at: datetime, by: str = "") -> State:
    """Let a paused roll-out go on.

    Raises:
        UserError: None is paused, or no reason is given.
    """
    state = _opened(store, task)
    if state.status != "paused":
        raise UserError(
            f"roll-out {state.number} of task {task!r} is not paused: see  twoloops rollout status"
        )
    return put(store, *machine.resume(state, _reason(why)), at, by)


def abort(folder: Path, store: Store, task: str, why: str, at: datetime, by: str = "") -> State:
    """End an open roll-out: every touched group goes back, and the release is withdrawn.

    Raises:
        UserError: None is open, or no reason is given.
    """
    with store.transaction():
        after = put(store, *machine.abort(_opened(store, task), _reason(why)), at, by)
    if trust.repository(folder).there:
        trust.publish(folder, store, at)
    return after


def _refuse(folder: Path, store: Store, task: str, model: Digest) -> None:
    """Raise `UserError` where a model cannot be rolled out."""
    if not trust.repository(folder).there:
        raise UserError("this workspace signs nothing yet: begin with  twoloops keys init")
    refuse_revoked(store, model, "rolled out")
    if model not in {one.model for one in store.releases.all(task)}:
        raise UserError(
            f"model {short(model)} is no release of task {task!r}: the gate, or a person with  "
            "twoloops adopt , releases it first; see  twoloops status"
        )
    if not plan_of(store, task).stages:
        raise UserError(
            f"task {task!r} has no edge, or its plan no stage: a release is in force at once; see  "
            f"twoloops rollout plan {task}"
        )
    row = store.rollouts.open(task)
    if row is not None and row.model == model:
        raise UserError(
            f"model {short(model)} is being rolled out already: see  twoloops rollout status"
        )


def _in_force(store: Store, task: str, model: Digest, why: str, at: datetime) -> None:
    """Make a release the one in force, if it is not."""
    withdrawn = store.releases.withdrawn(task)
    last = next(one for one in reversed(store.releases.all(task)) if one.model == model)
    if (last.turn, model) in withdrawn:
        note(store, task, models.REINSTATED, last.turn, model, why, at)
    adopting.deploy(store, task, model, why)


def _opened(store: Store, task: str) -> State:
    row = store.rollouts.open(task)
    if row is None:
        raise UserError(
            f"no roll-out of task {task!r} is open: see  twoloops rollout status , or begin one "
            "with  twoloops rollout start MODEL"
        )
    return row.read(State)


def _reason(why: str) -> str:
    if not why.strip():
        raise UserError("this goes on record with its reason: say why with --why TEXT")
    return why.strip()

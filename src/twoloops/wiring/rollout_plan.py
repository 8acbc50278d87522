"""The plan by which a task's releases go out, kept beside the task; and whether one is due."""

import msgspec

from twoloops.convergence.rollouts.plan import Plan, default_plan
from twoloops.convergence.rollouts.state import State
from twoloops.convergence.turns.workspace_turn import policy_of
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.store.rows import Release
from twoloops.store.workspace import Store

PLAN = "rollout plan"
"""Evidence: a task's plan, kept with turn -1."""


def keep_plan(store: Store, task: str, plan: Plan) -> None:
    """Keep the plan for the roll-outs of a task that open from now on.

    Raises:
        UserError: There is no such task.
    """
    store.evidence.put(store.tasks.get(task).name, PLAN, -1, plan)


def plan_of(store: Store, task: str) -> Plan:
    """Return a task's own plan, or what it has where nobody made one."""
    own = store.evidence.get(task, PLAN, Plan, turn=-1)
    if own is not None:
        return own
    return default_plan(
        tuple(sorted(store.edges.groups(task))), policy_of(store, task).audit_labels
    )


def followed(store: Store, task: str, signed: Digest | None) -> Digest | None:
    """Return the model that groups which follow releases run.

    Args:
        store: The workspace's.
        task: The task.
        signed: The one that is signed for them; a roll-out that is done may be ahead of that.
    """
    last = store.rollouts.last(task)
    if last is None or last.status != "done" or last.read(State).before != signed:
        return signed
    holding = {one.model for one in store.releases.holding(task)}
    return last.model if last.model in holding else signed


def due(store: Store, task: str, following: Digest | None) -> Release | None:
    """Return the release that is to be rolled out, or `None`.

    None is where no edge is enrolled or nothing was assigned before: there the release in force
    goes out at once.

    Args:
        store: The workspace's.
        task: The task.
        following: The model that groups which follow releases run.
    """
    release = store.releases.deployed(task)
    if release is None or following in (None, release.model):
        return None
    if following not in {one.model for one in store.releases.holding(task)}:
        return None
    if not store.edges.groups(task) or not plan_of(store, task).stages:
        return None
    last = store.rollouts.last(task)
    if last is not None and (last.model, last.status) == (release.model, "done"):
        return None  # it has been out; what is signed only lags behind
    return release


def read_plan(data: bytes) -> Plan:
    """Read a plan from JSON.

    Raises:
        UserError: It is none.
    """
    try:
        return msgspec.json.decode(data, type=Plan)
    except (msgspec.DecodeError, UserError) as error:
        raise UserError(
            f"this is no plan of a roll-out: {error}; print the one in force with  "
            "twoloops rollout plan TASK --json , change it, and give it back with --set FILE"
        ) from error

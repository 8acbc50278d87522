"""The state machine of a roll-out: pure, and performed again after a crash.

Laws: at most one stage is open; a breach ends with no group on the release, paused or not; while
it is paused nothing else changes; `step` on its own result, with the same observations at the same
time, changes nothing.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from msgspec.structs import replace

from twoloops.convergence.rollouts.evidence import Judged
from twoloops.convergence.rollouts.judge import begun, compared, counted, judge, missing
from twoloops.convergence.rollouts.plan import REST, Plan
from twoloops.convergence.rollouts.state import Compared, Move, Observed, State, Status
from twoloops.convergence.turns.differing import Weighed
from twoloops.records.assignment import Mode
from twoloops.records.digests import Digest, short

Moves = tuple[Move, ...]


def opened(
    *,
    task: str,
    number: int,
    model: Digest,
    turn: int,
    before: Digest,
    plan: Plan,
    share: float | None,
    share_of: int = 0,
    gate: Mapping[str, Weighed] | None = None,
    between: Mapping[str, Weighed] | None = None,
    at: datetime,
) -> tuple[State, Moves]:
    """Return a roll-out that has not begun its first stage; arguments as of `State`."""
    state = State(
        task=task,
        number=number,
        model=model,
        turn=turn,
        before=before,
        plan=plan,
        share=share,
        share_of=share_of,
        gate=dict(gate or {}),
        between=dict(between or {}),
        opened_at=at,
    )
    why = f"model {short(model)} goes out after {short(before)}, in {len(plan.stages)} stages"
    return state, (Move(what="opened", stage=-1, why=why),)


def step(state: State, observed: Observed, at: datetime) -> tuple[State, Moves]:
    """Perform what is due.

    Args:
        state: Where it stands.
        observed: What there is to know; losses are those of the open stage.
        at: Now.

    Returns:
        The state after, and the transitions that led to it; none: it waits.
    """
    if not state.open:
        return state, ()
    state, moves = without(state, observed.revoked, observed.fallback)
    if not state.open:
        return state, moves
    if observed.newer and _overdue(state, at):
        hours = state.plan.patience_hours
        return _closed(state, "superseded", f"a newer release waited for {hours:g} hours")
    if state.stage < 0:
        return (state, ()) if state.status == "paused" else _next(state, observed, at)
    members = [one for one in observed.edges if one.group in state.groups]
    state = replace(state, tallies=counted(state.tallies, members))
    judged = judge(state, observed, at)
    state = replace(state, judged=judged)
    if judged.breaches:
        return _closed(state, "rolled back", "; ".join(one.detail for one in judged.breaches))
    if state.status == "paused":
        return state, ()
    stage = state.plan.stages[state.stage]
    assert state.began is not None
    labels = len(observed.overall.x)
    held, least = missing(stage, judged, labels, state.began, at, len(members))
    if held or (least and not judged.proved):
        return replace(state, waits=" and ".join(filter(None, (held, least)))), ()
    why = (
        f"shown to be less than {100 * stage.error_margin:g} points worse than the model before"
        if least
        else "the least amounts were seen, and no error condition holds"
    )
    passed = Move(
        what="stage passed", stage=state.stage, why=why, groups=state.groups, judged=judged
    )
    here = compared(state, members)
    if here is not None:
        state = replace(state, earlier=state.earlier + here)
    after, moves = _next(state, observed, at)
    return after, (passed, *moves)


def pause(state: State, why: str) -> tuple[State, Moves]:
    """Open no further stage until `resume`; error conditions still stop it."""
    if state.status != "running":
        return state, ()
    return _went(replace(state, status="paused", why=why), "paused")


def resume(state: State, why: str) -> tuple[State, Moves]:
    """Go on."""
    if state.status != "paused":
        return state, ()
    after, moves = _went(replace(state, status="running", why=why), "resumed")
    return replace(after, why=""), moves


def abort(state: State, why: str) -> tuple[State, Moves]:
    """End it because a person says so: every touched group goes back."""
    return _closed(state, "aborted", why) if state.open else (state, ())


def without(
    state: State, revoked: frozenset[Digest], fallback: Digest | None
) -> tuple[State, Moves]:
    """Take revoked models out: of the release it is the end, of the one before another takes over.

    Args:
        state: Where it stands.
        revoked: Models that may not run any more.
        fallback: What is in force instead of the model before.
    """
    if not state.open:
        return state, ()
    if state.before in revoked:
        state = replace(state, before=fallback, earlier=Compared())
    if state.model in revoked:
        return _closed(state, "rolled back", f"model {short(state.model)} was revoked")
    return state, ()


def superseded(state: State, why: str) -> tuple[State, Moves]:
    """End it because another release goes out."""
    return _closed(state, "superseded", why) if state.open else (state, ())


def _next(state: State, observed: Observed, at: datetime) -> tuple[State, Moves]:
    """Open the next stage that has a group, or end."""
    known = tuple(sorted({*observed.groups, *state.roles}))
    for number in range(state.stage + 1, len(state.plan.stages)):
        stage = state.plan.stages[number]
        members = state.plan.members(number, known)
        named = tuple(one for one in stage.groups if one != REST)
        groups = tuple(sorted({*members, *named}))
        if not groups:
            continue
        mode: Mode = "shadow" if stage.kind == "shadow" else "canary"
        after = replace(
            state,
            stage=number,
            began=at,
            groups=groups,
            roles={**state.roles, **dict.fromkeys(groups, mode)},
            tallies=begun(one for one in observed.edges if one.group in groups),
            judged=Judged(),
            waits="",
        )
        why = f"{stage.kind} on {', '.join(groups)}"
        return after, (Move(what="stage opened", stage=number, why=why, groups=groups),)
    return _closed(state, "done", "every stage passed")


def _overdue(state: State, at: datetime) -> bool:
    """Say whether a newer release has waited long enough."""
    since = state.began or state.opened_at
    return at >= since + timedelta(hours=state.plan.patience_hours)


def _closed(state: State, status: Status, why: str) -> tuple[State, Moves]:
    return _went(replace(state, status=status, why=why, waits=""), status)


def _went(state: State, what: str) -> tuple[State, Moves]:
    judged = state.judged if state.stage >= 0 else None
    groups = tuple(sorted(state.roles))
    return state, (Move(what=what, stage=state.stage, why=state.why, groups=groups, judged=judged),)

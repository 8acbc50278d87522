"""Keeps roll-outs: state, transitions and evidence in one commit, and releases taken back."""

from datetime import datetime

from msgspec.structs import replace

from twoloops.convergence.rollouts import machine
from twoloops.convergence.rollouts.state import WITHDRAWN, Move, Observed, State
from twoloops.records.digests import Digest, canonical
from twoloops.records.gate import Verdict
from twoloops.store import models
from twoloops.store.rows import Release, Rollout
from twoloops.store.workspace import Store
from twoloops.wiring.rollout_evidence import Differing
from twoloops.wiring.rollout_plan import plan_of


def begin(
    store: Store,
    release: Release,
    before: Digest,
    differing: Differing,
    at: datetime,
    why: str = "",
    by: str = "",
) -> State:
    """Open the roll-out of a release, by the plan in force; a person's with a reason."""
    gate, between = differing
    last = store.rollouts.last(release.task)
    state, moves = machine.opened(
        task=release.task,
        number=1 if last is None else last.number + 1,
        model=release.model,
        turn=release.turn,
        before=before,
        plan=plan_of(store, release.task),
        share=_share(release.verdict),
        share_of=release.verdict.observations,
        gate=gate,
        between=between,
        at=at,
    )
    if why:
        moves = tuple(replace(one, why=f"{one.why}: {why}") for one in moves)
    return put(store, state, moves, at, by)


def _share(verdict: Verdict) -> float | None:
    """Return the share of disagreement that the gate saw; `None` where it compared no two."""
    return None if verdict.claim == "first" else verdict.disagreement


def step(store: Store, state: State, seen: Observed, at: datetime) -> State:
    """Perform what is due, and keep it."""
    after, moves = machine.step(state, seen, at)
    return state if after == state and not moves else put(store, after, moves, at)


def put(store: Store, state: State, moves: tuple[Move, ...], at: datetime, by: str = "") -> State:
    """Keep a state with the transitions that led to it, and take back a release that failed.

    Args:
        store: The workspace's.
        state: How the roll-out stands now.
        moves: How it came to that.
        at: When.
        by: Who said so; empty where it came by itself.
    """
    moves = tuple(replace(one, by=by) for one in moves)
    with store.transaction():
        store.rollouts.put(
            Rollout(
                task=state.task,
                number=state.number,
                model=state.model,
                status=state.status,
                open=state.open,
                state=canonical(state).decode(),
            )
        )
        for move in moves:
            kept = store.rollouts.moved(state.task, state.number, move.what, move.stage, at, move)
            store.journal.append(
                f"rollout {move.what}",
                task=state.task,
                turn=-1,
                key=f"{state.task}/rollout {state.number}/{kept.number}",
                at=at,
                body=_body(state, move),
            )
        if moves and state.status in WITHDRAWN:
            who = f" by {by}" if by else ""
            why = f"roll-out {state.number} was {state.status}{who}: {state.why}"
            for one in _unproved(store, state):
                note(store, state.task, models.WITHDRAWN, one.turn, one.model, why, at)
    return state


def _unproved(store: Store, state: State) -> list[Release]:
    """Return the release, and those before it that were superseded on their way."""
    found: list[Release] = []
    for one in reversed(store.releases.holding(state.task)):
        if (one.turn, one.model) == (state.turn, state.model):
            found = [one]
        elif found and (state.before is None or one.model == state.before):
            break
        elif found:
            found.append(one)
    return found


def _body(state: State, move: Move) -> dict[str, str]:
    body = {
        "model": state.model,
        "before": state.before or "",
        "turn": str(state.turn),
        "stage": str(move.stage + 1),
        "groups": ", ".join(move.groups),
        "why": move.why,
    }
    if move.by:
        body["by"] = move.by
    if move.judged is not None:
        body["evidence"] = canonical(move.judged).decode()
    return body


def note(
    store: Store, task: str, kind: str, turn: int, model: Digest, why: str, at: datetime
) -> None:
    """Journal that a release is withdrawn, or in force again."""
    times = sum(
        one.body["model"] == model and one.body["turn"] == str(turn)
        for one in store.journal.facts(task, kind=kind)
    )
    store.journal.append(
        kind,
        task=task,
        turn=-1,
        key=f"{task}/{kind}/{turn}/{model}/{times + 1}",
        at=at,
        body={"model": model, "turn": str(turn), "why": why},
    )

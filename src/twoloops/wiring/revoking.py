"""Revoke a model: it is no longer deployed, exported or published, nor is what was made from it."""

from datetime import datetime
from pathlib import Path

import msgspec

from twoloops.records.digests import Digest, short
from twoloops.records.errors import UserError
from twoloops.records.journal import Fact
from twoloops.store.models import REVOKED, WITHDRAWN
from twoloops.store.rows import Node, StoredModel
from twoloops.store.workspace import Store
from twoloops.wiring import rollouts, trust
from twoloops.wiring.rollout_keeping import note
from twoloops.wiring.workspace import now


class Released(msgspec.Struct, frozen=True):
    """A release that rests on a revoked model.

    Args:
        task: Of the task.
        turn: Approved in that turn; -1 outside of any.
        model: What it released.
        approved_at: When.
    """

    task: str
    turn: int
    model: Digest
    approved_at: datetime


class Running(msgspec.Struct, frozen=True):
    """An edge whose latest known decision was by a model that rests on the revoked one."""

    edge: str
    task: str
    model: Digest
    last_seen: datetime


class Replaced(msgspec.Struct, frozen=True):
    """What is deployed instead; `None` where no release is left: edges take the fail-safe."""

    task: str
    instead: Digest | None
    was: Digest


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of revoking a model.

    Args:
        model: Its digest.
        task: Whose it is.
        reason: Why; the first reason given stays.
        at: When it was revoked first.
        before: Whether it was revoked already.
        replaced: Tasks that had it, or something made from it, deployed, and what they have now.
        also: Models made from it that were deployed, assigned to a group or being rolled out: they
            are revoked with it.
        withdrawn: Releases of other models made from it, taken back: nothing goes back to them.
        signed: Whether assignments and revocations were signed at once.
        descendants: Everything made from it, at any distance.
        releases: Releases of it and of what was made from it.
        edges: Edges that run one of these, as far as they have told.
    """

    model: Digest
    task: str
    reason: str
    at: datetime
    before: bool
    replaced: tuple[Replaced, ...]
    also: tuple[Digest, ...]
    withdrawn: tuple[Released, ...]
    signed: bool
    descendants: tuple[Node, ...]
    releases: tuple[Released, ...]
    edges: tuple[Running, ...]


def revoke(store: Store, model: StoredModel, reason: str, folder: Path | None = None) -> Revoked:
    """Revoke a model for good, with what was made from it and is deployed.

    Every task that had one of these in force goes back to its last release that holds and was not
    made from the model, or to none. Revoking it twice is revoking it once.

    Args:
        store: The workspace's, held for writing.
        model: Which one.
        reason: Why.
        folder: The workspace, where its edges are to know at once; `None`: nothing is signed.

    Raises:
        UserError: No reason is given, or it cannot be signed.
    """
    if not reason.strip():
        raise UserError("a revocation needs its reason: say why with --reason TEXT")
    at = now()
    old = store.journal.by_key(f"{REVOKED}/{model.digest}")
    made = store.lineage.descendants(model.digest)
    below = [one.digest for one in made if one.kind == "model"]
    inside = {model.digest, *(one.digest for one in made)}
    signs = folder is not None and trust.repository(folder).there
    running = _running(store, folder if signs else None)
    also = tuple(one for one in below if one in running)
    with store.transaction():
        had = _in_force(store, inside)
        fact = old or _fact(store, model.task, model.digest, reason.strip(), at)
        why = f"made from {short(model.digest)}, which was revoked: {fact.body['reason']}"
        known = store.releases.revoked()
        for one in also:
            if one not in known:
                _fact(store, store.models.find(one).task, one, why, at)
        withdrawn = _withdrawn(store, set(below), why, at)
        rollouts.revoked(store, at)
        replaced = tuple(Replaced(task, _deployed(store, task), was) for task, was in had)
    if signs:
        assert folder is not None
        trust.publish(folder, store, at)
    return Revoked(
        model=model.digest,
        task=model.task,
        reason=fact.body["reason"],
        at=fact.recorded_at,
        before=old is not None,
        replaced=replaced,
        also=also,
        withdrawn=withdrawn,
        signed=signs,
        descendants=tuple(made),
        releases=tuple(
            Released(one.task, one.turn, one.model, one.approved_at)
            for task in store.tasks.all()
            for one in store.releases.all(task.name)
            if one.model in inside
        ),
        edges=_edges(store, inside),
    )


def _running(store: Store, folder: Path | None) -> set[Digest]:
    """Return the models that are in force, assigned to a group, or being rolled out."""
    found: set[Digest] = set()
    for task in store.tasks.all():
        rows = (store.releases.deployed(task.name), store.rollouts.open(task.name))
        found |= {row.model for row in rows if row is not None}
    if folder is not None:
        for one in trust.assignments(folder).values():
            found |= set(one.models)
    return found


def _in_force(store: Store, models: set[Digest]) -> list[tuple[str, Digest]]:
    """Return the tasks that have one of the models in force, and which one."""
    found = ((task.name, _deployed(store, task.name)) for task in store.tasks.all())
    return [(task, model) for task, model in found if model is not None and model in models]


def _fact(store: Store, task: str, model: Digest, reason: str, at: datetime) -> Fact:
    return store.journal.append(
        REVOKED,
        task=task,
        turn=-1,
        key=f"{REVOKED}/{model}",
        at=at,
        body={"model": model, "reason": reason},
    )


def _withdrawn(store: Store, models: set[Digest], why: str, at: datetime) -> tuple[Released, ...]:
    """Take back the releases of models, as far as they hold."""
    found = [
        one
        for task in store.tasks.all()
        for one in store.releases.holding(task.name)
        if one.model in models
    ]
    for one in found:
        note(store, one.task, WITHDRAWN, one.turn, one.model, why, at)
    return tuple(Released(one.task, one.turn, one.model, one.approved_at) for one in found)


def _deployed(store: Store, task: str) -> Digest | None:
    release = store.releases.deployed(task)
    return None if release is None else release.model


def _edges(store: Store, models: set[Digest]) -> tuple[Running, ...]:
    latest: dict[tuple[str, str], Running] = {}
    for task in store.tasks.all():
        for one in store.observations.of_task(task.name):
            if one.decision is None:
                continue
            key = (one.place.edge, task.name)
            if key not in latest or one.observed_at >= latest[key].last_seen:
                latest[key] = Running(*key, one.decision.model, one.observed_at)
    return tuple(found for _, found in sorted(latest.items()) if found.model in models)

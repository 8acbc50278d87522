"""Revoke a model: it is no longer deployed, exported or published; show what rests on it."""

from datetime import datetime

import msgspec

from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.store.models import REVOKED
from twoloops.store.rows import Node, StoredModel
from twoloops.store.workspace import Store
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
    """What is deployed instead; `None` where no release is left."""

    task: str
    instead: Digest | None


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of revoking a model.

    Args:
        model: Its digest.
        task: Whose it is.
        reason: Why; the first reason given stays.
        at: When it was revoked first.
        before: Whether it was revoked already.
        replaced: Tasks that had it deployed, and what they have now.
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
    descendants: tuple[Node, ...]
    releases: tuple[Released, ...]
    edges: tuple[Running, ...]


def revoke(store: Store, model: StoredModel, reason: str) -> Revoked:
    """Revoke a model for good; revoking it twice is revoking it once.

    What was made from it is shown and not revoked with it: a person decides on each.

    Raises:
        UserError: No reason is given.
    """
    if not reason.strip():
        raise UserError("a revocation needs its reason: say why with --reason TEXT")
    key = f"{REVOKED}/{model.digest}"
    old = store.journal.by_key(key)
    with store.transaction():
        had = [
            task.name
            for task in store.tasks.all()
            if (release := store.releases.deployed(task.name)) and release.model == model.digest
        ]
        fact = old or store.journal.append(
            REVOKED,
            task=model.task,
            turn=-1,
            key=key,
            at=now(),
            body={"model": model.digest, "reason": reason.strip()},
        )
        replaced = tuple(Replaced(task, _deployed(store, task)) for task in had)
    made = store.lineage.descendants(model.digest)
    inside = {model.digest, *(one.digest for one in made)}
    return Revoked(
        model=model.digest,
        task=model.task,
        reason=fact.body["reason"],
        at=fact.recorded_at,
        before=old is not None,
        replaced=replaced,
        descendants=tuple(made),
        releases=tuple(
            Released(one.task, one.turn, one.model, one.approved_at)
            for task in store.tasks.all()
            for one in store.releases.all(task.name)
            if one.model in inside
        ),
        edges=_edges(store, inside),
    )


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

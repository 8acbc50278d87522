"""The server's side of edges: enrolment, heartbeats, batches, and how the floor stands."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

import msgspec

from twoloops.convergence.turns.workspace_turn import incoming, period, policy_of
from twoloops.edge.adapters.limits import LARGEST
from twoloops.edge.batch import Batch, Took, last_number, unpack
from twoloops.edge.capture import CapturePolicy
from twoloops.edge.home import Orders, Standing
from twoloops.edge.preprocess import check_input
from twoloops.edge.spoolrows import Spooled
from twoloops.physical.ingest import FIRST, ingest, missing
from twoloops.records.assignment import group_name
from twoloops.records.digests import Digest, digest_bytes, short
from twoloops.records.errors import UserError
from twoloops.records.observation import Decision, Observation, Place
from twoloops.records.task import Task
from twoloops.records.token import Token
from twoloops.store.edges import Enrolment, ExplainedGap, with_reasons
from twoloops.store.rows import Gap
from twoloops.store.uploads import Uploads
from twoloops.store.workspace import Store


class Refusal(UserError):
    """Who asks may not do this: its token is another edge's, or nobody's own."""


class NotHere(UserError):
    """What should have come before a batch did not: an input of it, or the batch it follows."""


class Arrived(NamedTuple):
    """A batch as it came in, and the digest of each input's bytes."""

    batch: Batch
    digests: tuple[Digest, ...]


class EdgeStanding(msgspec.Struct, frozen=True, kw_only=True):
    """How one edge stands.

    Args:
        edge: Its name.
        task: The task it decides.
        group: Its group of devices.
        enrolled_at: UTC.
        last_seen: UTC, or `None`: never.
        skew: Seconds by which its clock is before the server's.
        standing: Its last heartbeat.
        stored: Observations of it that are kept here.
        gaps: Numbers that did not come, each stretch with its reason.
        unexplained: How many numbers are in gaps that nobody explained.
    """

    edge: str
    task: str
    group: str
    enrolled_at: datetime
    last_seen: datetime | None
    skew: float | None
    standing: Standing | None
    stored: int
    gaps: tuple[ExplainedGap, ...]
    unexplained: int


def enrol(store: Store, token: Token, task: str, group: str, at: datetime) -> tuple[str, str]:
    """Exchange a token for its edge's own; returns the edge's name and the secret.

    The edge's name is the token's name, so who made the token has chosen it. The token stays good
    until its edge has used its own; exchanged again before, it replaces that one.

    Raises:
        UserError: There is no such task, or this is no name of a group.
        Refusal: The token is an edge's own already.
    """
    group_name(group)
    if token.scope != "edge" or store.edges.of_token(token.id) is not None:
        raise Refusal("an edge is enrolled with a token of its own name that no edge has used yet")
    with store.transaction():
        store.tasks.get(task)
        known = store.edges.find(token.name)
        own, secret = store.tokens.add(token.name, "edge", at, token.expires_at)
        store.edges.enrol(token.name, task, group, own.id, token.id, at)
        if known is not None:
            store.tokens.revoke(known.token, at)
    return token.name, secret


def admitted(store: Store, token: Token, edge: str) -> Enrolment:
    """Return the edge that a token may speak for.

    Raises:
        Refusal: It is another edge's, or no edge's own.
    """
    found = store.edges.of_token(token.id)
    if found is None:
        raise Refusal("this token is no edge's own: enrol with  twoloops edge enrol")
    if found.name != edge:
        raise Refusal(f"this token is of edge {found.name!r}, and may not speak for another")
    return found


def heartbeat(
    store: Store, edge: Enrolment, standing: Standing, counter: int, at: datetime
) -> Orders:
    """Note how an edge stands, and return its orders.

    Args:
        store: The workspace's.
        edge: Who speaks.
        standing: What it says.
        counter: Of the latest assignment to its group; 0: none.
        at: Now.

    Raises:
        UserError: Its clock's time cannot be read.
    """
    try:
        skew = (datetime.fromisoformat(standing.clock) - at).total_seconds()
    except (ValueError, TypeError, OverflowError) as error:
        raise UserError(f"the edge's clock {standing.clock[:40]!r} is no time in UTC") from error
    with store.transaction():
        _settle(store, edge, at)
        store.edges.heard(edge.name, standing, skew, at)
        return orders(store, store.tasks.get(edge.task), counter)


def orders(store: Store, task: Task, counter: int) -> Orders:
    """Return what edges of a task are to do; the counter is of their latest assignment."""
    policy = policy_of(store, task.name)
    release = store.releases.deployed(task.name)
    # As at the local edge: the seed is drawn from all that came.
    first = release is None or incoming(store, task.name) == 0
    capture = CapturePolicy(routine=1.0) if first else policy.capture
    return Orders(task, capture, policy.seed, counter)


def opened(body: bytes) -> Arrived:
    """Read the body of a batch: all that needs no catalog.

    Raises:
        UserError: It is none.
    """
    batch = unpack(body)
    return Arrived(batch, tuple(digest_bytes(one.input) for one in batch.observations))


def receive(
    store: Store, uploads: Uploads, edge: Enrolment, arrived: Arrived, at: datetime
) -> Took:
    """Take in a batch of an edge; everything is durable when this returns.

    Raises:
        NotHere: An input that went ahead is not here, or not whole; or the batch that this one
            follows is not.
        Refusal: It names another edge, another task, or an epoch that is another edge's.
    """
    batch, digests = arrived
    if batch.edge != edge.name:
        raise Refusal(f"a batch of {batch.edge[:80]!r} came with the token of {edge.name!r}")
    strange = {one.observation.task for one in batch.observations} - {edge.task}
    if strange:
        raise Refusal(f"edge {edge.name!r} decides {edge.task!r}, and sent another task's")
    ahead = {one.observation.input for one in batch.observations if not one.input}
    if ahead:
        batch = _filled(store, uploads, batch)
        digests = tuple(digest_bytes(one.input) for one in batch.observations)
    with store.transaction():
        _settle(store, edge, at)
        try:
            store.edges.own(batch.epoch, edge.name)
        except UserError as error:
            raise Refusal(str(error)) from error
        if batch.follows and not _came(store, batch):
            raise NotHere(f"number {batch.follows} is to come before this batch: send it first")
        task = store.tasks.get(edge.task)
        known = store.observations.find(one.observation.place for one in batch.observations)
        dated = _dated(store, task, batch, known)
        done = ingest(store, dated, lambda one: _unusable(task, one), known, digests)
        _explain(store, batch)
    for one in ahead:
        uploads.drop(edge.name, one)
    return Took(
        batch.edge,
        batch.epoch,
        last_number(batch.observations),
        done.new,
        done.duplicates,
        done.quarantined,
    )


def floor(store: Store) -> list[EdgeStanding]:
    """Return how every edge stands."""
    gaps: dict[str, list[ExplainedGap]] = {}
    known = store.edges.all()
    for one in with_reasons(store.marks.gaps(), store.edges.explained()) if known else []:
        gaps.setdefault(one.edge, []).append(one)
    stored = store.observations.per_edge() if known else {}
    return [
        EdgeStanding(
            edge=one.name,
            task=one.task,
            group=one.group,
            enrolled_at=one.enrolled_at,
            last_seen=one.last_seen,
            skew=one.skew,
            standing=one.standing,
            stored=stored.get(one.name, 0),
            gaps=tuple(gaps.get(one.name, ())),
            unexplained=sum(
                gap.last - gap.first + 1 for gap in gaps.get(one.name, ()) if not gap.reason
            ),
        )
        for one in known
    ]


def _filled(store: Store, uploads: Uploads, batch: Batch) -> Batch:
    """Return a batch with the inputs that went ahead."""
    ahead = [one.observation for one in batch.observations if not one.input]
    known = store.observations.find(one.place for one in ahead)
    inputs: dict[Digest, bytes] = {digest_bytes(b""): b""}
    for one in ahead:
        data = inputs.get(one.input)
        if data is None:
            data = uploads.get(batch.edge, one.input)
        if data is None and one.place in known and known[one.place].input == one.input:
            # It was taken in, and the answer got lost.
            data = store.inputs.get_many([one.input]).get(one.input)
        if data is None:
            raise NotHere(f"input {short(one.input)} did not come whole: send it again, then this")
        inputs[one.input] = data
    filled = [
        one if one.input else one._replace(input=inputs[one.observation.input])
        for one in batch.observations
    ]
    return batch._replace(observations=tuple(filled))


def _came(store: Store, batch: Batch) -> bool:
    """Whether the number that a batch follows has come: to be below the highest is not enough."""
    last = store.marks.last(batch.edge, batch.epoch)
    gaps = store.marks.gaps(batch.edge, batch.epoch)
    inside = any(gap.first <= batch.follows <= gap.last for gap in gaps)
    return last is not None and batch.follows <= last and not inside


def _settle(store: Store, edge: Enrolment, at: datetime) -> None:
    """End the exchange: the edge has its own token, as this request shows."""
    if edge.enrolled_with is not None:
        store.tokens.revoke(edge.enrolled_with, at)
        store.edges.settled(edge.name)


def _dated(
    store: Store, task: Task, batch: Batch, known: Mapping[Place, Observation]
) -> list[Spooled]:
    """Return the observations with the period of the turn they belong to.

    An edge does not know the turns. Observations that are known keep theirs, so that a batch that
    comes again after the turn has changed is still the same.
    """
    coming = period(incoming(store, task.name))
    dated = []
    for one in batch.observations:
        old = known.get(one.observation.place)
        when = coming if old is None else old.period
        dated.append(Spooled(msgspec.structs.replace(one.observation, period=when), one.input))
    return dated


def _unusable(task: Task, one: Spooled) -> str | None:
    """Say why an observation that came over the network cannot be used, or `None`."""
    if len(one.input) > LARGEST[task.kind]:
        return f"its input has {len(one.input):,} bytes; at most {LARGEST[task.kind]:,} are taken"
    try:
        check_input(task.kind, one.input, task.shape)
    except UserError as error:
        return str(error)
    observation = one.observation
    if observation.observed_at.tzinfo is None:
        return "its time has no zone"
    if observation.decision is not None and not _sound(observation.decision):
        return "its decision holds no probabilities"
    return None


def _sound(decision: Decision) -> bool:
    inside = all(0 <= value <= 1 for value in decision.probabilities)
    return bool(decision.probabilities) and inside and math.isfinite(decision.threshold or 0.0)


def _explain(store: Store, batch: Batch) -> None:
    """Note the gaps an edge reports, also those behind its last observation."""
    if not batch.missing:
        return
    before = [(gap.first, gap.last) for gap in store.marks.gaps(batch.edge, batch.epoch)]
    last = store.marks.last(batch.edge, batch.epoch)
    left, last = missing(before, FIRST - 1 if last is None else last, ())
    for gap in sorted(batch.missing):
        if gap.last > last:
            left.append((last + 1, gap.last))
            last = gap.last
    store.marks.put(
        batch.edge, batch.epoch, last, [Gap(batch.edge, batch.epoch, a, b) for a, b in left]
    )
    store.edges.explain(
        [ExplainedGap(batch.edge, batch.epoch, g.first, g.last, g.reason) for g in batch.missing]
    )

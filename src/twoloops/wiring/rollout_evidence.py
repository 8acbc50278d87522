"""Gathers what there is to know of a roll-out: what edges say, what audit labels say of both."""

from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from twoloops.convergence.judging.gate import relative_weights
from twoloops.convergence.rollouts.state import NONE, Counts, Losses, Observed, Seen, State
from twoloops.convergence.turns.differing import DIFFERENCES, Differences, Weighed, weighed
from twoloops.convergence.turns.workspace_turn import policy_of
from twoloops.edge.home import Paired, Standing
from twoloops.edge.runtime import Runtime
from twoloops.edge.trust.refusing import Kind as Refusal
from twoloops.physical.labelling.quality.agreed import agreed
from twoloops.records.assignment import Mode
from twoloops.records.digests import Digest
from twoloops.records.observation import Place
from twoloops.store.edges import Enrolment
from twoloops.store.workspace import Store

RECENT = 2_000
"""Observations on which two models are compared as a roll-out opens: each edge's latest."""
LOADED = 4
"""Models that are kept loaded."""
AGAINST: tuple[Refusal, ...] = ("self-test", "takt", "unreadable", "wrong task", "too large")
"""Refusals that speak against the release; a network or an expired root is no fault of it."""
REMEMBERED = 100_000
"""Decisions that are remembered."""


class Deciding:
    """What models decide on stored inputs; remembers it, as a roll-out is looked at often."""

    def __init__(self) -> None:
        self._loaded: OrderedDict[Digest, Runtime] = OrderedDict()
        self._said: dict[tuple[Digest, Digest], str] = {}

    def labels(self, store: Store, model: Digest, inputs: Sequence[Digest]) -> list[str]:
        """Return a model's label of each input, by its very file.

        Raises:
            UserError: An input was forgotten, or cannot be read.
        """
        new = [one for one in dict.fromkeys(inputs) if (model, one) not in self._said]
        if new:
            data = store.inputs.get_many(new)
            decided = self._runtime(store, model).decide([data[one] for one in new])
            if len(self._said) + len(new) > REMEMBERED:
                self._said.clear()
                return self.labels(store, model, inputs)
            self._said |= {(model, one): d.label for one, d in zip(new, decided, strict=True)}
        return [self._said[model, one] for one in inputs]

    def _runtime(self, store: Store, model: Digest) -> Runtime:
        if model not in self._loaded:
            self._loaded[model] = Runtime(store.models.get(model))
            while len(self._loaded) > LOADED:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(model)
        return self._loaded[model]


def observed(
    store: Store, state: State, deciding: Deciding, held: frozenset[str] = frozenset()
) -> Observed:
    """Return what there is to know of an open roll-out.

    Args:
        store: The workspace's.
        state: Where it stands.
        deciding: Decides on the inputs of audit labels.
        held: Groups that a person assigned to: they take no part.
    """
    edges = [one for one in store.edges.all() if one.task == state.task and one.group not in held]
    stage = [one for one in edges if one.group in state.groups]
    release = store.releases.deployed(state.task)
    others = [one for one in store.releases.holding(state.task) if one.model != state.model]
    return Observed(
        edges=tuple(_seen(one, state) for one in edges),
        losses=_losses(store, state, stage, state.began, deciding),
        overall=_losses(store, state, edges, state.opened_at, deciding),
        revoked=store.releases.revoked(),
        newer=release is not None and (release.turn, release.model) != (state.turn, state.model),
        fallback=others[-1].model if others else None,
    )


Differing = tuple[dict[str, Weighed], dict[str, Weighed]]


def differences(
    store: Store, task: str, turn: int, before: Digest, deciding: Deciding
) -> Differing:
    """Return by edge how differently a turn's release decides, as far as the gate has seen it.

    Returns:
        Release and best release before it, as the gate saw; best release and the model on the
        floor, on the latest observations of each edge, where these are two models.
    """
    kept = store.evidence.get(task, DIFFERENCES, Differences, turn=turn)
    if kept is None:
        return {}, {}
    if kept.over == before or kept.over in store.releases.revoked():
        return kept.by_edge, {}
    edges = [one.name for one in store.edges.all() if one.task == task]
    each = max(1, RECENT // max(1, len(edges)))
    seen = [one for edge in edges for one in store.observations.latest(task, edge, each)]
    gone = store.inputs.forgotten({one.input for one in seen})
    seen = [one for one in seen if one.input not in gone]
    best = deciding.labels(store, kept.over, [one.input for one in seen])
    floor = deciding.labels(store, before, [one.input for one in seen])
    return kept.by_edge, weighed(
        (one.place.edge, one.kept.probability, a != b)
        for one, a, b in zip(seen, best, floor, strict=True)
    )


def _seen(one: Enrolment, state: State) -> Seen:
    at = one.standing
    if at is None:
        return Seen(edge=one.name, group=one.group, heard=one.last_seen)
    # What was said before the stage began speaks of an earlier assignment.
    since = state.began is not None and one.last_seen is not None and one.last_seen > state.began
    runs = at.release == state.model or (at.paired is not None and at.paired.beside == state.model)
    return Seen(
        edge=one.name,
        group=one.group,
        heard=one.last_seen,
        left=(at.went_back or "it went back") if since and at.left == state.model else "",
        refused=at.refused if since and not runs and at.refused.startswith(AGAINST) else "",
        paired=_paired(at.paired, state, state.roles.get(one.group)),
        own=_own(at, state),
    )


def _paired(paired: Paired | None, state: State, mode: Mode | None) -> Counts:
    """Return what both models decided, where these two are compared in the group's mode."""
    if paired is None:
        return NONE
    models = (paired.counting, paired.beside)
    if mode == "shadow" and models == (state.before, state.model):
        return paired.decided, paired.differed, paired.failed, paired.late
    if mode == "canary" and models == (state.model, state.before):
        # What the model before is late with or fails on is nothing against the release.
        return paired.decided, paired.differed, 0, 0
    return NONE


def _own(at: Standing, state: State) -> Counts:
    return (at.decided, at.late, 0, 0) if at.release == state.model else NONE


def _losses(
    store: Store,
    state: State,
    edges: Sequence[Enrolment],
    since: datetime | None,
    deciding: Deciding,
) -> Losses:
    """Return the losses on audit-labelled observations that arrived from edges since a time."""
    if since is None or state.before is None:
        return Losses()
    clocks = {one.name: one.skew or 0.0 for one in edges}
    asked = _audits(store, state)
    found = store.observations.find(asked)
    came_in = {
        place: one.input
        for place, one in found.items()
        if place.edge in clocks and _true(one.observed_at, clocks[place.edge]) >= since
    }
    if not came_in:
        return Losses()
    truth = agreed(store, state.task, came_in)
    gone = store.inputs.forgotten(set(came_in.values()))
    came = {
        place: min(one.labelled_at for one in said)
        for place, said in store.labels.find(truth).items()
    }
    places = sorted((p for p in truth if came_in[p] not in gone), key=lambda p: (came[p], p))
    if not places:
        return Losses()
    inputs = [came_in[place] for place in places]
    right = [truth[place].label for place in places]
    old = deciding.labels(store, state.before, inputs)
    new = deciding.labels(store, state.model, inputs)
    weights, _ = relative_weights(
        np.array([asked[place][1] for place in places]),
        np.array([asked[place][0] for place in places], dtype=np.int64),
        policy_of(store, state.task).settings.weight_cap,
    )
    return Losses(
        tuple(
            float(mine != y) - float(theirs != y)
            for mine, theirs, y in zip(new, old, right, strict=True)
        ),
        tuple(weights.tolist()),
        tuple(mine != theirs for mine, theirs in zip(new, old, strict=True)),
    )


def _audits(store: Store, state: State) -> dict[Place, tuple[int, float]]:
    """Return turn and chance of what was drawn at random in the turns after the release's."""
    last = store.turns.last(state.task)
    if last is None:
        return {}
    return {
        one.observation: (one.turn, one.probability)
        for turn in range(state.turn + 1, last.number + 1)
        for one in store.questions.of_turn(state.task, turn)
        if one.purpose == "audit" and one.probability is not None
    }


def _true(observed_at: datetime, skew: float) -> datetime:
    """Return when it was by the server's clock."""
    return observed_at.astimezone(UTC) - timedelta(seconds=skew)

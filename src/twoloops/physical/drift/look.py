"""One look for drift: inputs, decisions and audit error under one budget of false alarms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from twoloops.physical.drift.family import holm
from twoloops.physical.drift.features import decision_names, of_decisions, view
from twoloops.physical.drift.finding import CEILING, Feature, Finding, Part
from twoloops.physical.drift.watch import Series, Watched, watch
from twoloops.records.digests import Digest
from twoloops.records.observation import Decision


@dataclass(frozen=True)
class Inputs:
    """Embeddings of a window, in order of time: (n, d), and n edges."""

    embedding: NDArray[np.floating]
    edges: Sequence[str]


@dataclass(frozen=True)
class Decided:
    """Decisions of a window, in order of time, and the edges they were made on."""

    decisions: Sequence[Decision]
    edges: Sequence[str]


@dataclass(frozen=True)
class Audit:
    """What audit labels say of the deployed model; tested where labels are judged.

    Args:
        reference: Labels at its release that it had not learned from.
        wrong_before: How many of them it decided wrong.
        current: Audit labels of what it has decided since.
        wrong_since: How many of those it decided wrong.
        wealth: The highest wealth so far of betting that it is wrong more often.
        doubt: Chance that the rate bet against is not the true one of the reference.
        unknown: Why nothing was tested; empty where it was.
    """

    reference: int
    wrong_before: int
    current: int
    wrong_since: int
    wealth: float
    doubt: float
    unknown: str = ""


def inputs(reference: Inputs, current: Inputs, *, seed: str) -> Watched:
    """Watch embeddings.

    Every second observation of the reference chooses what is watched, the others are what the
    current ones are ranked among: so ranks stay exact.
    """
    embedding = np.asarray(reference.embedding, dtype=np.float64)
    if len(embedding) < 4:
        part = Part(
            kind="inputs",
            reference=len(embedding),
            current=len(current.edges),
            unknown=f"the reference has {len(embedding)} observations",
        )
        return Watched((), (), part)
    seen = view(embedding[::2])
    before = Series(seen.of(embedding[1::2]), tuple(reference.edges[1::2]))
    now = np.asarray(current.embedding, dtype=np.float64).reshape(-1, embedding.shape[1])
    return watch("inputs", seen.names, before, Series(seen.of(now), current.edges), seed=seed)


def decisions(labels: Sequence[str], reference: Decided, current: Decided, *, seed: str) -> Watched:
    """Watch decisions: each label's share, confidence, novelty."""
    return watch(
        "decisions",
        decision_names(labels),
        Series(of_decisions(reference.decisions, labels), reference.edges),
        Series(of_decisions(current.decisions, labels), current.edges),
        seed=seed,
    )


def look(
    task: str,
    model: Digest,
    turn: int,
    watched: Sequence[Watched],
    audit: Audit | None,
    *,
    budget: float,
    unseen: Sequence[str],
    observations: int,
    at: datetime,
) -> Finding:
    """Return what is found, with Holm over everything watched.

    Args:
        task: Its name.
        model: The deployed model.
        turn: The turn it was released in.
        watched: What `inputs` and `decisions` returned.
        audit: What audit labels say; `None` leaves the kind out.
        budget: Chance of any false alarm about this release, over all looks.
        unseen: Edges that the reference does not know.
        observations: Those since the release.
        at: UTC.
    """
    features = [one for kind in watched for one in kind.features]
    logs = [one for kind in watched for one in kind.wealth]
    parts = [kind.part for kind in watched]
    if audit is not None:
        parts.append(_part(audit))
        if not audit.unknown:
            features.append(_error(audit))
    alarms = holm([one.p for one in features], budget)
    alone = np.log(len(features) / budget) if features else 0.0
    found = []
    for place, (feature, alarm) in enumerate(zip(features, alarms, strict=True)):
        crossed = np.flatnonzero(logs[place] >= alone) if place < len(logs) else np.zeros(0)
        reached = (int(crossed[0]) + 1) * feature.block if alarm and crossed.size else None
        found.append(replace(feature, alarm=alarm, at=reached))
    return Finding(
        task=task,
        model=model,
        turn=turn,
        budget=budget,
        features=tuple(found),
        parts=tuple(parts),
        unseen=tuple(unseen),
        observations=observations,
        looked_at=at,
    )


def _part(audit: Audit) -> Part:
    return Part(
        kind="audit error",
        reference=audit.reference,
        current=audit.current,
        tested=int(not audit.unknown),
        unknown=audit.unknown,
    )


def _error(audit: Audit) -> Feature:
    return Feature(
        kind="audit error",
        name="share decided wrong",
        edge=None,
        reference=audit.reference,
        units=audit.current,
        before=audit.wrong_before / max(audit.reference, 1),
        after=audit.wrong_since / max(audit.current, 1),
        evidence=min(audit.wealth, CEILING),
        # P(wealth ever ≥ 1/u) ≤ u where the rate is right, and it is wrong with chance `doubt`.
        p=min(1.0, 1.0 / max(audit.wealth, 1.0) + audit.doubt),
    )

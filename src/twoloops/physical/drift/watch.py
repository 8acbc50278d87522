"""Look at a kind's features, all together and edge by edge: units, ranks, wealth."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twoloops.physical.drift.blocks import FEWEST, length_of, means
from twoloops.physical.drift.conformal import ranks
from twoloops.physical.drift.finding import CEILING, Feature, Kind, Part
from twoloops.physical.drift.wealth import log_wealth

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """A kind's features of the observations of a window, in order of time.

    Args:
        values: (n, m).
        edges: n names.
    """

    values: Array
    edges: Sequence[str]

    def of(self, edge: str) -> Array:
        """Return the values of one edge."""
        return np.asarray(self.values[np.asarray(self.edges, dtype=object) == edge])


@dataclass(frozen=True)
class Watched:
    """Features before the family's verdict, with the log of their wealth by unit.

    Args:
        features: m of them.
        wealth: Log of wealth (n,) of each.
        part: How they were tested.
    """

    features: tuple[Feature, ...]
    wealth: tuple[Array, ...]
    part: Part


def watch(
    kind: Kind,
    names: Sequence[str],
    reference: Series,
    current: Series,
    *,
    seed: str,
    block: int | None = None,
) -> Watched:
    """Test whether current values are exchangeable with the reference's, feature by feature.

    Edges with a reference of their own are tested alone too. A longer `current` gives the same
    evidence for what it begins with: draws depend on seed, feature and place in line alone.

    Args:
        kind: What the features are of.
        names: m names.
        reference: What it was like.
        current: What it has been since.
        seed: Of the draws between equal values; another release's luck must be its own.
        block: Observations to a unit; `None` finds it by the reference.
    """
    length = length_of(reference.values) if block is None else block
    before = means(reference.values, length)
    part = Part(
        kind=kind,
        reference=len(reference.values),
        current=len(current.values),
        block=length,
        unknown=_unknown(len(before), len(current.values), length),
    )
    if part.unknown:
        return Watched((), (), part)
    every = [_slice(kind, names, None, before, means(current.values, length), seed)]
    edges = sorted(set(reference.edges))
    for edge in edges if len(edges) > 1 else ():
        own = means(reference.of(edge), length)
        since = means(current.of(edge), length)
        if len(own) >= FEWEST and len(since):
            every.append(_slice(kind, names, edge, own, since, seed))
    return Watched(
        tuple(one for features, _ in every for one in features),
        tuple(one for _, wealth in every for one in wealth),
        part,
    )


def _unknown(before: int, current: int, length: int) -> str:
    if before < FEWEST:
        alike = f": neighbours are alike over {length} observations" if length > 1 else ""
        return f"the reference has {before} independent units, {FEWEST} needed{alike}"
    if current < length:
        return f"{current} observations since, {length} needed"
    return ""


def _slice(
    kind: Kind,
    names: Sequence[str],
    edge: str | None,
    before: Array,
    since: Array,
    seed: str,
) -> tuple[list[Feature], list[Array]]:
    draws = [
        np.random.default_rng(
            [*hashlib.sha256(f"{seed}/{kind}/{name}/{edge}".encode()).digest()]
        ).random(len(since))
        for name in names
    ]
    logs = log_wealth(ranks(before, since, np.column_stack(draws)))
    features = [
        Feature(
            kind=kind,
            name=name,
            edge=edge,
            reference=len(before),
            units=len(since),
            before=float(before[:, at].mean()),
            after=float(since[:, at].mean()),
            evidence=float(min(np.exp(min(logs[:, at].max(initial=0.0), 700.0)), CEILING)),
            p=float(np.exp(-min(logs[:, at].max(initial=0.0), 700.0))),
        )
        for at, name in enumerate(names)
    ]
    return features, [logs[:, at] for at in range(len(names))]

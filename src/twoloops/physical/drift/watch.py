"""Look at a kind's features, all together and edge by edge: units, ranks, wealth."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twoloops.physical.drift.blocks import FEWEST, lengths, means
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
    of = lengths(reference.values) if block is None else (block,) * len(names)
    most = len(reference.values) // FEWEST
    tested = [at for at, length in enumerate(of) if length <= min(most, len(current.values))]
    part = Part(
        kind=kind,
        reference=len(reference.values),
        current=len(current.values),
        tested=len(tested),
        left_out=len(names) - len(tested),
        block=max((of[at] for at in tested), default=1),
        unknown="" if tested else _unknown(len(reference.values), len(current.values), of),
    )
    features: list[Feature] = []
    wealth: list[Array] = []
    edges = sorted(set(reference.edges))
    for edge in (None, *(edges if len(edges) > 1 else ())):
        before = reference.values if edge is None else reference.of(edge)
        since = current.values if edge is None else current.of(edge)
        # Features of one length go together.
        for length in sorted({of[at] for at in tested}):
            columns = [at for at in tested if of[at] == length]
            if len(before) // length < FEWEST or len(since) < length:
                continue
            found = _slice(
                kind,
                [names[at] for at in columns],
                edge,
                (before[:, columns], since[:, columns]),
                length,
                seed,
            )
            features += found[0]
            wealth += found[1]
    return Watched(tuple(features), tuple(wealth), part)


def _unknown(reference: int, current: int, of: Sequence[int]) -> str:
    length = min(of, default=1)
    if reference < FEWEST * length:
        alike = f", as neighbours are alike over {length} of them" if length > 1 else ""
        return f"the reference has {reference} observations, {FEWEST * length} needed{alike}"
    return f"{current} observations since, {length} needed"


def _slice(
    kind: Kind,
    names: Sequence[str],
    edge: str | None,
    windows: tuple[Array, Array],
    length: int,
    seed: str,
) -> tuple[list[Feature], list[Array]]:
    before, since = (means(one, length) for one in windows)
    draws = [
        np.random.default_rng(
            [*hashlib.sha256(f"{seed}/{kind}/{name}/{edge}".encode()).digest()]
        ).random(len(since))
        for name in names
    ]
    logs = log_wealth(ranks(before, since, np.column_stack(draws)))
    peaks = np.minimum(logs.max(axis=0, initial=0.0), 700.0)
    features = [
        Feature(
            kind=kind,
            name=name,
            edge=edge,
            block=length,
            reference=len(before),
            units=len(since),
            before=float(before[:, at].mean()),
            after=float(since[:, at].mean()),
            evidence=float(min(np.exp(peaks[at]), CEILING)),
            p=float(np.exp(-peaks[at])),
        )
        for at, name in enumerate(names)
    ]
    return features, [logs[:, at] for at in range(len(names))]

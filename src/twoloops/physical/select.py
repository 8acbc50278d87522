"""Which observations to put to a labeller: pure functions over arrays.

`audit` draws the random share that may judge models, `select` picks what teaches most,
`poisson` does both at once with known chances. Randomness comes in as a generator: equal
arguments and equal generator state give equal picks.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from twoloops.physical.selection.cluster import clusters
from twoloops.physical.selection.sampling import Pick, audit, inclusion, poisson, weight_cap
from twoloops.records.errors import UserError

__all__ = [
    "Candidates",
    "Pick",
    "Strategy",
    "audit",
    "entropy",
    "inclusion",
    "margin",
    "poisson",
    "select",
    "weight_cap",
]

Strategy = Literal["random", "margin", "entropy", "diversity", "mix", "spread"]
"""How `select` picks: `random`; `margin` (smallest p1 − p2); `entropy` (largest); `diversity`
(one of each k-means cluster); `mix` (70 % margin, 30 % random); `spread`, the default: k-means
on the embeddings of the most uncertain, from each cluster the smallest margin, and a share at
random."""

MIX_RANDOM = 0.3
"""Share of `mix` drawn at random."""

SPREAD_RANDOM = 0.15
"""Share of a turn's labels that `spread` wants drawn at random, audit labels included. Without
any, uncertainty can get stuck when the regime shifts: a model that is confidently wrong never
asks. No share goes to novelty: one label in twenty for the most novel cost up to 6 points where
a sensor's odd cycles are novel, and found a new fault no sooner than the margin does."""

POOL = 3
"""`spread` clusters this many times as many uncertain observations as it picks."""


@dataclass(frozen=True)
class Candidates:
    """What is known of a turn's kept observations.

    Args:
        probabilities: (n, k) of the deployed model; rows sum to 1.
        embedding: (n, d) from its base.
        novelty: (n,) in [0, 1]; decides between equal margins.
        groups: n names; near-duplicates and items of one origin share one.
        labelled: Groups of which a label is known already.
        excluded: (n,) of bool, `True` for what must not be picked (the audit sample, the
            quarantined); `None` for none.
        at_random: How many of this turn's labels are drawn at random already (its audit
            labels): `spread` counts them towards its random share.
    """

    probabilities: NDArray[np.floating]
    embedding: NDArray[np.floating]
    novelty: NDArray[np.floating]
    groups: Sequence[str]
    labelled: Set[str] = field(default_factory=frozenset)
    excluded: NDArray[np.bool_] | None = None
    at_random: int = 0

    def __post_init__(self) -> None:
        n = len(self.groups)
        given = {
            "probabilities": self.probabilities,
            "embedding": self.embedding,
            "novelty": self.novelty,
            "excluded": self.excluded,
        }
        wrong = {name: len(a) for name, a in given.items() if a is not None and len(a) != n}
        if wrong:
            raise ValueError(f"every array needs one row for each of {n} groups: got {wrong}")


def margin(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return p1 − p2, the lead of the most probable label, (n, k) → (n,) in [0, 1].

    >>> margin(np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]])).round(3).tolist()
    [0.2, 1.0]
    """
    p = np.nan_to_num(np.asarray(probabilities, dtype=np.float64))
    if p.shape[1] < 2:
        return np.ones(len(p))
    top = np.sort(p, axis=1)[:, -2:]
    return np.asarray(np.clip(top[:, 1] - top[:, 0], 0.0, 1.0))


def entropy(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return −Σ p ln p in nats, (n, k) → (n,), with 0 ln 0 = 0.

    >>> entropy(np.array([[0.5, 0.5], [1.0, 0.0]])).round(3).tolist()
    [0.693, 0.0]
    """
    p = np.clip(np.nan_to_num(np.asarray(probabilities, dtype=np.float64)), 0.0, 1.0)
    log = np.log(p, out=np.zeros_like(p), where=p > 0)
    return np.asarray(-(p * log).sum(axis=1) + 0.0)


def select(
    candidates: Candidates, count: int, strategy: Strategy, rng: np.random.Generator
) -> list[Pick]:
    """Pick what teaches most, the best question first.

    Never two of one group and never a group already labelled, unless nothing else is left;
    never what is excluded.

    Args:
        candidates: The turn's observations.
        count: How many; fewer come back when fewer may be picked.
        strategy: See `Strategy`.
        rng: Source of the randomness.

    Returns:
        Distinct picks with probability `None`: they train and never judge.

    Raises:
        UserError: If the strategy is unknown.
    """
    if strategy not in get_args(Strategy):
        raise UserError(
            f"unknown selection strategy {strategy!r}: choose one of {list(get_args(Strategy))}"
        )
    n = len(candidates.groups)
    allowed = np.ones(n, dtype=bool) if candidates.excluded is None else ~candidates.excluded
    known = np.array([group in candidates.labelled for group in candidates.groups], dtype=bool)
    choice = _Choice(candidates, rng)
    choice.add(np.flatnonzero(allowed & ~known), count, strategy, once=True)
    left = allowed.copy()
    left[choice.taken] = False
    choice.add(np.flatnonzero(left), count - len(choice.taken), strategy, once=False)
    return [Pick(i, "selected", None) for i in choice.taken]


class _Choice:
    """Picks made so far; `add` goes on from them."""

    def __init__(self, candidates: Candidates, rng: np.random.Generator) -> None:
        self.taken: list[int] = []
        self.candidates = candidates
        self.rng = rng
        self.margin = margin(candidates.probabilities)
        self.novelty = np.nan_to_num(np.asarray(candidates.novelty, dtype=np.float64))

    def add(self, rows: NDArray[np.intp], count: int, strategy: Strategy, once: bool) -> None:
        """Pick up to `count` of `rows`; at most one of a group if `once`."""
        if count <= 0 or len(rows) == 0:
            return
        groups = self.candidates.groups
        used = {groups[i] for i in self.taken}

        def first(order: NDArray[np.intp]) -> NDArray[np.intp]:
            """Leave out what was taken and, if `once`, all but the first of a group."""
            seen = set(used)
            kept: list[int] = []
            for i in order.tolist():
                if (once and groups[i] in seen) or i in taken:
                    continue
                seen.add(groups[i])
                kept.append(i)
            return np.array(kept, dtype=np.intp)

        taken: set[int] = set(self.taken)
        start = len(self.taken)
        for until, part in self._parts(count, strategy):
            room = start + until - len(self.taken)
            if room <= 0:
                continue
            picked = part(rows, room, first)[:room].tolist()
            self.taken.extend(picked)
            taken.update(picked)
            used.update(groups[i] for i in picked)

    def _parts(self, count: int, strategy: Strategy) -> list[tuple[int, "_Part"]]:
        """Return who picks, in order, each until so many are picked; the last fills up."""
        match strategy:
            case "random":
                return [(count, self._random)]
            case "margin":
                return [(count, self._uncertain)]
            case "entropy":
                return [(count, self._entropic)]
            case "diversity":
                return [(count, self._diverse), (count, self._random)]
            case "mix":
                at_random = round(MIX_RANDOM * count)
                return [(count - at_random, self._uncertain), (count, self._random)]
            case "spread":
                drawn = self.candidates.at_random
                at_random = max(0, round(SPREAD_RANDOM * (count + drawn)) - drawn)
                return [(count - at_random, self._spread), (count, self._random)]

    def _random(self, rows: NDArray[np.intp], room: int, first: "_First") -> NDArray[np.intp]:
        return first(self.rng.permutation(rows))

    def _uncertain(self, rows: NDArray[np.intp], room: int, first: "_First") -> NDArray[np.intp]:
        # Novelty decides between equal margins (a model that is always certain has no others);
        # shuffled first, so that what is equal in both is picked without an order.
        rows = self.rng.permutation(rows)
        return first(rows[np.lexsort((-self.novelty[rows], self.margin[rows]))])

    def _entropic(self, rows: NDArray[np.intp], room: int, first: "_First") -> NDArray[np.intp]:
        rows = self.rng.permutation(rows)
        score = entropy(self.candidates.probabilities[rows])
        return first(rows[np.argsort(-score, kind="stable")])

    def _diverse(self, rows: NDArray[np.intp], room: int, first: "_First") -> NDArray[np.intp]:
        pool = first(self.rng.permutation(rows))
        found = clusters(self.candidates.embedding[pool], room, np.ones(len(pool)), self.rng)
        # The most central of each cluster, largest cluster first.
        order = np.lexsort((found.distance, found.label))
        heads = order[np.unique(found.label[order], return_index=True)[1]]
        size = np.bincount(found.label)
        return pool[heads[np.argsort(-size[found.label[heads]], kind="stable")]]

    def _spread(self, rows: NDArray[np.intp], room: int, first: "_First") -> NDArray[np.intp]:
        pool = self._uncertain(rows, room, first)[: POOL * room]
        lead = self.margin[pool]
        found = clusters(self.candidates.embedding[pool], room, 1.01 - lead, self.rng)
        order = np.lexsort((lead, found.label))
        heads = order[np.unique(found.label[order], return_index=True)[1]]
        return pool[heads[np.argsort(lead[heads], kind="stable")]]


_First = Callable[[NDArray[np.intp]], NDArray[np.intp]]
_Part = Callable[[NDArray[np.intp], int, _First], NDArray[np.intp]]

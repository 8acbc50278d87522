"""How differently a release decides from the best one before it, edge by edge: for its roll-out.

Counted on the observations that the gate saw, so that whatever happens to the release afterwards is
not in it.
"""

from collections.abc import Iterable, Mapping

import msgspec

from twoloops.convergence.turns.anchor import best_digest, best_release
from twoloops.convergence.turns.evidence import evidence_of
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import Candidate, TurnState
from twoloops.records.digests import Digest

DIFFERENCES = "differences by edge"
"""Evidence: of a turn's release."""


class Weighed(msgspec.Struct, frozen=True):
    """On how much two models decide differently, each observation by 1 / capture probability.

    Args:
        differed: Weight of the observations on which they do.
        weight: Of all.
        squares: Sum of all squared weights.
    """

    differed: float = 0.0
    weight: float = 0.0
    squares: float = 0.0

    @property
    def share(self) -> float:
        """Share in [0, 1]; 0 of nothing."""
        return self.differed / self.weight if self.weight else 0.0

    @property
    def count(self) -> int:
        """Kish's effective number: unequal weights tell less than equal ones."""
        return int(self.weight**2 / self.squares) if self.squares else 0


class Differences(msgspec.Struct, frozen=True):
    """Of a release and the best one before it, by edge.

    Args:
        over: The best one before.
        by_edge: What came from each edge in the turn.
    """

    over: Digest
    by_edge: dict[str, Weighed]


def weighed(seen: Iterable[tuple[str, float, bool]]) -> dict[str, Weighed]:
    """Sum up observations, each its edge, its capture probability and whether two models differ.

    >>> weighed([("a", 1.0, True), ("a", 0.5, False)])
    {'a': Weighed(differed=1.0, weight=3.0, squares=5.0)}
    """
    found: dict[str, Weighed] = {}
    for edge, probability, differs in seen:
        one, weight = found.get(edge, Weighed()), 1 / probability
        found[edge] = Weighed(
            one.differed + weight * differs, one.weight + weight, one.squares + weight**2
        )
    return found


def pooled(by_edge: Mapping[str, Weighed], edges: Iterable[str]) -> Weighed:
    """Return the sum over edges; those that nothing is known of count nothing."""
    known = [by_edge[one] for one in edges if one in by_edge]
    return Weighed(
        sum(one.differed for one in known),
        sum(one.weight for one in known),
        sum(one.squares for one in known),
    )


def keep_differences(loop: Loop, turn: TurnState, released: Candidate) -> None:
    """Count and keep them, where the task has edges and there is a release before."""
    if not loop.store.edges.groups(loop.task.name):
        return
    over, best = best_digest(loop, turn), best_release(loop, turn)
    evidence = evidence_of(loop, turn)
    if over is None or best is None or not evidence.observations:
        return
    differ = evidence.differ(evidence.candidate(released), best)
    by_edge = weighed(
        (one.place.edge, one.kept.probability, bool(differs))
        for one, differs in zip(evidence.observations, differ, strict=True)
    )
    loop.store.evidence.put(loop.task.name, DIFFERENCES, turn.number, Differences(over, by_edge))

"""What specialising a candidate took: kept with its turn, read where costs are asked for."""

import msgspec

from twoloops.convergence.recipes.specialise import Specialised
from twoloops.store.workspace import Store

SPENT = "spent"
"""Evidence: what the candidates of a turn took to specialise."""


class Spent(msgspec.Struct, frozen=True):
    """What one candidate took.

    Args:
        base: Name of its base.
        items: Training items.
        flop: Floating-point operations of fitting, estimated from matrix sizes.
        cpu_seconds: Of fitting, measured; the encoding of inputs is not in it.
    """

    base: str
    items: int
    flop: float
    cpu_seconds: float


def keep(store: Store, task: str, turn: int, made: Specialised, items: int) -> None:
    """Keep what a candidate of a turn took; the same base's earlier figure is replaced."""
    others = [one for one in of_turn(store, task, turn) if one.base != made.base.card.name]
    mine = Spent(made.base.card.name, items, made.fitted.operations, made.cpu_seconds)
    store.evidence.put(task, SPENT, turn, sorted([*others, mine], key=lambda one: one.base))


def of_turn(store: Store, task: str, turn: int) -> list[Spent]:
    """Return what the candidates of a turn took."""
    return store.evidence.get(task, SPENT, list[Spent], turn=turn) or []


def all_turns(store: Store, task: str) -> dict[int, list[Spent]]:
    """Return what the candidates of every turn took, by turn."""
    return store.evidence.history(task, SPENT, list[Spent])

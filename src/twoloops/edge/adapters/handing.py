"""Handing a group of inputs in until all of it is kept, each input once."""

import contextlib
import threading
from collections.abc import Callable
from typing import NamedTuple

from twoloops.edge.agent import Tally
from twoloops.edge.ports import Line
from twoloops.edge.sources import Arrival
from twoloops.records.errors import TransientError

AGAIN = 0.5
"""Seconds until inputs that could not be kept are handed in again."""


class Group(NamedTuple):
    """Inputs handed in together; the three lists are aligned.

    Args:
        keys: What the source calls each.
        arrivals: The inputs.
        marks: The source's note for each: one name for all, and a number that grows.
    """

    keys: list[str]
    arrivals: list[Arrival]
    marks: list[tuple[str, int]]

    def only(self, wanted: list[int]) -> "Group":
        """Return some of it, by index."""
        keys, arrivals, marks = self
        return Group(
            [keys[i] for i in wanted], [arrivals[i] for i in wanted], [marks[i] for i in wanted]
        )


def hand_in(
    line: Line,
    group: Group,
    stop: threading.Event,
    again: float = AGAIN,
    *,
    counting: bool = True,
    on_tally: Callable[[Group, Tally], None] = lambda group, tally: None,
) -> bool:
    """Hand a group of one source in, and what is left of it again, until all is kept.

    Args:
        line: Where to.
        group: Not empty.
        stop: Gives up.
        again: Seconds between two tries.
        counting: Whether the marks have one name and grow; otherwise each has a name of its own
            in the group, and is an exact value.
        on_tally: Told what became of the inputs of the call that succeeded.

    Returns:
        Whether all was taken; `False` where it was stopped before.
    """
    while group.arrivals and not stop.is_set():
        try:
            tally = line.observe(*group)
        except TransientError:
            group = _left(line, group, stop, again, counting)
            continue
        on_tally(group, tally)
        return True
    return not group.arrivals


def _left(line: Line, group: Group, stop: threading.Event, again: float, counting: bool) -> Group:
    """Return what is still to be handed in: a part of it may be kept by now."""
    reached: dict[str, int | None] = {}
    while not reached and not stop.wait(again):
        with contextlib.suppress(TransientError):
            reached = {name: line.taken(name) for name in {name for name, _ in group.marks}}

    def is_kept(name: str, value: int) -> bool:
        at = reached.get(name)
        return at is not None and (at >= value if counting else at == value)

    return group.only([i for i, mark in enumerate(group.marks) if not is_kept(*mark)])

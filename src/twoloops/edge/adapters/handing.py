"""Handing a group of inputs in until all of it is kept, each input once."""

import contextlib
import threading
from typing import NamedTuple

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


def hand_in(line: Line, group: Group, stop: threading.Event, again: float = AGAIN) -> bool:
    """Hand a group of one counting source in, and what is left of it again, until all is kept.

    Args:
        line: Where to.
        group: Not empty; its marks have one name and grow.
        stop: Gives up.
        again: Seconds between two tries.

    Returns:
        Whether all was taken; `False` where it was stopped before.
    """
    while group.arrivals and not stop.is_set():
        try:
            line.observe(*group)
            return True
        except TransientError:
            group = _left(line, group, stop, again)
    return not group.arrivals


def _left(line: Line, group: Group, stop: threading.Event, again: float) -> Group:
    """Return what is still to be handed in: a part of it may be kept by now."""
    reached = None
    while reached is None and not stop.wait(again):
        with contextlib.suppress(TransientError):
            reached = line.taken(group.marks[0][0]) or 0
    return group.only([i for i, (_, n) in enumerate(group.marks) if n > (reached or 0)])

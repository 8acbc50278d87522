"""What is given up when the spool's share of the disk is full: pure, so the policy is a table.

Routine observations go first, then the audit sample, then what is uncertain or novel (where an
escape is suspected); within each, the earliest first. The audit sample is a tenth of the routine
ones, drawn by a hash of edge, epoch and number: it stays a random sample whatever is dropped.
"""

import hashlib
from collections.abc import Sequence
from typing import Literal

from twoloops.edge.spoolrows import Held
from twoloops.records.digests import canonical

Priority = Literal["suspected", "audit", "routine"]
ORDER: tuple[Priority, ...] = ("routine", "audit", "suspected")
"""What is dropped first."""

AUDIT = 0.1
"""Share of the routine observations that is kept longer."""

LOW = 0.9
"""Down to this share of the limit is dropped, so that it is not looked again for each one."""


def priority(edge: str, epoch: str, held: Held) -> Priority:
    """Return what an observation is kept for."""
    if held.reason != "routine":
        return "suspected"
    word = hashlib.sha256(canonical(("audit", edge, epoch, held.counter))).digest()
    return "audit" if word[0] < AUDIT * 256 else "routine"


def to_drop(
    edge: str, epoch: str, held: Sequence[Held], limit: int
) -> list[tuple[Priority, list[int]]]:
    """Return the numbers to drop, by priority, so that the rest fits.

    Laws: nothing is dropped while all fits; afterwards the rest has at most `LOW` of the limit; of
    a priority something is dropped only where nothing of a lower one is left, and then the
    earliest.

    Args:
        edge: The edge's name.
        epoch: Of its spool.
        held: What lies there, by number.
        limit: Bytes it may have.
    """
    size = sum(one.size for one in held)
    if size <= limit:
        return []
    groups: dict[Priority, list[Held]] = {name: [] for name in ORDER}
    for one in held:
        groups[priority(edge, epoch, one)].append(one)
    found: list[tuple[Priority, list[int]]] = []
    for name in ORDER:
        numbers = []
        for one in groups[name]:
            if size <= LOW * limit:
                break
            numbers.append(one.counter)
            size -= one.size
        if numbers:
            found.append((name, numbers))
    return found

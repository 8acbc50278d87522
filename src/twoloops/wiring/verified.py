"""The journal's chain, verified by a process that is asked often: each time what is new."""

import math
import time
from collections.abc import Callable

from twoloops.records.digests import Digest
from twoloops.records.journal import GENESIS
from twoloops.store.workspace import Store

WHOLE = 600.0
"""Seconds after which the whole chain is verified again: only so is a changed old fact noticed."""


class Verified:
    """How far the chain was found whole; what was found broken is looked at whole each time.

    Args:
        clock: Seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # Two threads may look at once; each keeps a state of its own that holds.
        self._known: tuple[tuple[int, Digest], float] = ((0, GENESIS), -math.inf)

    def problems(self, store: Store) -> tuple[str, ...]:
        """Return what is wrong with the chain, a sentence each; nothing when it is whole."""
        (known, since), now = self._known, self._clock()
        head = store.journal.head()  # whatever comes meanwhile is looked at next time again
        if known[0] and now - since < WHOLE and not store.journal.verify(after=known):
            self._known = head, since
            return ()
        found = tuple(store.journal.verify())
        self._known = ((0, GENESIS), -math.inf) if found else (head, now)
        return found


def problems(store: Store, verified: Verified | None) -> tuple[str, ...]:
    """Return what is wrong with the chain; without a memory of it, by looking at every fact."""
    return tuple(store.journal.verify()) if verified is None else verified.problems(store)

"""How often one may ask: token buckets, one for each who asks.

A bucket holds `burst` requests and fills by `rate` a second. Law: within any t seconds nobody is
let through more than `burst + rate · t` times.
"""

from collections.abc import Callable
from time import monotonic

MOST = 10_000
"""Buckets remembered; full ones are forgotten first, for they say nothing."""


class Rate:
    """Buckets by name.

    Args:
        rate: Requests a second that are let through in the long run; 0 lets all through.
        burst: Requests at once.
        clock: Seconds that only grow.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float] = monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> float:
        """Take one; returns 0, or in how many seconds the next one will be there.

        >>> now = iter([0.0, 0.0, 0.0, 0.5]).__next__
        >>> rate = Rate(2.0, 2.0, now)
        >>> [rate.take("a") for _ in range(4)]
        [0.0, 0.0, 0.5, 0.0]
        """
        if self._rate <= 0:
            return 0.0
        at = self._clock()
        left = self._filled(name, at)
        if left < 1:
            self._left[name] = (left, at)
            return (1 - left) / self._rate
        if len(self._left) >= MOST and name not in self._left:
            self._forget(at)
        self._left[name] = (left - 1, at)
        return 0.0

    def _filled(self, name: str, at: float) -> float:
        left, since = self._left.get(name, (self._burst, at))
        return min(self._burst, left + (at - since) * self._rate)

    def _forget(self, at: float) -> None:
        kept = {n: one for n, one in self._left.items() if self._filled(n, at) < self._burst}
        # So many at once that none is full again: the earliest half goes, or memory would.
        self._left = kept if len(kept) < MOST else dict(list(kept.items())[MOST // 2 :])

"""How long to wait after a failure: longer each time, never all at once, as long as told to."""

from collections.abc import Callable

FIRST, LONGEST = 0.5, 300.0
"""Seconds: what the first wait may last, and every later one."""


class Backoff:
    """Full jitter: each wait is drawn from zero to a bound that doubles with every failure.

    Law: a wait is at least what the server asked for, and beyond that at most the bound, which is
    at most `longest`.

    Args:
        draw: Returns a number from [0, 1).
        first: Seconds: the bound of the first wait.
        longest: Seconds: what no bound exceeds, nor what a server may ask for.
    """

    def __init__(
        self, draw: Callable[[], float], *, first: float = FIRST, longest: float = LONGEST
    ) -> None:
        self._draw, self._first, self._longest = draw, first, longest
        self.failures = 0

    def failed(self, asked: float = 0.0) -> float:
        """Return how many seconds to wait now; `asked` is the server's Retry-After."""
        bound = min(self._longest, self._first * 2.0 ** min(self.failures, 40))
        self.failures += 1
        return min(max(asked, 0.0), self._longest) + self._draw() * bound

    def succeeded(self) -> None:
        """Begin anew."""
        self.failures = 0

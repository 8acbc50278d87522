"""A device's memory: threads share one heap, and what a busy time has left goes back.

Both concern glibc alone, whose defaults give each thread a heap of its own that only grows. An idle
edge with a picture model takes a seventh less (benchmarks/load.py).
"""

import ctypes
import sys
from typing import Any

_M_ARENA_MAX = -8


def share_one_heap() -> None:
    """Let all threads allocate from one heap; to be called before there are any."""
    _call("mallopt", _M_ARENA_MAX, 1)


def give_back() -> None:
    """Return free memory to the system; takes milliseconds."""
    _call("malloc_trim", 0)


def _call(name: str, *arguments: int) -> None:
    if sys.platform != "linux":
        return
    function: Any = getattr(ctypes.CDLL(None), name, None)  # other C libraries have none
    if function is not None:
        function(*arguments)

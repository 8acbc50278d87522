"""The memory of a process, by the C library: a device gives back what it can, a server keeps it.

All of it concerns glibc alone. Its defaults give each thread a heap of its own that only grows: an
idle edge with a picture model takes a seventh less without. And they return each large block to
the system at once: a server that takes in batches of 4 MB then spends a tenth of its time on fresh
pages. Both were seen by running benchmarks/load.py with and without.
"""

import ctypes
import sys
from typing import Any

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_KEPT = 64 << 20
_LARGE = 16 << 20


def share_one_heap() -> None:
    """Let all threads allocate from one heap; to be called before there are any."""
    _call("mallopt", _M_ARENA_MAX, 1)


def give_back() -> None:
    """Return free memory to the system; takes milliseconds."""
    _call("malloc_trim", 0)


def keep_freed() -> None:
    """Use memory that was freed again, up to 64 MB of it, instead of returning it."""
    _call("mallopt", _M_TRIM_THRESHOLD, _KEPT)
    _call("mallopt", _M_MMAP_THRESHOLD, _LARGE)


def _call(name: str, *arguments: int) -> None:
    if sys.platform != "linux":
        return
    function: Any = getattr(ctypes.CDLL(None), name, None)  # other C libraries have none
    if function is not None:
        function(*arguments)

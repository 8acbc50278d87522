"""Memory that a busy time has left goes back to the system: devices have little."""

import ctypes
import sys


def give_back() -> None:
    """Return free memory to the system, where the C library can (glibc); takes milliseconds."""
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
    if trim is not None:
        trim(0)

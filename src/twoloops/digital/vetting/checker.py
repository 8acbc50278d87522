"""The field's own ONNX checker, in a process of its own with caps on its memory and time.

It is native code reading a hostile file: should it crash or never end, this process does not.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from twoloops.digital.vetting.limits import Limits

Checker = Callable[[Path, Limits], str | None]
"""Return what is wrong with the ONNX file at a path, or `None`."""

SCRIPT = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (int(sys.argv[2]), int(sys.argv[2]) + 5))
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[3]), int(sys.argv[3])))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
import onnx
try:
    onnx.checker.check_model(sys.argv[1])
except Exception as error:
    print(type(error).__name__ + ": " + str(error)[:2000], file=sys.stderr)
    sys.exit(3)
"""


def check_apart(path: Path, limits: Limits) -> str | None:
    """Run `onnx.checker` on the path, not on the bytes: so that it checks the data outside too."""
    words = [sys.executable, "-I", "-c", SCRIPT, str(path)]
    words += [str(limits.checker_seconds), str(limits.checker_bytes)]
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=4 * limits.checker_seconds,
            stdin=subprocess.DEVNULL,
            cwd=path.parent,
        )
    except subprocess.TimeoutExpired:
        return f"it did not end within {4 * limits.checker_seconds} s"
    if done.returncode == 0:
        return None
    if done.returncode < 0:
        return f"it was killed by signal {-done.returncode}"
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return (lines or ["it failed without a word"])[0 if done.returncode == 3 else -1]

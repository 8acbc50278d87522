"""A walk of the documents, run small: every command of it, in real processes."""

import os
import subprocess
import sys
from pathlib import Path

import twoloops

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def walked(script: str) -> str:
    """Run a walk to its end, and return what it printed."""
    source = str(Path(twoloops.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / script), "--small"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

"""The walk of docs/walk.md runs: every command of it, with few photos, in real processes."""

import os
import subprocess
import sys
from pathlib import Path

import twoloops

WALK = Path(__file__).parent.parent / "benchmarks" / "walk.py"


def test_the_walk_goes_from_photos_to_decisions() -> None:
    source = str(Path(twoloops.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, str(WALK), "--small"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "answers at the page" in done.stdout
    assert "twoloops decide today/" in done.stdout

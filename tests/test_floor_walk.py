"""The walk of docs/floor-walk.md runs: server and edges in real processes, with few orders."""

import os
import subprocess
import sys
from pathlib import Path

import twoloops

WALK = Path(__file__).parent.parent / "benchmarks" / "floor_walk.py"


def test_the_walk_goes_from_an_empty_workspace_to_an_edge_that_went_back() -> None:
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
    assert "answers for the second release" in done.stdout
    assert "twoloops edge rollback" in done.stdout
    assert "all stored once" in done.stdout

"""The committed tables are what the script writes from the published files."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import twoloops

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "build_atlas.py"


def run(*words):
    source = str(Path(twoloops.__file__).parents[1])
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": source},
        timeout=240,
        check=False,
    )


@pytest.mark.data
def test_the_committed_tables_are_what_the_script_writes():
    data = os.environ.get("TWOLOOPS_DATA")
    if not data or not (Path(data) / "atlas").is_dir():
        pytest.skip("TWOLOOPS_DATA names no folder with the published files")
    done = run(Path(data) / "atlas", "--check")
    assert (done.stdout, done.returncode) == ("all tables are current\n", 0), done.stderr


def test_a_folder_without_the_files_is_refused_by_name(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 2
    assert "lacks epoch/all_ai_models_2025-04.csv" in done.stderr
    assert "name a folder that has them" in done.stderr

"""SIGKILL at random points: the replay resumes, and ends as an undisturbed one does.

`CHAOS_KILLS=50` makes it longer; `CHAOS_SEED` repeats a run.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from twoloops.store.workspace import Store

KILLS = int(os.environ.get("CHAOS_KILLS", "4"))


def facts(folder: Path) -> dict[str, object]:
    """Everything a replay decided, without the times at which it did."""
    with Store.open(folder / "store", create=False) as store:
        name = store.tasks.all()[0].name
        assert store.journal.verify() == []
        assert store.marks.gaps() == []
        return {
            "datasets": store.datasets.of_task(name),
            "models": [model.digest for model in store.models.of_task(name)],
            "releases": [(one.turn, one.model) for one in store.releases.all(name)],
            "observations": [one.place for one in store.observations.of_task(name)],
            "questions": store.questions.of_task(name),
            "labels": store.labels.count(name),
            "costs": store.journal.costs(name),
            "journal": [(fact.kind, fact.turn, fact.key) for fact in store.journal.facts()],
        }


@pytest.mark.skipif(not hasattr(os, "fork"), reason="lives are forks")
def test_a_killed_replay_ends_like_an_undisturbed_one(replayed, tmp_path, environment) -> None:
    words = ["replay", str(replayed / "history.csv"), "--normal", "ok", "--turns", "2"]
    words += ["--seed-size", "30", "--labels-per-turn", "8", "--quiet", "--out"]
    calm, disturbed = replayed / "replay", tmp_path / "disturbed"
    took = (calm / "result.json").stat().st_mtime - (calm / "replay.json").stat().st_mtime
    done = subprocess.run(
        [
            sys.executable,
            Path(__file__).with_name("chaos.py"),
            str(KILLS),
            # The arm that is kept runs first: kills in that part of the time matter most.
            str(0.4 * took),
            *words,
            str(disturbed),
        ],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    # How many kills fit into the run depends on what else the machine does meanwhile.
    assert int(done.stdout.rsplit("killed ", 1)[1]) >= 1
    assert facts(disturbed) == facts(calm)
    once, often = (
        json.loads((folder / "result.json").read_bytes()) for folder in (calm, disturbed)
    )
    for key in ("loops", "loops_without_gate", "turns", "neither", "everything", "edges"):
        assert once[key] == often[key], key

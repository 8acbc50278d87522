"""`twoloops drift`: the report, the row in `status`, the turn that an alarm opens."""

import json
from pathlib import Path

import pytest
from drifting import NAME, STRANGE, bring, released, texts

from twoloops.cli import main
from twoloops.convergence.turns.policy import Policy
from twoloops.records.task import Task
from twoloops.store.workspace import Store


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str], tmp_path: Path):  # type: ignore[no-untyped-def]
    def run(*words: str) -> str:
        with pytest.raises(SystemExit) as stop:
            main.run([*words, "--workspace", str(tmp_path)])
        assert stop.value.code == 0
        return capsys.readouterr().out

    return run


def test_an_alarm_is_reported_kept_and_opens_a_turn(told, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    with Store.open(tmp_path) as store:
        released(store, tmp_path, Policy(models=False, seed_labels=40, labels_per_turn=10))
        bring(store, tmp_path, texts(150, 3, STRANGE))
    assert "not looked for since the release" in told("status")
    said = " ".join(told("drift").split())
    assert said.startswith(f"{NAME}: DRIFT: ")
    assert "CHANGED" in said
    assert "150 observations since the release of turn 0" in said
    assert "chance of any false alarm, over all looks at this release: 0.05" in said.replace(
        "\n", " "
    )
    assert "Turn 1" not in said
    assert "drift: inputs" in " ".join(told("status").split())

    told("task", "set", "--drift-opens", "turn", "--drift-budget", "0.02")
    assert "a turn (budget of false alarms: 0.02)" in told("task", "show")
    one = json.loads(told("drift", NAME, "--json"))["tasks"][0]
    assert (one["verdict"], one["opened"]) == ("drift", 1)
    assert {part["kind"] for part in one["finding"]["parts"]} == {
        "inputs",
        "decisions",
        "audit error",
    }
    assert json.loads(told("drift", "--json"))["tasks"][0]["opened"] is None
    assert json.loads(told("status", "--json"))["tasks"][0]["drift"]["budget"] == 0.02


def test_nothing_to_look_at_is_said(told, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    Store.open(tmp_path).close()
    assert "no task yet" in told("drift")
    with Store.open(tmp_path) as store:
        store.tasks.put(Task(NAME, "text", ("leak", "ok"), normal="ok"))
    assert told("drift") == f"{NAME}: unknown: nothing is deployed yet.\n"

"""`twoloops rollout …` and `twoloops revoke`, as people call them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rolling import TASK, Plant, release

from twoloops.records.digests import short
from twoloops.wiring import trust

AT = datetime.now(UTC) - timedelta(hours=2)


@pytest.fixture
def plant(tmp_path: Path):
    made = Plant(tmp_path / "ws", AT)
    yield made
    made.store.close()


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_roll_out_is_shown_paused_resumed_aborted_and_started_again(call, plant) -> None:
    at = ["-w", plant.folder]
    assert "Nothing was rolled out yet" in call("rollout", "status", *at).out
    assert "no roll-out of task 'fan' is open" in call("rollout", "abort", "--why", "x", *at).err
    old = release(plant.store, 1, AT)
    trust.publish(plant.folder, plant.store, AT)
    new = release(plant.store, 2, AT)
    assert plant.look()
    shown = call("rollout", "status", *at).out
    assert f"{short(new)}, of turn 2, after {short(old)}" in shown
    assert "running, stage 1 of 3 (shadow)" in flat(shown)
    assert "stage opened: shadow on a, b" in shown
    one = json.loads(call("rollout", "status", "--json", *at).out)["rollouts"][0]
    assert (one["status"], one["kind"], one["groups"]) == ("running", "shadow", ["a", "b"])
    assert f"{short(new)}: running, stage 1 of 3" in flat(call("status", *at).out)
    assert "paused" in call("rollout", "pause", "--why", "holiday", *at).out
    assert call("rollout", "pause", "--why", "again", *at).code == 2
    assert "holiday" in call("rollout", "status", *at).out
    done = json.loads(call("rollout", "resume", "--why", "back", "--json", *at).out)
    assert (done["status"], [one["what"] for one in done["moves"]][-2:]) == (
        "running",
        ["paused", "resumed"],
    )
    assert call("rollout", "abort", *at).code == 2
    assert "aborted" in call("rollout", "abort", "--why", "line 4 is rebuilt", *at).out
    assert plant.assigned()["a"] == (old, "full")
    assert call("rollout", "start", short(new)[:8], "--why", "line 4 is back", *at).code == 0
    assert plant.store.releases.deployed(TASK).model == new
    assert call("rollout", "status", "--task", "pump", *at).code == 2


def test_a_plan_is_shown_and_set_from_a_file(call, plant, tmp_path: Path) -> None:
    at = ["-w", plant.folder]
    shown = call("rollout", "plan", *at).out
    assert "wave * 24 h + 5 pts gate's + 5 % 5 % 200 inputs, or 20 after 48 h 8 labels" in flat(
        shown
    )
    given = json.loads(call("rollout", "plan", "--json", *at).out)
    given["stages"][0]["least"]["hours"] = 5
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(given))
    assert "shadow * 5 h " in flat(call("rollout", "plan", "--set", file, *at).out)
    file.write_text('{"stages": []}')
    assert "at once" in call("rollout", "plan", "--set", file, *at).out
    file.write_text('{"stages": [{"kind": "shadow", "rose": 1}]}')
    refused = call("rollout", "plan", "--set", file, *at)
    assert refused.code == 2
    assert "this is no plan of a roll-out" in refused.err
    assert "cannot read" in call("rollout", "plan", "--set", tmp_path / "none", *at).err


def test_revoking_says_what_is_replaced_and_that_edges_are_told(call, plant) -> None:
    first = release(plant.store, 1, AT)
    trust.publish(plant.folder, plant.store, AT)
    second = release(plant.store, 2, AT)
    assert plant.look()
    for model in (first, second):
        plant.store.lineage.node(model, "model", model[:12])
    plant.store.lineage.edge(second, first, "distilled from")
    told = call("revoke", short(first), "--reason", "wrong labels", "-w", plant.folder).out
    assert f"Model {short(second)} was made from it, and is revoked with it." in told
    assert "nothing is deployed, its edges take the fail-safe" in flat(told)
    assert "edges follow when they next ask" in flat(told)
    assert plant.assigned() == {}

"""`twoloops why`: from a replay's workspace, an adopted model, a workspace of one's own."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from plant import Plant

from twoloops.convergence.replays.outcome import ReplayResult
from twoloops.records.digests import short
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring.overview import overview_of
from twoloops.wiring.workspace import writing

Call = Callable[..., Any]


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_real_process_says_why_and_the_same_as_json(
    real: Call, plant: Plant, tmp_path: Path
) -> None:
    shutil.copytree(plant.folder, tmp_path / "w")
    done = real("why", "-w", "w")
    assert (done.code, done.err) == (0, "")
    with Store.open(tmp_path / "w") as store:
        release = store.releases.deployed("orders")
        verdict = release.verdict
    out = flat(done.out)
    assert out.startswith(
        f"Model {short(release.model)} on builtin/char-ngram was released for task 'orders' in "
        f"turn {release.turn}."
    )
    for check in verdict.checks:
        assert f"ok {check.name}: {check.detail}" in out
    assert "in use now" in out
    assert "labels by person:ann" in out
    assert max(map(len, done.out.splitlines())) <= 80
    found = json.loads(real("why", "-w", "w", "--json").out)
    assert found["candidate"]["verdict"] == json.loads(msgspec.json.encode(verdict))
    assert found["deployed"] is True
    assert found["cost"]["labels"] > 0


def test_turns_digests_and_what_names_nothing(call: Call, plant: Plant) -> None:
    with Store.open(plant.folder) as store:
        first = store.releases.all("orders")[0]
    at = ["-w", plant.folder]
    by_turn = call("why", "turn", 0, *at)
    assert by_turn.code == 0
    assert call("why", short(first.model), *at).out == by_turn.out
    assert "1/p" in by_turn.out
    opened = call("why", "turn", 3, *at)
    assert "Turn 3 of 'orders' is open: nothing was judged yet." in flat(opened.out)
    for words, told in (
        (["turn", 7], "task 'orders' has no turn 7: there are 0 to 3"),
        (["12"], "'12' names no model: give deployed , turn N , or 4 or more digits"),
        (["--task", "none"], "no task 'none'"),
    ):
        refused = call("why", *words, *at)
        assert refused.code == 2
        assert told in flat(refused.err)


def test_several_tasks_need_a_name_but_for_a_digest(
    call: Call, plant: Plant, tmp_path: Path
) -> None:
    shutil.copytree(plant.folder, tmp_path / "w")
    with writing(tmp_path / "w") as store:
        store.tasks.put(Task("other", "text", ("a", "b")))
        model = store.releases.deployed("orders").model
    at = ["-w", tmp_path / "w"]
    refused = call("why", *at)
    assert refused.code == 2
    assert "name the task of 'deployed' with --task" in flat(refused.err)
    assert call("why", short(model), *at).code == 0
    none = call("why", "--task", "other", *at)
    assert "no model of task 'other' is released yet" in flat(none.err)


def test_a_workspace_from_a_replay_keeps_what_it_measured(
    call: Call, replayed: Path, tmp_path: Path
) -> None:
    at = tmp_path / "first"
    assert call("init", at, "--from-replay", replayed / "replay").code == 0
    result = msgspec.json.decode(
        (replayed / "replay" / "result.json").read_bytes(), type=ReplayResult
    )
    with Store.open(at) as store:
        (task,) = overview_of(store).tasks
    assert task.measured.loops == result.loops
    assert task.measured.loops_without_gate == result.loops_without_gate
    assert (task.measured.source, task.measured.turns) == (result.source, len(result.turns))
    for number in range(len(task.turns)):
        done = call("why", "turn", number, "-w", at)
        assert done.code == 0, done.err
        assert "history" in done.out or "judged nothing" in flat(done.out)


def test_an_adopted_model_says_that_a_person_deployed_it(
    call: Call, replayed: Path, tmp_path: Path
) -> None:
    first, second, out = tmp_path / "first", tmp_path / "second", tmp_path / "out"
    call("init", first, "--from-replay", replayed / "replay")
    assert call("publish", "deployed", out, "--no-sign", "-w", first).code == 0
    call("init", second)
    at = ["--task", "presses", "-w", second]
    assert call("adopt", out, *at, "--deploy", "--reason", "same press").code == 0
    done = call("why", *at)
    assert done.code == 0, done.err
    told = flat(done.out)
    assert "A person deployed model" in told
    assert "deployed by a person, not by the gate: same press" in told
    assert "a person, without the gate" in told
    with Store.open(second) as store:
        (task,) = overview_of(store).tasks
    assert task.deployed.person
    assert (task.turns, task.curve) == ((), ())
    assert task.returns.points == ()

"""Publish, verify, adopt, revoke: a model on its way to another workspace, and out of use."""

import csv
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from twoloops.digital.publish.sidecar import Sidecar, read
from twoloops.records.obligations import Carried, Obligation
from twoloops.store.workspace import Store
from twoloops.wiring import publishing

Call = Callable[..., Any]
WORDS = ("leak", "oil", "hose", "crack", "bent", "service", "grease", "bucket", "arm", "pump")


def flat(words: str) -> str:
    return " ".join(words.split())


@pytest.fixture
def workspace(call: Call, replayed: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "first"
    done = call("init", folder, "--from-replay", replayed / "replay")
    assert done.code == 0, done.err
    return folder


@pytest.fixture
def key(call: Call, tmp_path: Path) -> Path:
    assert call("publish", "--new-key", tmp_path / "acme").code == 0
    return tmp_path / "acme"


@pytest.fixture
def folder(call: Call, workspace: Path, key: Path, tmp_path: Path) -> Path:
    done = call("publish", "deployed", tmp_path / "out", "--key", key, "-w", workspace)
    assert done.code == 0, done.err
    return tmp_path / "out"


def deployed(call: Call, workspace: Path) -> str | None:
    (task,) = json.loads(call("status", "-w", workspace, "--json").out)["tasks"]
    model: str | None = task["deployed"] and task["deployed"]["model"]
    return model


def orders(path: Path, count: int) -> Path:
    draw = random.Random(11)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text"])
        writer.writerows([f"{' '.join(draw.choices(WORDS, k=4))} {n}"] for n in range(count))
    return path


def test_the_round_trip_with_real_processes(real: Call, replayed: Path, tmp_path: Path) -> None:
    first, second, out = tmp_path / "first", tmp_path / "second", tmp_path / "out"
    assert real("init", first, "--from-replay", replayed / "replay").code == 0
    assert real("publish", "--new-key", "acme").code == 0
    done = real(
        "publish", "deployed", out, "--key", "acme", "--publisher", "Acme", "-w", first, "--json"
    )
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert said["signed"] is True

    copy = shutil.copytree(out, tmp_path / "elsewhere" / "copy")
    checked = real("verify", copy, "--key", "acme.pub", "--json")
    assert checked.code == 0, checked.out
    assert json.loads(checked.out)["failures"] == 0

    assert real("init", second).code == 0
    words = ["adopt", copy, "--task", "presses", "--key", "acme.pub", "-w", second]
    taken = real(*words, "--deploy", "--reason", "same press, other plant", "--json")
    assert taken.code == 0, taken.err
    assert json.loads(taken.out)["deployed"] is True

    source = orders(tmp_path / "orders.csv", 60)
    texts = "\n".join(line for line in source.read_text().splitlines()[1:])
    mine = json.loads(real("decide", "-", "--json", "-w", first, stdin=texts).out)
    theirs = json.loads(real("decide", "-", "--json", "-w", second, stdin=texts).out)
    assert len(mine["decisions"]) == 60
    assert mine == theirs  # label, probabilities, threshold, novelty: JSON keeps every bit
    assert real("ingest", source, "--task", "presses", "-w", second).code == 0
    by_input = {one["input"]: one for one in theirs["decisions"]}
    assert len(by_input) == 60
    with Store.open(second, create=False) as store:
        kept = store.observations.of_task("presses")
        assert kept
        for one in kept:
            text = store.inputs.get(one.input).decode()
            number = texts.splitlines().index(text) + 1
            assert one.decision is not None
            told = by_input[f"stdin {number}"]
            assert one.decision.label == told["label"]
            assert one.decision.novelty == told["novelty"]
            labels = theirs["labels"]
            assert (
                dict(zip(labels, one.decision.probabilities, strict=True))
                == (told["probabilities"])
            )


def test_a_persons_release_says_so_and_is_said_once(
    call: Call, folder: Path, key: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second"
    call("init", second)
    at = ["--task", "presses", "-w", second]
    kept = call("adopt", folder, *at)
    assert kept.code == 0, kept.err
    assert "It is not deployed." in kept.out
    assert "Signature not checked" in kept.out
    assert deployed(call, second) is None
    for _ in range(2):
        assert call("adopt", folder, *at, "--deploy", "--reason", "same press").code == 0
    assert deployed(call, second) is not None
    with Store.open(second, create=False) as store:
        kinds = [fact.kind for fact in store.journal.facts()]
        (release,) = store.releases.all("presses")
        parents = {one.kind for one in store.lineage.ancestors(release.model)}
    assert kinds == ["model adopted", "deployed by a person"]
    assert release.verdict.reason == "deployed by a person, not by the gate: same press"
    assert [(one.name, one.passed) for one in release.verdict.checks] == [("gate", False)]
    assert parents == {"base", "dataset"}
    (task,) = json.loads(call("status", "-w", second, "--json").out)["tasks"]
    assert "not by the gate" in task["deployed"]["evidence"]["reason"]
    alone = call("adopt", folder, *at, "--deploy")
    assert alone.code == 2
    assert "needs both  --deploy  and  --reason TEXT" in alone.err


def test_a_changed_folder_and_a_task_it_does_not_fit_are_not_taken_in(
    call: Call, folder: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second"
    call("init", second)
    call(
        "task",
        "add",
        "waves",
        "--kind",
        "signal",
        "--shape",
        "2,8",
        "--labels",
        "a,b",
        "-w",
        second,
    )
    call("task", "add", "others", "--kind", "text", "--labels", "a,b", "-w", second)
    wrong = call("adopt", folder, "--task", "waves", "-w", second)
    assert wrong.code == 2
    assert "the model decides on texts, and task 'waves' on signals of (2, 8)" in wrong.err
    wrong = call("adopt", folder, "--task", "others", "-w", second)
    assert wrong.code == 2
    assert "and task 'others' has ['a', 'b'] with none: name another --task" in wrong.err
    wrong = call("adopt", folder, "--task", "a/b", "-w", second)
    assert wrong.code == 2
    assert "a task's name is made of letters, digits, - _ and . only: got 'a/b'" in wrong.err
    (folder / "model.onnx").write_bytes(b"x" + (folder / "model.onnx").read_bytes()[1:])
    wrong = call("adopt", folder, "--task", "presses", "-w", second)
    assert wrong.code == 2
    assert "is not taken in: model.onnx: was changed" in wrong.err
    checked = call("verify", folder)
    assert checked.code == 1
    assert "1 check failed: do not use it." in checked.out
    with Store.open(second, create=False) as store:
        assert store.tasks.find("presses") is None
        assert store.journal.facts() == []


def test_what_goes_with_it_is_refused_with_its_path_until_a_person_settles_it(
    call: Call, workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = Carried(
        Obligation("unknown", "licence not stated", "card", needs=("publish",)), ("model", "base")
    )
    carried = [needs]
    monkeypatch.setattr(publishing, "obligations_of", lambda *_: tuple(carried))
    words = ["publish", "deployed", tmp_path / "out", "--no-sign", "-w", workspace]
    done = call(*words)
    assert done.code == 2
    assert "is not ready for 'publish': (1) unknown: licence not stated (card); path: model" in (
        flat(done.err)
    )
    assert "--confirm TEXT" in done.err
    assert not (tmp_path / "out").exists()
    assert call(*words, "--for", "internal").code == 0
    said = call(*words, "--force", "--confirm", "the author wrote on 3 May: MIT")
    assert said.code == 0, said.err
    sidecar = read((tmp_path / "out" / "twoloops.json").read_bytes())
    assert sidecar.obligations[0].confirmed is not None
    assert sidecar.confirmed == "the author wrote on 3 May: MIT"
    assert "the author wrote on 3 May: MIT" in (tmp_path / "out" / "NOTICE").read_text()
    against = Obligation("research-only", "no other use", "card", against=("publish",))
    carried.append(Carried(against, ("model", "base", "older")))
    done = call(*words, "--force", "--confirm", "yes")
    assert done.code == 2
    assert "research-only: no other use (card); path: model → base → older" in flat(done.err)
    assert "use another base" in done.err


def test_what_an_adopted_model_carries_goes_on_with_it(
    call: Call, folder: Path, tmp_path: Path
) -> None:
    limit = Carried(
        Obligation("use-limit", "no weapons", "card", needs=("publish",)), ("press", "base")
    )
    old = read((folder / "twoloops.json").read_bytes())
    from twoloops.digital.publish.sidecar import text

    said: Sidecar = msgspec.structs.replace(old, obligations=(*old.obligations, limit))
    (folder / "twoloops.json").write_bytes(text(said))
    (folder / "model.sig").unlink()
    second = tmp_path / "second"
    call("init", second)
    assert call("adopt", folder, "--task", "presses", "-w", second).code == 0
    done = call("publish", said.model[7:19], tmp_path / "on", "--no-sign", "-w", second)
    assert done.code == 2
    assert "use-limit: no weapons (card); path:" in flat(done.err)
    assert "press → base" in flat(done.err)


def test_revoking_goes_back_to_the_release_before_and_stays(
    call: Call, workspace: Path, key: Path, tmp_path: Path
) -> None:
    last = deployed(call, workspace)
    assert last is not None
    with Store.open(workspace, create=False) as store:
        (task,) = store.tasks.all()
        earlier = [one.model for one in store.releases.all(task.name) if one.model != last]
    at = ["-w", workspace]
    word = call("revoke", "deployed", "--reason", "x", *at)
    assert word.code == 2
    assert "name the model by the first digits" in word.err
    done = json.loads(call("revoke", last[7:19], "--reason", "wrong labels", *at, "--json").out)
    before = earlier[-1] if earlier else None
    assert done["replaced"] == [{"task": task.name, "instead": before, "was": last}]
    assert last in {one["model"] for one in done["releases"]}
    assert deployed(call, workspace) == before
    again = json.loads(call("revoke", last[7:19], "--reason", "other", *at, "--json").out)
    assert (again["before"], again["reason"], again["replaced"]) == (True, "wrong labels", [])
    for words in (["export", last[7:19], tmp_path / "a"],
                  ["publish", last[7:19], tmp_path / "b", "--key", key]):  # fmt: skip
        refused = call(*words, *at)
        assert refused.code == 2
        assert "(wrong labels): it is not " in refused.err
    for model in set(earlier):
        call("revoke", model[7:19], "--reason", "all of them", *at)
    assert deployed(call, workspace) is None
    assert "no model of task" in call("decide", "hose leak", *at).err
    assert call("revoke", last[7:19], "--reason", " ", *at).code == 2


def test_an_adopted_model_that_was_revoked_is_not_taken_in_again(
    call: Call, folder: Path, tmp_path: Path
) -> None:
    second = tmp_path / "second"
    call("init", second)
    words = ["adopt", folder, "--task", "presses", "-w", second, "--deploy", "--reason", "same"]
    assert call(*words).code == 0
    model = deployed(call, second)
    assert model is not None
    assert "has no release left: nothing is deployed" in flat(
        call("revoke", model[7:19], "--reason", "cracks missed", "-w", second).out
    )
    again = call(*words)
    assert again.code == 2
    assert "(cracks missed): it is not taken in" in again.err


def test_what_was_published_is_listed_with_the_gain(
    call: Call, folder: Path, workspace: Path
) -> None:
    found = json.loads(call("publish", "--list", "-w", workspace, "--json").out)
    assert [one["signed"] for one in found["published"]] == [True]
    assert found["gain"]["bases"] == 1
    assert found["gain"]["gain"] is None
    assert "no task ever changed its base" in flat(call("publish", "--list", "-w", workspace).out)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["deployed"], "name a model and a folder"),
        (["deployed", "DIR"], "say how it is signed"),
        (["deployed", "DIR", "--no-sign", "--key", "x"], "say how it is signed"),
        (["deployed", "DIR", "--no-sign", "--for", "fun"], "--for takes one of"),
        (["beef", "DIR", "--no-sign"], "names no model"),
        (["deployed", "DIR", "--key", "none"], "cannot read the key none"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(
    call: Call, workspace: Path, tmp_path: Path, words: list[str], told: str
) -> None:
    given = [str(tmp_path / "out") if word == "DIR" else word for word in words]
    done = call("publish", *given, "-w", workspace)
    assert done.code == 2
    assert told in done.err
    assert not (tmp_path / "out").exists()


def test_verify_needs_the_bare_install_and_the_extra_sign_only(
    call: Call, folder: Path, key: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    block = (
        "import sys\n"
        "for name in ('sqlalchemy', 'onnx', 'sklearn', 'scipy', 'httpx2', 'huggingface_hub', "
        "'altair', 'pyarrow'):\n"
        "    sys.modules[name] = None\n"
        "from twoloops.cli.main import run\n"
        "run(sys.argv[1:])\n"
    )
    words = [sys.executable, "-c", block, "verify", str(folder), "--key", f"{key}.pub"]
    done = subprocess.run(
        words, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Everything looked at matches" in done.stdout

"""A workspace: init, ingest, label, turn, decide, status, export, forget, doctor."""

import csv
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from twoloops.store.lock import workspace_lock
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import now

WORDS = {
    "leak": ("leak", "oil", "drip", "hose"),
    "crack": ("crack", "broken", "split", "bent"),
    "ok": ("service", "inspect", "swap", "grease"),
}


def orders(path: Path, count: int, seed: int) -> Path:
    draw = random.Random(seed)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("text", "label"))
        for number in range(count):
            label = draw.choice(sorted(WORDS))
            writer.writerow((f"{' '.join(draw.choices(WORDS[label], k=2))} unit {number}", label))
    return path


def fill_in(path: Path) -> int:
    """Answer exported questions as a person would: by reading the text."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *lines = csv.reader(file)
    for line in lines:
        words = set(line[3].split())
        line[1] = next((label for label, own in WORDS.items() if words & set(own)), "ok")
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *lines])
    return len(lines)


@pytest.fixture
def workspace(call, replayed, tmp_path) -> Path:
    """A workspace that goes on from a replay."""
    folder = tmp_path / "ws"
    done = call("init", folder, "--from-replay", replayed / "replay")
    assert done.code == 0, done.err
    return folder


def test_a_replay_goes_on_as_a_workspace(call, workspace, tmp_path, environment) -> None:
    at = ("--workspace", workspace)
    status = json.loads(call("status", *at, "--json").out)
    (task,) = status["tasks"]
    assert (task["turn"], task["stage"]) == (2, "closed")
    assert status["journal_problems"] == []

    new = orders(tmp_path / "new.csv", 60, seed=5)
    taken = json.loads(call("ingest", new, *at, "--json").out)
    assert (taken["rows"], taken["known"], taken["period"]) == (60, 0, "turn 3")
    again = json.loads(call("ingest", new, *at, "--json").out)
    assert (again["known"], again["kept"]) == (60, 0)
    with new.open("a", encoding="utf-8") as file:
        file.write("drip hose unit 999,leak\n")
    grown = json.loads(call("ingest", new, *at, "--json").out)
    assert (grown["rows"], grown["known"]) == (61, 60)

    waits = call("turn", *at)
    assert "waits for" in waits.out
    where = f"--workspace {workspace}"
    assert f"twoloops label export FILE {where} , fill in" in " ".join(waits.out.split())
    assert f"twoloops label import FILE {where}" in " ".join(waits.out.split())
    unknown = call("turn", "none", *at)
    assert unknown.err.endswith(f"or add it with  twoloops task add {where}\n")
    questions = tmp_path / "ask.csv"
    assert call("label", "export", questions, *at).code == 0
    refused = call("label", "export", questions, *at)
    assert (refused.code, "--force" in refused.err) == (2, True)
    for _ in range(3):  # the turn may ask again to tell candidates apart
        count = fill_in(questions)
        answered = json.loads(call("label", "import", questions, *at, "--json").out)
        assert (answered["new"], answered["open"]) == (count, 0)
        closed = json.loads(call("turn", *at, "--json").out)
        if closed["closed"]:
            break
        call("label", "export", questions, *at, "--force")
    assert (closed["turn"], closed["closed"]) == (3, True)
    repeated = json.loads(call("label", "import", questions, *at, "--json").out)
    assert (repeated["new"], repeated["repeated"]) == (0, count)

    empty = call("turn", *at)
    assert (empty.code, "nothing new came in" in empty.err) == (2, True)
    status = json.loads(call("status", *at, "--json").out)
    assert status["tasks"][0]["turn"] == 3
    assert status["journal_problems"] == []
    shown = call("status", *at)
    assert all(len(line) <= 80 for line in shown.out.splitlines() if "workspace" not in line)


def test_decide_and_the_exported_model_say_the_same(call, workspace, tmp_path, environment) -> None:
    at = ("--workspace", workspace)
    words = ["hose drip oil", "broken arm", "grease"]
    here = json.loads(call("decide", *words, *at, "--json").out)
    assert [one["label"] for one in here["decisions"]] == ["leak", "crack", "ok"]
    folder = tmp_path / "model"
    assert call("export", "deployed", folder, *at).code == 0
    assert {path.name for path in folder.iterdir()} == {
        "model.onnx",
        "card.json",
        "README.md",
        "example.py",
    }
    there = json.loads(call("decide", *words, "--model", folder, "--json").out)
    assert there == here
    refused = call("export", "deployed", folder, *at)
    assert (refused.code, "--force" in refused.err) == (2, True)
    digest = json.loads((folder / "card.json").read_bytes())["model"].removeprefix("sha256:")
    assert call("export", digest[:8], folder, *at, "--force").code == 0
    unknown = call("export", "beef", folder, *at, "--force")
    assert (unknown.code, "names no model" in unknown.err) == (2, True)
    text = (folder / "README.md").read_text(encoding="utf-8")
    assert text.startswith("---\nlibrary_name: onnx\npipeline_tag: text-classification\n")
    assert len((folder / "example.py").read_text(encoding="utf-8").splitlines()) <= 20
    example = subprocess.run(
        [sys.executable, folder / "example.py", "hose drip oil"],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
        timeout=60,
    )
    assert example.stdout.startswith("leak\n")


def test_forgetting_names_what_used_it_and_the_loops_go_on(call, workspace, tmp_path) -> None:
    at = ("--workspace", workspace)
    with Store.open(workspace, create=False) as store:
        place = store.questions.of_task("history")[0].observation
    done = json.loads(call("forget", place, *at, "--json").out)
    assert str(place) in done["observations"]
    assert done["datasets"]
    assert done["deployed_models"]
    call("ingest", orders(tmp_path / "more.csv", 30, seed=9), *at, "--with-labels")
    assert json.loads(call("turn", *at, "--json").out)["turn"] == 3
    for _ in range(3):
        asked = call("label", "export", tmp_path / "ask.csv", *at, "--force")
        if asked.code:
            break
        fill_in(tmp_path / "ask.csv")
        call("label", "import", tmp_path / "ask.csv", *at)
        call("turn", *at)
    status = json.loads(call("status", *at, "--json").out)
    assert (status["tasks"][0]["stage"], status["journal_problems"]) == ("closed", [])


def test_a_question_on_something_forgotten_does_not_hold_the_turn(
    call, workspace, tmp_path
) -> None:
    at = ("--workspace", workspace)
    call("ingest", orders(tmp_path / "more.csv", 30, seed=9), *at)
    call("turn", *at)
    asked = json.loads(call("label", "export", tmp_path / "a.csv", *at, "--json").out)
    with Store.open(workspace, create=False) as store:
        place = store.questions.open("history")[0].observation
    call("forget", place, *at)
    left = json.loads(call("label", "export", tmp_path / "b.csv", *at, "--json").out)
    assert left["questions"] == asked["questions"] - 1


def test_a_new_workspace_starts_with_a_seed(call, tmp_path) -> None:
    at = ("--workspace", tmp_path / "fresh")
    assert call("init", tmp_path / "fresh").code == 0
    twice = call("init", tmp_path / "fresh")
    assert (twice.code, "is a workspace already" in twice.err) == (2, True)
    nothing = call("status", *at)
    assert "task add" in nothing.out
    added = call("task", "add", "orders", "--kind", "text", "--labels", "ok,leak", *at)
    assert added.code == 0, added.err
    waits = call("turn", "orders", *at)
    assert "twoloops ingest SOURCE" in " ".join(waits.out.split())
    early = call("decide", "a hose", *at)
    assert (early.code, "is released yet" in early.err) == (2, True)
    source = orders(tmp_path / "some.csv", 40, seed=1)
    strange = call("ingest", source, "--with-labels", *at)
    assert (strange.code, "labels that task 'orders' does not have: ['crack']" in strange.err) == (
        2,
        True,
    )
    taken = json.loads(call("ingest", source, "--with-labels", "--new-labels", *at, "--json").out)
    assert (taken["kept"], taken["labels"], taken["period"]) == (40, 40, "turn 0")
    closed = json.loads(call("turn", *at, "--json").out)
    assert (closed["turn"], closed["closed"]) == (0, True)
    shown = json.loads(call("task", "show", *at, "--json").out)
    assert shown["tasks"][0]["task"]["labels"] == ["crack", "leak", "ok"]
    # What came with the source was there already, and costs nothing.
    assert json.loads(call("status", *at, "--json").out)["tasks"][0]["spent"] == [
        {"amount": "0", "currency": "USD"}
    ]


def test_unreadable_items_are_quarantined_counted_and_listed(call, workspace, tmp_path) -> None:
    at = ("--workspace", workspace)
    path = tmp_path / "bad.csv"
    path.write_bytes(b"text,label\n\xff\xfe torn,ok\noil hose,leak\nbent,crack\n")
    first = json.loads(call("ingest", path, "--text", "text", *at, "--json").out)
    assert (first["rows"], len(first["quarantined"]), first["already_quarantined"]) == (2, 1, 0)
    second = json.loads(call("ingest", path, "--text", "text", *at, "--json").out)
    assert (second["known"], second["already_quarantined"]) == (2, 1)
    status = json.loads(call("status", *at, "--json").out)
    assert status["quarantined"] == 1
    assert "bad.csv, line 2" in status["latest_quarantined"][0]


def test_a_batch_sealed_before_a_kill_is_taken_in_once(
    call, workspace, tmp_path, monkeypatch
) -> None:
    from twoloops.wiring import ingesting

    at = ("--workspace", workspace)
    source = orders(tmp_path / "some.csv", 20, seed=2)

    def killed(*_: object) -> int:
        raise RuntimeError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(ingesting, "take", killed)
        with pytest.raises(RuntimeError, match="killed here"):
            call("ingest", source, *at)
    (workspace / "edge" / "left.spool").write_bytes(b"of a batch that was never sealed")
    done = json.loads(call("ingest", source, *at, "--json").out)
    assert (done["rows"], done["known"]) == (20, 20)
    assert list((workspace / "edge").iterdir()) == []
    with Store.open(workspace, create=False) as store:
        kept = store.observations.of_period("history", "turn 3")
        assert len({one.place for one in kept}) == len(kept) > 0
        assert store.marks.gaps() == []


def test_the_second_writer_waits_and_then_says_who_holds_the_workspace(real, workspace) -> None:
    with workspace_lock(workspace, "twoloops turn history", now()):
        done = real("turn", "--workspace", workspace, "--wait", "0.2")
        assert done.code == 2
        assert done.err.count("waiting for 'twoloops turn history'") == 1
        assert "is in use by 'twoloops turn history' (process " in done.err
        # To look needs no lock.
        assert real("status", "--workspace", workspace).code == 0


def test_doctor_finds_a_healthy_workspace_and_a_changed_journal(call, workspace) -> None:
    import sqlite3

    at = ("--workspace", workspace)
    report = json.loads(call("doctor", *at, "--json").out)
    assert report["healthy"]
    assert {"python", "extra server", "durable write", "journal", "lock"} <= {
        finding["what"] for finding in report["findings"]
    }
    with sqlite3.connect(workspace / "catalog.db") as catalog:
        catalog.execute("UPDATE journal SET body = '{}' WHERE sequence = 3")
    catalog.close()
    sick = call("doctor", *at)
    assert (sick.code, "fact 3 was changed" in " ".join(sick.out.split())) == (1, True)
    assert "NOT whole" in call("status", *at).out


def test_doctor_misses_a_model_whose_file_is_gone_or_damaged(call, workspace) -> None:
    at = ("--workspace", workspace)
    files = [path for path in (workspace / "blobs").rglob("*") if path.is_file()]
    assert files  # models lie there
    kept = files[0].read_bytes()
    files[0].write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
    damaged = call("doctor", *at)
    files[0].unlink()
    gone = call("doctor", *at)
    for done in (damaged, gone):
        said = " ".join(done.out.split())
        assert (done.code, "lost or damaged: model" in said) == (1, True)
    files[0].write_bytes(kept)
    assert call("doctor", *at).code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("ingest", "nowhere.csv"), "there is no source 'nowhere.csv'"),
        (("ingest", "SIGNALS"), "holds inputs of kind signal"),
        (("ingest", "EMPTY"), "is empty"),
        (("turn", "nothing"), "no task 'nothing': choose one of ['history']"),
        (("decide", "x", "--task", "nothing"), "no task 'nothing'"),
        (("decide", "x", "--model", "nowhere"), "cannot read the model"),
        (("decide", "EMPTY"), "empty"),
        (("forget", "nonsense"), "write EDGE/EPOCH/COUNTER"),
        (("forget", "local/none/1"), "no observation local/none/1"),
        (("label", "import", "nowhere.csv"), "cannot read"),
        (("label", "import", "EMPTY"), "needs the columns observation,label"),
        (("label", "export", "x.csv"), "asks for no label now"),
        (("task", "add", "a/b", "--kind", "text", "--labels", "a,b"), "a task's name is made of"),
        (("task", "add", "t", "--kind", "text", "--labels", "a"), "at least two labels"),
        (("task", "add", "t", "--kind", "signal", "--labels", "a,b"), "--shape CHANNELS,SAMPLES"),
        (("task", "add", "t", "--kind", "text", "--labels", "a,b", "--normal", "c"), "no label"),
        (("task", "add", "history", "--kind", "text", "--labels", "a,b"), "is there already"),
        (("export", "12", "x"), "names no model"),
    ],
)
def test_nonsense_gives_one_sentence(call, workspace, tmp_path, words, sentence) -> None:
    np.savez(tmp_path / "signals.npz", x=np.ones((9, 2, 8), np.float32), y=np.arange(9) % 2)
    (tmp_path / "empty.csv").write_bytes(b"")
    places = {"SIGNALS": tmp_path / "signals.npz", "EMPTY": tmp_path / "empty.csv"}
    given = [places.get(word, word) for word in words]
    done = call(*given, "--workspace", workspace)
    assert (done.code, done.out) == (2, "")
    assert sentence in done.err
    assert "Traceback" not in done.err


def test_a_folder_that_is_no_workspace_is_told_so(call, tmp_path, replayed) -> None:
    done = call("status", "--workspace", tmp_path)
    assert (done.code, "is no workspace" in done.err) == (2, True)
    assert call("ingest", replayed / "history.csv", "--workspace", tmp_path).code == 2
    assert list(tmp_path.iterdir()) == []
    half = tmp_path / "half"
    shutil.copytree(replayed / "replay" / "store", half / "store")
    done = call("init", tmp_path / "ws", "--from-replay", half)
    assert (done.code, "holds no complete replay" in done.err) == (2, True)

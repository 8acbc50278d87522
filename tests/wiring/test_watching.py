"""What is newer upstream is seen, brought in, and judged; what is gone goes on working."""

import shutil
from pathlib import Path

import pytest
from hub_server import Repo, serving
from tiny_encoders import text_encoder, text_onnx

from twoloops.digital.upstream.hub import Hub
from twoloops.records.task import Task
from twoloops.store.fetch import default_cache
from twoloops.store.workspace import Store
from twoloops.wiring import bases, upstreams, watching

OLD, NEW = text_encoder(0), text_encoder(1)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TWOLOOPS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("time.sleep", lambda _: None)
    for name in ("HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Store.open(tmp_path / "workspace") as store:
        store.tasks.put(Task("orders", "text", ("leak", "ok")))
    return tmp_path / "workspace"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch):
    """A Hub on loopback, asked wherever `hub:` is named."""
    with serving(Repo("acme/tiny", [OLD])) as server:
        real = upstreams.upstream_of

        def there(word, tell=lambda _: None):
            if word.startswith("hub:"):
                return Hub(default_cache(), server.url, tell), word.removeprefix("hub:")
            return real(word, tell)

        monkeypatch.setattr(bases, "upstream_of", there)
        monkeypatch.setattr(watching, "upstream_of", there)
        yield server


def test_a_new_commit_is_seen_and_brought_in(workspace, hub):
    first = bases.add(workspace, "hub:acme/tiny").base
    (row,) = watching.watch(workspace).watched
    repo = hub.repos["acme/tiny"]
    assert (row.base, row.held, row.state) == (first.name, repo.commit(0), "same")
    repo.trees.append(NEW)
    (row,) = watching.watch(workspace).watched
    assert (row.newest, row.state, row.added) == (repo.commit(1), "newer", None)
    (row,) = watching.watch(workspace, adding=True).watched
    assert row.added == f"acme/tiny@{repo.commit(1)[:8]}"
    (row,) = watching.watch(workspace, adding=True).watched
    assert (row.base, row.state) == (f"acme/tiny@{repo.commit(1)[:8]}", "same")
    with Store.open(workspace, create=False) as store:
        assert {one.name for one in store.bases.all()} == {first.name, row.base}


def test_a_rebase_is_tried_alone_and_beside_the_features(workspace, hub):
    bases.add(workspace, "hub:acme/tiny")
    hub.repos["acme/tiny"].trees.append(NEW)
    (row,) = watching.watch(workspace, rebasing=True).watched
    assert [(one.base, one.outcome) for one in row.tried] == [
        (row.added, "waits"),  # no turn has frozen a dataset yet
        (f"builtin/char-ngram+{row.added}", "waits"),
    ]


def test_the_file_that_was_asked_for_is_asked_for_again(workspace, hub):
    other = {**OLD, "onnx/model_int8.onnx": text_onnx(7)}
    newer = {**OLD, "onnx/model_int8.onnx": text_onnx(8)}
    hub.repos["acme/tiny"].trees[:] = [other]
    bases.add(workspace, "hub:acme/tiny", file="onnx/model_int8.onnx")
    hub.repos["acme/tiny"].trees.append(newer)
    (row,) = watching.watch(workspace, adding=True).watched
    with Store.open(workspace, create=False) as store:
        assert store.bases.get(row.added).source.endswith("#onnx/model_int8.onnx")


def test_a_newer_one_that_vetting_refuses(workspace, hub):
    bases.add(workspace, "hub:acme/tiny")
    payload = b"\x80\x04cos\nsystem\n(S'x'\ntR."
    hub.repos["acme/tiny"].trees.append({**OLD, "onnx/model.onnx": payload})
    (row,) = watching.watch(workspace, adding=True).watched
    assert row.state == "refused"
    assert "nothing of it was run or kept" in row.why
    with Store.open(workspace, create=False) as store:
        assert len(store.bases.all()) == 1


def test_a_repository_that_was_withdrawn(workspace, hub):
    kept = bases.add(workspace, "hub:acme/tiny").base
    del hub.repos["acme/tiny"]
    (row,) = watching.watch(workspace, adding=True).watched
    assert (row.state, row.newest) == ("gone", None)
    with Store.open(workspace, create=False) as store:
        assert store.bases.graph(kept.digest)


def test_one_that_does_not_answer_keeps_no_other_from_being_asked(workspace, hub, tmp_path):
    for path, data in NEW.items():
        (tmp_path / "folder" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "folder" / path).write_bytes(data)
    bases.add(workspace, "hub:acme/tiny")
    bases.add(workspace, str(tmp_path / "folder"))
    hub.faults.busy = 100
    states = {row.source.partition(":")[0]: row.state for row in watching.watch(workspace).watched}
    assert states == {"hub": "not asked", "folder": "same"}


def test_a_folder_is_newer_when_a_file_changes(workspace, tmp_path):
    folder = tmp_path / "an # odd @ name"
    for path, data in OLD.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    first = bases.add(workspace, str(folder)).base
    assert watching.watch(workspace).watched[0].state == "same"
    (folder / "onnx/model.onnx").write_bytes(text_onnx(3))
    (row,) = watching.watch(workspace, adding=True).watched
    assert row.state == "newer"
    assert row.added not in (None, first.name)
    assert watching.watch(workspace).watched[0].state == "same"
    shutil.rmtree(folder)
    assert watching.watch(workspace).watched[0].state == "gone"
    for name in (first.name, row.added):
        bases.drop(workspace, name)
    assert watching.watch(workspace).watched == ()

"""`twoloops edge enrol`, `update`, `rollback`, `status`, as people call them, at a real server."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs
from served import Served

from twoloops.cli.main import run
from twoloops.edge.home import STANDING, Home, Settings
from twoloops.edge.process import first_standing
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring import trust
from twoloops.wiring.floor import floor
from twoloops.wiring.workspace import now


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    with pytest.raises(SystemExit) as stop:
        run(["edge", *words])
    captured = capsys.readouterr()
    text = " ".join((captured.out + captured.err).split())
    assert stop.value.code == code, text
    return text


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with Store.open(folder) as store:
        store.tasks.put(Task("orders", "text", ("leak", "ok"), normal="ok"))
        trust.begin(folder, now())
        trust.publish(folder, store, now())
    with Served(folder) as served:
        yield served


def test_an_edge_is_enrolled_with_a_root_that_was_carried_or_said(
    capsys: pytest.CaptureFixture[str], server: Served, tmp_path: Path
) -> None:
    root = trust.root_digest(server.folder)
    words = ["--task", "orders", "--folder", str(tmp_path / "e"), "--group", "hall-2"]
    token = server.token("press-1", "edge")
    wrong = f"sha256:{'0' * 64}"
    text = said(
        capsys, "enrol", server.url, "--token", token, *words, "--root-digest", wrong, code=2
    )
    assert f"go back to root {root}" in text
    assert "twoloops keys show" in text
    text = said(capsys, "enrol", server.url, "--token", token, *words)
    assert "This is edge 'press-1' of group 'hall-2' now" in text
    assert root in text, "what was trusted without being carried is printed"
    token = server.token("press-1", "edge")
    text = said(capsys, "enrol", server.url, "--token", token, *words[:-1], "hall-3")
    assert "group 'hall-3'" in text
    with server.store() as store:
        (edge,) = [one for one in floor(store) if one.edge == "press-1"]
        assert edge.group == "hall-3"
        trust.publish(server.folder, store, now())
    text = said(
        capsys, "enrol", server.url, "--token", server.token("x", "edge"), *words[:-1], "../x",
        code=2,
    )  # fmt: skip
    assert "is no name of a group" in text


def test_enrolment_that_cannot_be_says_what_is_to_be_done(
    capsys: pytest.CaptureFixture[str], server: Served, tmp_path: Path
) -> None:
    words = ["--task", "orders", "--folder", str(tmp_path / "e")]
    token = server.token("press-9", "edge")
    elsewhere = f"{server.url}/floor"
    text = said(capsys, "enrol", elsewhere, "--token", token, *words, code=2)
    assert f"{elsewhere} is no twoloops server" in text
    assert "as twoloops serve prints it" in text
    said(capsys, "enrol", server.url, "--token", token, *words)
    text = said(capsys, "enrol", server.url, "--token", token, *words, code=2)
    assert "make one on the server with twoloops token add NAME --scope edge" in text
    own = (tmp_path / "e" / "token").read_text().strip()
    text = said(capsys, "enrol", server.url, "--token", own, *words, code=2)
    assert "a token that none has used yet" in text


def test_the_status_of_an_edge_says_when_nothing_was_reported_for_long(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    home = Home(tmp_path)
    home.enrolled(Settings("http://plant:8420", "press-4", "orders", "hall-2", "sha256:0"), "2l_x")
    home.put(STANDING, first_standing())
    text = said(capsys, "status", "--folder", str(tmp_path))
    assert "orders, in group hall-2" in text
    assert "http://plant:8420" in text
    assert "Nothing was reported" not in text
    ended = (now() - timedelta(hours=3)).isoformat()
    home.put(STANDING, structs.replace(first_standing(), clock=ended))
    text = said(capsys, "status", "--folder", str(tmp_path))
    assert "Nothing was reported for 3 h" in text
    assert f"twoloops edge run --task orders --source SOURCE --folder {tmp_path}" in text


@pytest.mark.parametrize("inside", ["", "releases"])
def test_an_edge_does_not_watch_its_own_files(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, inside: str
) -> None:
    home = Home(tmp_path / "e")
    home.enrolled(Settings("http://plant:8420", "press-4", "orders", "all", "sha256:0"), "2l_x")
    (tmp_path / "e" / "releases").mkdir()
    words = ["run", "--task", "orders", "--folder", str(tmp_path / "e"), "--source"]
    text = said(capsys, *words, f"folder:{tmp_path / 'e' / inside}", code=2)
    assert "is the edge's own folder" in text
    assert (tmp_path / "e" / "token").is_file()


def test_a_sink_does_not_lie_in_the_watched_folder(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    home = Home(tmp_path / "e")
    home.enrolled(Settings("http://plant:8420", "press-4", "orders", "all", "sha256:0"), "2l_x")
    (tmp_path / "in").mkdir()
    words = ["run", "--task", "orders", "--folder", str(tmp_path / "e")]
    words += ["--source", f"folder:{tmp_path / 'in'}", "--sink", f"jsonl:{tmp_path / 'in' / 'v'}"]
    assert "lies in the watched folder" in said(capsys, *words, code=2)
    assert not (tmp_path / "in" / "v").exists()


def test_what_is_not_enrolled_says_how(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for words in (("update",), ("rollback", "--why", "x"), ("status",)):
        text = said(capsys, *words, "--folder", str(tmp_path), code=2)
        assert "twoloops edge enrol" in text


def test_an_edge_looks_for_releases_and_goes_back_by_hand(
    capsys: pytest.CaptureFixture[str], server: Served, tmp_path: Path
) -> None:
    folder = ("--folder", str(tmp_path / "e"))
    token = server.token("press-2", "edge")
    root = ("--root-digest", trust.root_digest(server.folder))
    text = said(capsys, "enrol", server.url, "--token", token, "--task", "orders", *folder, *root)
    assert "compare" not in text
    done = json.loads(said(capsys, "update", *folder, "--json"))
    assert (done["did"], done["active"]) == ("unchanged", None)
    text = said(capsys, "update", *folder)
    assert "no model counts" in text
    assert "there is no model before" in said(capsys, "rollback", "--why", "x", *folder, code=2)
    assert "say it with --why" in said(capsys, "rollback", "--why", " ", *folder, code=2)
    with server.store() as store:
        (edge,) = [one for one in floor(store) if one.edge == "press-2"]
    server.kill()
    try:
        assert "cannot be reached" in said(capsys, "update", *folder, code=1)
    finally:
        server.start()
    assert edge.standing is not None
    assert "has not run yet" in said(capsys, "status", *folder, code=2)

"""`twoloops dataset`: versions listed, shown and exported."""

import json

import pytest


@pytest.fixture(scope="module")
def workspace(replayed, tmp_path_factory):
    """The workspace a replay goes on as; look, don't touch."""
    from twoloops.cli.main import run

    folder = tmp_path_factory.mktemp("datasets") / "ws"
    with pytest.raises(SystemExit) as stop:
        run(["init", str(folder), "--from-replay", str(replayed / "replay")])
    assert stop.value.code == 0
    return folder


def test_the_versions_are_listed_by_turn(call, workspace) -> None:
    found = json.loads(call("dataset", "list", "-w", workspace, "--json").out)
    versions = found["versions"]
    assert [one["turn"] for one in versions] == [0, 1, 2]
    assert [one["items"] for one in versions] == sorted(one["items"] for one in versions)
    for one in versions:
        assert sum(one["splits"].values()) == sum(one["labels"].values()) == one["items"]
        assert one["labellers"].keys() == {"history"}
        assert one["frozen_at"] is not None
    assert sum(len(one["models"]) for one in versions) > 0
    text = call("dataset", "list", "-w", workspace)
    assert text.code == 0
    assert all(one["digest"][7:19] in text.out for one in versions)
    assert all(len(line) <= 80 for line in text.out.splitlines())


def test_one_version_is_shown_with_its_limits(call, workspace) -> None:
    latest = json.loads(call("dataset", "show", "latest", "-w", workspace, "--json").out)
    named = call("dataset", "show", latest["digest"][7:15], "-w", workspace)
    assert latest["digest"] in named.out
    assert "rates computed from them are biased" in " ".join(named.out.split())
    assert latest["turn"] == 2


def test_a_version_is_exported_and_nothing_is_made_up(call, workspace, tmp_path) -> None:
    folder = tmp_path / "out"
    done = call("dataset", "export", "latest", folder, "-w", workspace)
    assert done.code == 0, done.err
    assert "licence is not stated" in done.out
    about = json.loads((folder / "croissant.json").read_bytes())
    assert about["license"] == about["creator"]["name"] == "unknown: not stated"
    again = call("dataset", "export", "latest", folder, "-w", workspace)
    assert (again.code, "is there already: name a new folder" in again.err) == (2, True)
    stated = tmp_path / "stated"
    words = ("--licence", "CC-BY-4.0", "--creator", "Plant 4", "--url", "https://plant.example/d")
    done = call("dataset", "export", "latest", stated, "-w", workspace, *words, "--json")
    assert json.loads(done.out)["stated"]["licence"] == "CC-BY-4.0"
    about = json.loads((stated / "croissant.json").read_bytes())
    assert about["license"] == "CC-BY-4.0"
    assert (about["creator"]["name"], about["url"]) == ("Plant 4", "https://plant.example/d")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("show", "ffff"), "'ffff' names no dataset of task 'history': give  latest , or four"),
        (("show", "ab"), "'ab' names no dataset"),
        (("export", "latest", "x", "--format", "zip"), "--format 'zip' is not  croissant"),
    ],
)
def test_what_cannot_be_done_is_said(call, workspace, words, sentence) -> None:
    done = call("dataset", *words, "-w", workspace)
    assert (done.code, sentence in done.err) == (2, True), done.err


def test_a_task_without_a_dataset_says_the_next_command(call, tmp_path) -> None:
    at = ("-w", tmp_path / "ws")
    call("init", tmp_path / "ws")
    call("task", "add", "orders", "--kind", "text", "--labels", "a,b", *at)
    assert "twoloops turn orders" in call("dataset", "list", *at).out
    refused = call("dataset", "show", "latest", *at)
    assert (refused.code, "has no dataset yet" in refused.err) == (2, True)

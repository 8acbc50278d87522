"""`twoloops exhibits --mine`: one's own loops as a page, text, JSON and pictures."""

import json
import re
import shutil

import pytest

IDS = (
    "landscape", "open-models", "downloads", "price", "data-asset", "small-models",
    "distillation", "applications", "controls",
)  # fmt: skip


def test_a_replay_becomes_a_page_that_needs_no_network(call, replayed, tmp_path) -> None:
    page = tmp_path / "mine.html"
    done = call("exhibits", "--mine", "--replay", replayed / "replay", "--out", page)
    assert done.code == 0, done.err
    text = page.read_text(encoding="utf-8")
    for id in IDS:
        assert f'<section id="{id}">' in text
    assert not re.findall(r'(?:src|href)="https?://[^"]+\.(?:js|css)"', text)
    assert "The two loops, apart and together" in text


def test_a_workspace_says_what_only_a_replay_measures(call, replayed, tmp_path) -> None:
    plant = tmp_path / "plant"
    assert call("init", plant, "--from-replay", replayed / "replay").code == 0
    done = call("exhibits", "--mine", "-w", plant, "--format", "md", "--only", "small-models")
    assert done.code == 0, done.err
    assert "The loops apart and together: not measured." in done.out
    assert "this workspace" in done.out
    assert "## Price" not in done.out


def test_json_has_every_exhibit_with_its_sources(call, replayed) -> None:
    done = call("exhibits", "--mine", "--replay", replayed / "replay", "--json")
    found = json.loads(done.out)
    assert tuple(one["id"] for one in found["exhibits"]) == IDS
    known = {one["id"] for one in found["sources"]}
    for one in found["exhibits"]:
        for table in one["tables"]:
            for row in table["rows"]:
                assert row["sources"]
                assert set(row["sources"]) <= known


def test_charts_become_pictures(call, replayed, tmp_path) -> None:
    words = ("--only", "data-asset", "--format", "png", "--out", tmp_path / "pictures")
    done = call("exhibits", "--mine", "--replay", replayed / "replay", *words)
    assert done.code == 0, done.err
    made = sorted((tmp_path / "pictures").iterdir())
    assert len(made) == 2
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in made)


@pytest.mark.parametrize("broken", ["result.json", "store"])
def test_an_incomplete_replay_is_said(call, replayed, tmp_path, broken) -> None:
    folder = tmp_path / "replay"
    shutil.copytree(replayed / "replay", folder)
    if broken == "store":
        shutil.rmtree(folder / broken)
    else:
        (folder / broken).write_text("{")
    done = call("exhibits", "--mine", "--replay", folder)
    assert done.code == 2
    assert f"{folder} holds no complete replay of this version" in done.err
    assert f"twoloops replay SOURCE --out {folder}" in done.err


def test_no_workspace_is_said(call, tmp_path) -> None:
    done = call("exhibits", "--mine", "-w", tmp_path / "none")
    assert done.code == 2
    assert "is no workspace" in done.err

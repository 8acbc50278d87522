"""`twoloops lineage`: trees, obligations, files, a person's word."""

import json
from xml.etree import ElementTree

import pytest

from twoloops.store.workspace import Store


@pytest.fixture
def workspace(call, replayed, tmp_path):
    """A workspace whose deployed model's base was made from something of unknown licence."""
    folder = tmp_path / "ws"
    assert call("init", folder, "--from-replay", replayed / "replay").code == 0
    with Store.open(folder) as store:
        (base,) = [node for node in store.lineage.nodes() if node.kind == "base"]
        store.lineage.node("ancestor:far/away", "ancestor", "far/away")
        store.lineage.edge(base.digest, "ancestor:far/away", "distilled from")
    return folder


def test_it_prints_both_ways_and_the_obligations_with_their_paths(call, workspace) -> None:
    done = call("lineage", "-w", workspace, "--for", "publish")
    assert done.code == 0, done.err
    assert "Rests on:\n├─ specialised from builtin/char-ngram [base " in done.out
    assert "│  └─ distilled from far/away [ancestor, unknown]" in done.out
    assert "Made from it:\n" in done.out
    words = " ".join(done.out.split())
    assert "In the way of 'publish': needs unknown: the licence of far/away is unknown" in words
    assert "→ builtin/char-ngram → far/away" in words
    assert max(map(len, done.out.splitlines())) <= 80
    inside = " ".join(call("lineage", "-w", workspace).out.split())
    assert "in nobody's way: unknown: the licence of far/away is unknown" in inside


def test_json_has_things_edges_and_obligations(call, workspace) -> None:
    said = json.loads(
        call("lineage", "far/away", "-w", workspace, "--down", "--depth", 1, "--json").out
    )
    assert said["what"]["title"] == "far/away"
    assert {one["title"] for one in said["things"]} == {"far/away", "builtin/char-ngram"}
    assert [(one["kind"], one["blocks"], one["weight"]) for one in said["obligations"]] == [
        ("unknown", False, "duty")
    ]
    up = json.loads(call("lineage", "far/away", "-w", workspace, "--up", "--json").out)
    assert up["edges"] == []


def test_a_persons_word_goes_on_record(call, workspace) -> None:
    words = ("lineage", "far/away", "-w", workspace, "--for", "publish")
    before = call(*words)
    assert "In the way of 'publish'" in before.out
    done = call(*words, "--confirm", "Apache-2.0, says its author", "--by", "Ada")
    assert (done.code, "In the way" in done.out) == (0, False)
    assert "confirmed by Ada," in " ".join(done.out.split())
    assert "In the way" not in call("lineage", "-w", workspace, "--for", "publish").out
    assert "In the way" in call("lineage", "-w", workspace, "--for", "distribute").out
    alone = call(*words, "--confirm", "yes")
    assert (alone.code, "--by NAME go together" in alone.err) == (2, True)


def test_drawing_and_page_are_written_whole(call, workspace, tmp_path) -> None:
    svg, html = tmp_path / "new" / "l.svg", tmp_path / "l.html"
    done = call("lineage", "-w", workspace, "--svg", svg, "--html", html, "--for", "publish")
    assert done.code == 0, done.err
    assert ElementTree.parse(svg).getroot().tag.endswith("svg")
    assert "far/away" in html.read_text(encoding="utf-8")
    refused = call("lineage", "-w", workspace, "--svg", workspace)
    assert (refused.code, f"cannot write {workspace}" in refused.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nonsense",), "'nonsense' names nothing in the lineage"),
        (("--for", "fun"), "--for takes one of ['internal', 'publish', 'distribute'], got 'fun'"),
        (("--depth", "0"), "greater than or equal to 1"),
        (("--task", "other"), "other"),
    ],
)
def test_nonsense_is_said(call, workspace, words, message) -> None:
    done = call("lineage", *words, "-w", workspace)
    assert (done.code, message in done.err) == (2, True), done.err


def test_no_workspace_is_said(call, tmp_path) -> None:
    done = call("lineage", "-w", tmp_path / "none")
    assert (done.code, "is no workspace" in done.err) == (2, True)

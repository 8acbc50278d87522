"""`base search|add` in real processes, against a Hub on this machine; what was added, in use."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubServer, Repo, serving
from tiny_encoders import WORDS, text_encoder, text_onnx, tokenizer

Call = Callable[..., Any]
FLOOR = ("leak", "oil", "drip", "hose", "crack", "broken", "split", "bent", "bucket", "arm")
KNOWN = (*WORDS, *dict.fromkeys(word for word in FLOOR if word not in WORDS))
ENCODER = text_encoder(
    **{
        "tokenizer.json": tokenizer(KNOWN),
        "onnx/model.onnx": text_onnx(vocabulary=len(KNOWN)),
    }
)


@pytest.fixture
def hub(environment: dict[str, str], tmp_path: Path) -> Iterator[HubServer]:
    hostile = text_encoder(**{"onnx/model.onnx": b"\x80\x04cos\nsystem\n(S'x'\ntR."})
    repos = [
        Repo("acme/tiny", [ENCODER], downloads=40),
        Repo("acme/hostile", [hostile], downloads=3),
    ]
    with serving(*repos) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HF_TOKEN"):
            environment.pop(name, None)
        environment["HF_ENDPOINT"] = server.url
        environment["HF_HOME"] = str(tmp_path / "hf")
        environment["TWOLOOPS_CACHE"] = str(tmp_path / "cache")
        yield server


def test_from_a_search_to_a_judged_model(
    call: Call, real: Call, hub, replayed, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("TWOLOOPS_CACHE", str(tmp_path / "cache"))
    workspace = tmp_path / "w"
    assert call("init", workspace, "--from-replay", replayed / "replay").code == 0
    at = ["-w", workspace]

    found = real("base", "search", "tiny", "--kind", "text", "--licence", "apache-2.0")
    assert found.code == 0, found.err
    assert "hub:acme/tiny" in found.out
    command = re.search(r"twoloops base add (\S+)", found.out)[1]

    added = real("base", "add", command, *at)
    assert added.code == 0, added.err
    name = f"acme/tiny@{hub.repos['acme/tiny'].commit()[:8]}"
    assert f"{name} is added, from hub:acme/tiny@" in " ".join(added.out.split())
    assert "fetching acme/tiny at" in added.err
    again = real("base", "add", "acme/tiny", *at)
    assert "is here already" in again.out
    assert "fetching" not in again.err

    # What follows asks no hub.
    listed = json.loads(call("base", "show", *at, "--json").out)["bases"]
    assert [one["name"] for one in listed] == [name]
    assert {one["path"] for one in listed[0]["vetting"]["files"]} >= {"onnx/model.onnx", "LICENSE"}

    compared = call("base", "compare", "--bases", name, *at)
    assert compared.code == 0, compared.err
    assert name in compared.out

    tried = json.loads(call("rebase", "--to", f"builtin/char-ngram+{name}", *at, "--json").out)
    (one,) = tried["tasks"]
    assert one["outcome"] in ("released", "refused", "same already")
    assert one["gain"] is not None
    assert call("lineage", name, *at).code == 0
    assert call("doctor", *at).code == 0


def test_offline_what_was_pulled_is_enough(
    call: Call, real: Call, hub, environment, tmp_path
) -> None:
    commit = hub.repos["acme/tiny"].commit()
    for name in ("one", "two"):
        assert call("init", tmp_path / name).code == 0
    assert real("base", "add", "acme/tiny", "-w", "one").code == 0
    environment["HF_HUB_OFFLINE"] = "1"
    refused = real("base", "add", "acme/tiny", "-w", "two")
    assert refused.code == 2
    assert f"--revision {commit}" in refused.err
    done = real("base", "add", "acme/tiny", "--revision", commit, "-w", "two")
    assert done.code == 0, done.err


def test_a_hostile_repository_is_refused_and_not_kept(
    call: Call, real: Call, hub, tmp_path
) -> None:
    assert call("init", tmp_path / "w").code == 0
    done = real("base", "add", "acme/hostile", "-w", "w")
    assert done.code == 2
    assert "is refused, nothing of it was run or kept: onnx/model.onnx" in done.err
    assert json.loads(call("base", "show", "-w", tmp_path / "w", "--json").out) == {"bases": []}


def test_a_hub_that_is_busy_is_a_passing_fault(call: Call, real: Call, hub, tmp_path) -> None:
    assert call("init", tmp_path / "w").code == 0
    hub.faults.busy = 1_000
    done = real("base", "add", "acme/tiny", "-w", "w")
    assert done.code == 75
    assert "the Hub says 429; this may pass: run the same command again" in done.err


def test_nonsense_gives_one_sentence(call: Call, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    call("init", "w")
    for words, says in {
        ("base", "search", "--max-size", "large"): "--max-size takes a number",
        ("base", "search", "--max-size", "0"): "--max-size takes a number",
        ("base", "drop", "x", "-w", "w"): "no base 'x' was added",
        ("base", "show", "x", "-w", "w"): "no base 'x' was added",
        ("base", "add", "x", "-w", "w"): "names no base",
    }.items():
        done = call(*words)
        assert (done.code, done.err.count("\n")) == (2, 1), done.err
        assert says in done.err
    assert "No base was added" in call("base", "show", "-w", "w").out

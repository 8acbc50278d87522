"""A model published to a Hub on this machine, and used from there by another workspace."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_server import HubServer, serving

Call = Callable[..., Any]
REPO = "hub:acme/presses"


@pytest.fixture
def hub(environment: dict[str, str], tmp_path: Path) -> Iterator[HubServer]:
    with serving() as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            environment.pop(name, None)
        environment |= {
            "HF_ENDPOINT": server.url,
            "HF_HOME": str(tmp_path / "hf"),
            "HF_TOKEN": "hf_mine",
            # Its own protocol for large files needs the Hub's own servers; HTTP is what is tried.
            "HF_HUB_DISABLE_XET": "1",
            "TWOLOOPS_CACHE": str(tmp_path / "cache"),
        }
        yield server


@pytest.fixture
def first(call: Call, replayed: Path, tmp_path: Path) -> Path:
    call("init", tmp_path / "first", "--from-replay", replayed / "replay")
    return tmp_path / "first"


def test_published_verified_adopted_the_same_bit_for_bit(real: Call, hub, first, tmp_path) -> None:
    assert real("publish", "--new-key", "key").code == 0
    done = real("publish", "deployed", REPO, "--key", "key", "-w", first, "--json")
    assert done.code == 0, done.err
    where = json.loads(done.out)["folder"]
    repo = hub.repos["acme/presses"]
    assert where == f"{REPO}@{repo.commit()}"
    assert ".gitattributes" in repo.trees[-1]

    checked = real("verify", REPO, "--key", "key.pub")
    assert checked.code == 0, checked.err
    assert "Everything looked at matches" in checked.out

    real("init", "second")
    at = ["--task", "presses", "-w", "second"]
    deploy = ["--deploy", "--reason", "same press"]
    taken = real("adopt", where, *at, "--key", "key.pub", *deploy)
    assert taken.code == 0, taken.err
    (tmp_path / "input.txt").write_text("hose leaking oil")
    said = [
        json.loads(real("decide", "input.txt", "-w", one, "--json").out)
        for one in (first, "second")
    ]
    assert said[0]["model"] == said[1]["model"]
    assert said[0]["decisions"] == said[1]["decisions"]

    seen = json.loads(real("watch", "-w", first, "--json").out)
    (one,) = seen["published"]
    assert (one["state"], one["use"]["derivatives"]) == ("same", 2)
    listed = json.loads(real("publish", "--list", "-w", first, "--json").out)
    assert [row["where"] for row in listed["published"]] == [where]
    assert listed["published"][0]["use"]["downloads_ever"] == 30
    repo.trees.append({**repo.trees[-1], "README.md": b"changed by somebody"})
    assert "its newest commit is not the one published from here" in " ".join(
        real("watch", "-w", first).out.split()
    )
    refused = real("verify", REPO)
    assert refused.code == 1
    assert "README.md" in refused.out


def test_without_a_token_nothing_is_noted(real: Call, hub, first, environment) -> None:
    del environment["HF_TOKEN"]
    done = real("publish", "deployed", REPO, "--no-sign", "-w", first)
    assert done.code == 2
    assert "set HF_TOKEN" in done.err
    assert json.loads(real("publish", "--list", "-w", first, "--json").out)["published"] == []
    assert not hub.repos


def test_internal_goes_to_a_private_repository_only(real: Call, hub, first) -> None:
    words = ["publish", "deployed", REPO, "--no-sign", "--for", "internal", "-w", first]
    done = real(*words)
    assert done.code == 2
    assert "--private" in done.err
    assert real(*words, "--private").code == 0
    assert hub.repos["acme/presses"].private

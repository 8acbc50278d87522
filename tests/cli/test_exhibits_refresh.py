"""`exhibits refresh` and `exhibits changes` in a terminal."""

import json
import socket
import sys

import pytest
from publishing import serving

NAMES = (
    "epoch-all",
    "epoch-notable",
    "epoch-large",
    "hugging-face",
    "model-prices",
    "genai-prices",
    "models-dev",
)


@pytest.fixture
def publishing(monkeypatch, tmp_path):
    """A local server that speaks each publisher's format; the cache is empty."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TWOLOOPS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("twoloops.wiring.fetching.PAUSE", 0.0)
    with serving() as server:
        yield server


def test_a_refresh_says_what_came_and_where_to_look(call, publishing) -> None:
    done = call("exhibits", "refresh", *publishing.options())
    assert done.code == 0
    for name in NAMES:
        assert f"{name}: reading " in done.err
        assert any(line.split()[:2] == [name, "new"] for line in done.out.splitlines())
    assert "See what it changes with\n  twoloops exhibits changes" in done.out


def test_one_failure_is_told_and_does_not_fail_the_command(call, publishing) -> None:
    options = publishing.options()
    call("exhibits", "refresh", *options)
    publishing.change("/genai/data.json", status=404)
    publishing.change("/data/all_ai_models.csv", cut=9000)
    done = call("exhibits", "refresh", *options)
    assert done.code == 0
    said = " ".join(done.out.split())
    assert "genai-prices failed: 127.0.0.1 answered 404 Not Found. Its vintage of" in said
    assert "(less than an hour old) stays in use." in said
    assert "epoch-all failed: the answer broke off" in said
    assert "exhibits changes" not in done.out  # nothing is new


def test_a_failure_without_a_vintage_says_that_the_packaged_tables_stay(call, publishing) -> None:
    publishing.change("/genai/data.json", body=b"<html>")
    done = call("exhibits", "refresh", "genai-prices", "model-prices", *publishing.options())
    assert done.code == 0
    said = " ".join(done.out.split())
    assert (
        "genai-prices failed: the answer is a web page, not JSON. Nothing of it has been " in said
    )
    assert "fetched before: the packaged tables stay in use." in said


def test_without_a_network_one_sentence_says_so(call, publishing) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    nowhere = [f"--endpoint={name}=http://127.0.0.1:{port}/" for name in NAMES]
    done = call("exhibits", "refresh", *nowhere)
    assert done.code == 75
    said = " ".join(done.out.split())
    assert f"No source could be reached (127.0.0.1:{port} cannot be reached (" in said
    assert said.endswith(
        "is there a network here? Nothing was changed; the exhibits go on with what was fetched "
        "before, or with the packaged tables."
    )
    assert "Traceback" not in done.err


def test_json_holds_every_outcome(call, publishing) -> None:
    publishing.change("/models-dev/api.json", body=b'{"data": 1}')
    words = ("refresh", "models-dev", "model-prices", "--json", *publishing.options())
    done = call("exhibits", *words)
    found = json.loads(done.out)
    assert found["failed"] == 1
    states = {one["publisher"]: one["state"] for one in found["sources"]}
    assert states == {"models-dev": "failed", "model-prices": "new"}
    assert "api.json is not a list of providers" in found["sources"][1]["why"]


def test_a_dry_run_asks_nobody(call, publishing) -> None:
    done = call("exhibits", "refresh", "--dry-run", *publishing.options())
    assert done.code == 0
    assert all(name in done.out for name in NAMES)
    assert publishing.asked == []


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("refresh", "epoch"), "no source is called 'epoch': name some of epoch-all, epoch-notab"),
        (("refresh", "--endpoint", "x"), "cannot read --endpoint 'x': write NAME=URL with a URL"),
        (("changes", "--from", "soon"), "'soon' is no vintage: name a date such as 2026-11-23"),
        (("changes", "--to", "2026-01-01"), "there is no vintage of 2026-01-01 or before (none h"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(call, publishing, words, says) -> None:
    done = call("exhibits", *words)
    assert done.code == 2
    assert done.err.startswith(f"twoloops: {says}")
    assert done.out == ""


def test_changes_without_a_refresh_say_how_to_get_some(call, publishing) -> None:
    done = call("exhibits", "changes")
    assert done.code == 0
    assert "Nothing has been fetched yet.\n  twoloops exhibits refresh" in done.out


def test_changes_show_rows_and_the_exhibits_figures(call, publishing) -> None:
    module = sys.modules["publishing"]
    call("exhibits", "refresh", *publishing.options())
    publishing.publish(module.price_snapshot(gpt=2.75))
    done = call("exhibits", "changes", "--json")
    found = json.loads(done.out)
    assert [one["table"] for one in found["tables"]][:2] == ["open_models", "open_model_snapshots"]
    assert {one["exhibit"] for one in found["figures"]} == {
        "open-models",
        "price",
        "landscape",
        "downloads",
    }
    shown = call("exhibits", "changes", "--rows", "2")
    assert shown.code == 0
    assert "The exhibits' figures:" in shown.out
    assert "more rows: --rows " in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80
    counts = call("exhibits", "changes", "--rows", "0")
    assert "more rows" not in counts.out
    same = call("exhibits", "changes", "--from", "newest")
    assert "Nothing changed." in same.out


def test_the_exhibits_read_what_was_fetched(call, publishing) -> None:
    before = json.loads(call("exhibits", "--json", "--only", "open-models").out)
    call("exhibits", "refresh", *publishing.options())
    after = json.loads(call("exhibits", "--json").out)
    assert before["tables"].startswith("packaged")
    assert "epoch-all of " in after["tables"]
    assert any(one["id"].startswith("epoch-all-20") for one in after["sources"])
    packaged = json.loads(
        call("exhibits", "--json", "--only", "open-models", "--tables", "packaged").out
    )
    assert packaged == before

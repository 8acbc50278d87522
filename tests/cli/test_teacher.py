"""Teachers on the command line, in real processes too: terms, money, and kill -9."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from openai_server import Server, serve

from twoloops.store.workspace import Store

from .conftest import rows, write_csv

LABELS = {text: label for text, label in rows(40)}


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(lambda text: LABELS[text]) as made:
        yield made


@pytest.fixture
def work(tmp_path: Path, call) -> Path:
    """A workspace whose first turn asks for forty labels."""
    folder = tmp_path / "work"
    source = write_csv(tmp_path / "orders.csv", rows(40))
    for words in (
        ("init", folder),
        ("task", "add", "orders", "--kind", "text", "--labels", "leak,crack,ok", "--normal", "ok"),
        ("ingest", source, "--text", "text"),
        ("turn", "orders"),
    ):
        where = () if words[0] == "init" else ("--workspace", folder)
        assert call(*words, *where).code == 0
    return folder


def add(call, work: Path, server: Server, *more: object, name: str = "big"):
    words = ["teacher", "add", name, "--model", "big-1", "--url", server.url, "-w", work]
    money = ["--price-in", "2", "--price-out", "10", "--limit", "1"]
    return call(*words, *money, *(more or ("--terms", "deepseek")))


def asked(call, work: Path, *more: object):
    return call("teacher", "ask", "big", "-w", work, "--purpose", "all", *more)


def test_a_teacher_answers_what_teaches_and_people_what_judges(call, work, server) -> None:
    done = add(call, work, server, "--terms", "deepseek", "--batch", "8")
    assert done.code == 0, done.err
    assert "Terms: nothing known stands against internal." in done.out
    plain = call("teacher", "ask", "big", "-w", work, "--dry-run")
    assert "0 questions in 0 calls" in plain.out
    assert "other open questions: asked of people: seed" in plain.out
    dry = asked(call, work, "--dry-run")
    assert "Labels of the seed judge the first releases" in dry.err
    assert "at most" in dry.out
    assert server.calls == []
    done = asked(call, work, "--json")
    told = json.loads(done.out)["told"]
    assert told["answered"] == told["asked"] == sum(server.asked.values()) == 30
    assert json.loads(done.out)["left"] == {"asked of people: golden": 10}
    again = asked(call, work)
    assert again.out.startswith("0 questions: 0 answered in 0 calls")
    warned = asked(call, work, "--judges")
    assert "These labels judge models" in " ".join(warned.err.split())
    assert "10 questions: 10 answered" in warned.out
    turned = call("turn", "orders", "-w", work)
    assert (turned.code, "is closed" in turned.out) == (0, True), turned.out
    found = call("lineage", "-w", work)
    assert "teacher:big" in found.out
    listed = call("teacher", "list", "-w", work)
    assert "big-1" in listed.out
    assert json.loads(call("teacher", "list", "-w", work, "--json").out)[0]["labels"] == 40


def test_forbidden_terms_are_not_attached_and_unknown_ones_wait_for_a_word(
    call, work, server
) -> None:
    done = add(call, work, server, "--terms", "z.ai")
    assert done.code == 2
    assert "is not attached: Z.ai, API terms 1.xii: no training" in done.err
    assert call("teacher", "show", "big", "-w", work).code == 2
    done = add(call, work, server, "--terms", "somebody")
    assert done.code == 0
    told = " ".join(done.out.split())
    assert "Blocked for internal: what the terms of somebody say" in told
    assert "teacher confirm big --by WHO --says WHAT --for internal" in told
    refused = asked(call, work)
    assert (refused.code, server.calls) == (2, [])
    assert "the table has no such row" in refused.err
    said = ("teacher", "confirm", "big", "--by", "Ada", "--says", "letter of May", "-w", work)
    done = call(*said, "--for", "publish")
    assert asked(call, work).code == 2
    done = call(*said)
    assert "confirmed by Ada" in done.out
    assert asked(call, work).code == 0
    assert sum(server.asked.values()) == 30


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "say the most that the teacher may ever cost with  --limit AMOUNT"),
        (("--limit", "x"), "--limit is an amount of money, 0 or more, as 12.50: got 'x'"),
        (("--limit", "1"), "no list price of 'big-1' is known, and what isn't priced isn't asked"),
        (("--limit", "1", "--price-in", "1"), "--price-in and --price-out go together"),
        (("--free", "--limit", "1"), "--free goes without prices and without a limit"),
        (("--free",), "https://a.example/v1 is not on this machine, so it is not asked for free"),
        (
            ("--price-call", "1", "--limit", "1", "--for", "fun"),
            "--for takes one of ['internal', 'publish', 'distribute'], got 'fun'",
        ),
        (("--free", "--confirm", "x"), "--confirm TEXT and --by WHO go together"),
    ],
)
def test_what_is_missing_is_said(call, work, words, message) -> None:
    url = "https://a.example/v1"
    done = call("teacher", "add", "big", "--model", "big-1", "--url", url, "-w", work, *words)
    assert done.code == 2
    assert message in done.err


def test_a_list_price_is_found_with_its_date(call, work) -> None:
    words = ["--url", "https://api.openai.com/v1", "--terms", "openai", "--limit", "1", "-w", work]
    done = call("teacher", "add", "mini", "--model", "gpt-4o-mini", *words)
    assert done.code == 0, done.err
    told = " ".join(done.out.split())
    assert "tokens read" in told
    assert "list price of gpt-4o-mini (openai)" in told
    assert "Blocked for internal: OpenAI, Services Agreement 3.3(e)" in told


def test_a_key_is_read_from_the_environment_and_kept_nowhere(
    call, work, server, monkeypatch
) -> None:
    add(call, work, server, "--terms", "deepseek", "--key-env", "BIG_KEY")
    monkeypatch.delenv("BIG_KEY", raising=False)
    done = asked(call, work)
    assert done.code == 2
    assert "needs its key in the environment variable BIG_KEY, which is empty" in done.err
    monkeypatch.setenv("BIG_KEY", "sk-do-not-keep")
    server.script = ["status 400"]
    assert asked(call, work).code == 0
    assert server.headers[0]["authorization"] == "Bearer sk-do-not-keep"
    kept = b"".join(path.read_bytes() for path in work.rglob("*") if path.is_file())
    assert b"sk-do-not-keep" not in kept


def test_dropping_and_settling(call, work, server) -> None:
    add(call, work, server, "--terms", "deepseek", "--seconds", "1", "--batch", "30")
    server.script = ["hang"]
    done = asked(call, work)
    assert "30 are in calls whose outcome nobody knows" in done.out
    shown = call("teacher", "show", "big", "-w", work)
    key = json.loads(call("teacher", "show", "big", "-w", work, "--json").out)["unknown"][0]["key"]
    assert f"twoloops teacher settle {key} --paid AMOUNT" in shown.out
    done = call("teacher", "settle", key, "--paid", "0.002", "--says", "bill", "-w", work)
    assert done.out == (f"Call {key} has cost 0.002 USD; its 30 items stay with people.\n")
    assert call("teacher", "drop", "big", "-w", work).code == 0
    done = asked(call, work)
    assert (done.code, "was dropped on" in done.err) == (2, True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL")
def test_killed_between_sending_and_settling_nothing_is_paid_twice(
    call, work, server, environment
) -> None:
    """A real process dies while its second call is out: its items are not sent again."""
    add(call, work, server, "--terms", "deepseek", "--batch", "10")
    server.script = ["answer", "hang"]
    child = subprocess.Popen(
        [
            *(sys.executable, "-m", "twoloops", "teacher", "ask", "big", "--purpose", "all"),
            *("--workspace", str(work)),
        ],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            server.arrived.wait(1)
            server.arrived.clear()
            if len(server.calls) == 2 or child.poll() is not None:
                break
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert len(server.calls) == 2
    with Store.open(work) as store:
        assert [one.state for one in store.calls.of_teacher("big")] == ["answered", "sent"]
        before = store.calls.held("big", "USD")
    server.script = []
    done = asked(call, work)
    assert done.code == 0, done.err
    assert max(server.asked.values()) == 1
    assert len(server.asked) == 30
    with Store.open(work) as store:
        states = [one.state for one in store.calls.of_teacher("big")]
        assert states[:2] == ["answered", "unknown"]
        assert store.calls.held("big", "USD").amount > before.amount
        assert store.calls.get(store.calls.of_teacher("big")[1].key).why == (
            "the process ended before an answer was noted"
        )
        assert store.journal.verify() == []
    # By hand it can be asked again, with a warning.
    server.script = []
    done = asked(call, work, "--again")
    assert "may be paid for twice" in " ".join(done.err.split())
    assert max(server.asked.values()) == 2

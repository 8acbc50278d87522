"""`twoloops label` alone, and `twoloops task labelling`."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
import webbrowser
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from served import Served, questions

from twoloops.physical.labelling.policy import LabellingPolicy, labelling_of
from twoloops.records.money import Money
from twoloops.records.task import Task
from twoloops.store.workspace import Store


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "ws"
    questions(folder, Task("orders", "text", ("leak", "ok")), [b"oil on the floor"])
    return folder


def fragment(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).fragment)


def test_without_a_server_it_serves_the_page_itself_until_it_is_ended(
    workspace: Path, environment: dict[str, str]
) -> None:
    words = ["label", "--as", "ann", "--no-browser", "-w", str(workspace)]
    with subprocess.Popen(
        [sys.executable, "-m", "twoloops", *words],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        assert "Label as ann" in lines[0]
        address = next(re.finditer(r"http://\S+", "".join(lines)))[0]
        said = fragment(address)
        assert said["to"] == ["/label"]
        base = address.partition("/login")[0]
        page = urllib.request.Request(
            f"{base}/label", headers={"Authorization": f"Bearer {said['token'][0]}"}
        )
        with urllib.request.urlopen(page, timeout=60) as answer:
            assert answer.url == f"{base}/label/orders"  # the only task
            assert b"data-setup" in answer.read()
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
    with Store.open(workspace, create=False) as store:
        (token,) = store.tokens.all()
    assert (token.name, token.scope) == ("ann", "labeller")
    assert token.revoked_at is not None
    assert token.expires_at is not None
    assert (token.expires_at - token.created_at).days == 1


def test_where_a_server_runs_its_page_is_opened(
    workspace: Path, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: not opened.append(url))
    with Served(workspace) as served:
        done = call("label", "--as", "bob", "--task", "orders", "-w", workspace)
        assert done.code == 0, done.err
        (address,) = opened
        assert address.startswith(f"{served.url}/login#")
        assert fragment(address)["to"] == ["/label/orders"]
        assert "token" not in done.out  # what others may read over the shoulder has no secret
        assert f"{served.url}/label/orders" in done.out


def test_an_unknown_task_is_said_before_anything_is_served(workspace: Path, call: Any) -> None:
    done = call("label", "--task", "parts", "-w", workspace)
    assert done.code == 2
    assert "parts" in done.err


def test_the_labelling_policy_is_shown_and_changed_in_parts(workspace: Path, call: Any) -> None:
    change = ("task", "labelling", "orders", "-w", workspace)
    assert "1, 1 where it judges models" in call(*change).out
    done = call(*change, "--labels-per-judge", 2, "--hourly-rate", 36, "--opinion", "shown")
    assert "its time, at 36 USD an hour" in done.out
    call(*change, "--second-looks", 5, "--lease-minutes", 3, "--labels-per-item", 3, "--passes", 2)
    expected = LabellingPolicy(
        per_item=3,
        per_judge=2,
        passes=2,
        second_looks=5,
        opinion="shown",
        hourly_rate=Money(Decimal(36)),
        lease_minutes=3,
    )
    with Store.open(workspace, create=False) as store:
        assert labelling_of(store, "orders") == expected
    told = json.loads(call(*change, "--hourly-rate", "none", "--json").out)
    assert told["labelling"]["hourly_rate"] is None


@pytest.mark.parametrize("word", ["-1", "nan", "much"])
def test_a_rate_that_is_no_money_is_refused(workspace: Path, call: Any, word: str) -> None:
    done = call("task", "labelling", "orders", f"--hourly-rate={word}", "-w", workspace)
    assert done.code == 2
    assert f"got {word!r}" in done.err

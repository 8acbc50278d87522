"""`twoloops worth`, what `status` and `turn` say of it, and `task set`."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from turned import euros, turned, wait

from twoloops.records.money import Money
from twoloops.records.task import Costs
from twoloops.store.workspace import Store
from twoloops.wiring.beginning import begin


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    begin(tmp_path / "ws")
    return tmp_path / "ws"


def said(text: str) -> str:
    return " ".join(text.split())


def test_worth_prints_batches_verdict_sceptic_and_horizon(call, folder) -> None:
    with Store.open(folder) as store:
        turned(store, [16, 10, 6, 4])
    done = call("worth", "-w", folder)
    assert done.code == 0, done.err
    for count in (10, 20, 40, 80, 160):
        assert f"\n{count:>11} " in "\n" + done.out or f" {count} " in said(done.out)
    words = said(done.out)
    assert "worth it: the next 40 labels are worth more than they cost (expected saving" in words
    assert "A sceptic's guesses" in words
    assert "what 4 turns bring at the present rate" in words
    assert all(len(line) <= 80 for line in done.out.splitlines())
    found = json.loads(
        call("worth", "strip", "--labels", 20, "--horizon", 5, "-w", folder, "--json").out
    )
    assert (found["advice"]["labels"], found["advice"]["horizon"]) == (20, 5)
    assert found["horizon_is"] == "as asked for"
    status = json.loads(call("status", "-w", folder, "--json").out)
    assert status["tasks"][0]["worth"]["verdict"] == "worth it"
    assert "40, worth it: expected to save" in said(call("status", "-w", folder).out)


def test_unknown_is_said_and_no_number_with_it(call, folder) -> None:
    with Store.open(folder) as store:
        turned(store, [1, 2])
    words = said(call("worth", "-w", folder).out)
    assert "What the next 40 labels are worth is unknown: 2 turns have audit labels" in words
    assert "EUR" not in words
    assert "40, worth unknown: 2 turns have" in said(call("status", "-w", folder).out)


def test_costs_never_set_are_said_and_can_be_set(call, folder) -> None:
    with Store.open(folder) as store:
        turned(store, [16, 10, 6, 4], costs=Costs())
    done = call("worth", "-w", folder)
    assert "in units of one label (labels), as the task's costs were never set" in said(done.out)
    assert "task set strip --escape-cost 100" in done.out
    changed = call(
        "task", "set", "strip", "--escape-cost", "80", "--false-reject-cost", "4", "--label-cost",
        "2", "--currency", "EUR", "--stop-when-worthless", "-w", folder,
    )  # fmt: skip
    assert changed.code == 0, changed.err
    shown = json.loads(call("task", "show", "-w", folder, "--json").out)["tasks"][0]
    assert shown["task"]["costs"]["escape"] == {"amount": "80", "currency": "EUR"}
    assert shown["policy"]["stop_when_worthless"] is True
    assert "are not asked for" in said(call("task", "show", "-w", folder).out)
    found = json.loads(call("worth", "-w", folder, "--json").out)
    assert (found["unit"], found["prices"]["escape"]) == ("EUR", 80)
    back = call("task", "set", "--never-stop", "--labels-per-turn", 12, "-w", folder)
    assert back.code == 0, back.err
    shown = json.loads(call("task", "show", "-w", folder, "--json").out)["tasks"][0]
    assert (shown["policy"]["stop_when_worthless"], shown["policy"]["labels_per_turn"]) == (
        False,
        12,
    )


def test_what_was_paid_keeps_its_currency(call, folder) -> None:
    with Store.open(folder) as store:
        turned(store, [1], costs=Costs())
        store.journal.append(
            "labels paid",
            task="strip",
            turn=0,
            key="made in a test",
            at=datetime(2026, 1, 1, tzinfo=UTC),
            body={"labels": "1", "labellers": "person:bob", "content": ""},
            cost=Money(Decimal(1)),
        )
    assert "--label-cost 1 --currency USD" in said(call("worth", "-w", folder).out)
    refused = call("task", "set", "strip", "--currency", "EUR", "-w", folder)
    assert refused.code == 2
    assert "were paid in USD already" in said(refused.err)
    assert call("status", "-w", folder).code == 0  # it adds what was paid
    kept = call("task", "set", "strip", "--escape-cost", "80", "-w", folder)
    assert kept.code == 0, kept.err


def test_nothing_to_set_is_refused(call, folder) -> None:
    with Store.open(folder) as store:
        turned(store, [1])
    refused = call("task", "set", "strip", "-w", folder)
    assert (refused.code, "nothing to change" in refused.err) == (2, True)


def test_a_turn_that_asks_says_stop_and_how_to_do_without(call, folder) -> None:
    with Store.open(folder) as store:
        task = turned(store, [2] * 8, costs=euros("5", "1", "10"))
        wait(store, task, 9, audits=3, teaching=17)
    asks = call("turn", "-w", folder)
    words = said(asks.out)
    assert "waits for 20 labels" in words
    assert "stop: the next 17 labels are worth less than they cost (expected saving" in words
    assert "turn strip --audits-only" in asks.out
    assert json.loads(call("turn", "-w", folder, "--json").out)["worth"]["verdict"] == "stop"
    without = call("turn", "strip", "--audits-only", "-w", folder)
    assert "waits for 3 labels" in said(without.out)
    assert "stop:" not in without.out
    assert json.loads(call("turn", "-w", folder, "--json").out)["worth"] is None


def test_a_turn_says_what_its_labels_are_worth(call, folder) -> None:
    with Store.open(folder) as store:
        task = turned(store, [16, 10, 6, 4])
        wait(store, task, 5, audits=3, teaching=17)
    words = said(call("turn", "-w", folder).out)
    assert "worth it: the next 17 labels are worth more than they cost" in words
    assert "--audits-only" not in words

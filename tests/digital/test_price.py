import sys
from datetime import UTC, datetime

import pytest

from twoloops.digital.price import frontier_price, ours_per_million, tokens_of
from twoloops.records.task import Task

LABELS = ("good", "leak")


def test_texts_are_counted_by_their_characters():
    task = Task(name="t", kind="text", labels=LABELS)
    assert tokens_of(task, [b"x" * 40, b"x" * 80]) == (80 + 4 + 15, 2)
    assert tokens_of(task, [])[0] == 84


def test_pictures_and_signals_are_counted_by_their_size():
    assert tokens_of(Task(name="t", kind="image", labels=LABELS), [b"?"])[0] == 84 + 765
    signal = Task(name="t", kind="signal", labels=LABELS, shape=(3, 100))
    assert tokens_of(signal, [])[0] == 84 + 900


def test_a_list_price_is_dated_sourced_and_does_not_claim_quality():
    pytest.importorskip("model_prices")
    price = frontier_price(100, 3, datetime(2026, 10, 1, tzinfo=UTC))
    assert price.per_million is not None
    assert price.per_million > 0
    assert price.as_of.startswith("2026-10-01 (listed since ")
    assert price.source.startswith("https://")
    assert price.note.startswith("equal quality not measured")
    doubled = frontier_price(200, 6, datetime(2026, 10, 1, tzinfo=UTC))
    assert doubled.per_million == pytest.approx(2 * price.per_million)


def test_no_price_is_dated_after_the_data_or_before_the_first_listing():
    pytest.importorskip("model_prices")
    late = frontier_price(1, 1, datetime(2099, 1, 1, tzinfo=UTC)).as_of
    early = frontier_price(1, 1, datetime(2001, 1, 1, tzinfo=UTC)).as_of
    assert late == frontier_price(1, 1, None).as_of
    assert early[:10] == early[-11:-1]


def test_an_unknown_model_or_a_missing_package_gives_a_reason(monkeypatch):
    pytest.importorskip("model_prices")
    unknown = frontier_price(1, 1, None, model="no-such-model")
    assert unknown.per_million is None
    assert unknown.note.startswith("no list price: model-prices lists no price")
    monkeypatch.setitem(sys.modules, "model_prices", None)
    missing = frontier_price(1, 1, None)
    assert missing.per_million is None
    assert missing.note.startswith("no list price: the package model-prices is not installed")


def test_no_decisions_do_no_harm():
    assert ours_per_million(3.0, 0) == 3e6

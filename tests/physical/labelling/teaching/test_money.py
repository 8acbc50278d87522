"""Laws of the money: whatever an endpoint does and wherever the process dies."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from teaching import NOW, PRICE, TASK, means, questions, teacher, truth

from twoloops.physical.labelling.teaching import book
from twoloops.physical.labelling.teaching.asking import ask
from twoloops.physical.labelling.teaching.choosing import choose
from twoloops.physical.labelling.teaching.port import (
    NoEffectError,
    Reply,
    Request,
    UnknownOutcomeError,
)
from twoloops.records.errors import UserError
from twoloops.records.money import Money
from twoloops.records.teacher import Teacher, Usage
from twoloops.store.workspace import Store

KINDS = (
    "answer",
    "answer without usage",
    "partial",
    "refusal",
    "malformed without usage",
    "malformed",
    "wrong label",
    "too much",
    "busy",
    "turned down",
    "unknown",
    "die",
)


class _DiedError(BaseException):
    """Stands for kill -9: nothing after it runs."""


class Bank:
    """An endpoint that bills what it likes, up to what was sent, and says what it likes of it."""

    def __init__(self, store: Store, own: Teacher, script: list[tuple[str, float]]) -> None:
        self.store, self.own, self.script = store, own, script
        self.billed = Decimal(0)
        self.lost: list[str] = []
        self.over = False

    def ask(self, request: Request) -> Reply:
        held = self.store.calls.held(self.own.name, "USD")
        limit = self.own.limit
        assert limit is not None
        assert held.amount <= limit.amount, "a call is noted before it is sent, within the limit"
        assert not self.over, "after a report that cannot be nothing is asked"
        texts = [one["input"] for one in json.loads(request.messages[1]["content"])["items"]]
        assert not set(texts) & set(self.lost), "what may have been paid is not asked again"
        kind, share = self.script.pop(0) if self.script else ("answer", 1.0)
        usage = Usage(int(request.read * share), int(request.written * share))
        said = [{"item": n, "label": truth(text)} for n, text in enumerate(texts, 1)]
        if kind == "busy":
            raise NoEffectError("busy", passing=True)
        if kind == "turned down":
            raise NoEffectError("turned down")
        if kind == "too much":
            self.over = True
            usage = Usage(request.read * 10 + 1, 0)
        self.billed += PRICE.of(usage).amount
        if kind in ("unknown", "die"):
            self.lost += texts
            raise UnknownOutcomeError("late") if kind == "unknown" else _DiedError
        if kind == "partial":
            said = said[:1]
        if kind == "wrong label":
            said = [{"item": 1, "label": "rusty"}]
        if kind == "refusal":
            return Reply(refusal="no", usage=usage)
        text = "{" if kind.startswith("malformed") else json.dumps({"answers": said})
        return Reply(text=text, usage=None if "without" in kind else usage)


@settings(max_examples=40, deadline=None)
@given(
    script=st.lists(st.tuples(st.sampled_from(KINDS), st.floats(0, 1)), max_size=14),
    limit=st.decimals("0", "0.06", places=4),
    money=st.none() | st.decimals("0", "0.05", places=4),
    batch=st.integers(1, 4),
)
def test_no_more_than_the_limit_can_have_been_billed(script, limit, money, batch) -> None:
    own = teacher(limit=Money(limit), batch=batch, tries=2)
    with Store.in_memory() as store:
        store.teachers.attach(own, NOW)
        questions(store, 6)
        bank = Bank(store, own, list(script))
        for _ in range(3):
            before = store.calls.held("big", "USD").amount
            chosen = choose(store, "orders", own, at=NOW).questions
            try:
                told = ask(
                    store,
                    TASK,
                    own,
                    chosen,
                    means(bank),
                    money=None if money is None else Money(money),
                )
            except _DiedError:
                continue
            counted = told.answered + sum(told.people.values()) + told.unasked + told.unknown
            assert counted == told.asked == len(chosen)
            if money is not None and not bank.over:
                assert told.held.amount <= money
            assert store.calls.held("big", "USD").amount - before == told.held.amount
            if bank.over:
                break
        _check_books(store, bank, limit)


def _check_books(store: Store, bank: Bank, limit: Decimal) -> None:
    held = store.calls.held("big", "USD").amount
    assert bank.billed <= held
    if not bank.over:
        assert held <= limit
    paid = store.calls.paid("big", "USD").amount
    labels = sum((one.cost.amount for one in store.labels.of_task("orders")), Decimal(0))
    vain = [fact.cost for fact in store.journal.facts(kind="teacher paid in vain")]
    assert labels + sum((one.amount for one in vain if one), Decimal(0)) == paid <= held
    noted = sum(
        (cost.amount for fact in store.journal.facts("orders") if (cost := fact.cost)), Decimal(0)
    )
    assert noted == paid


@given(cost=st.decimals("0", "1000", places=12), count=st.integers(1, 200))
def test_shares_add_up(cost, count) -> None:
    found = book.shares(Money(cost), count)
    assert len(found) == count
    assert sum(one.amount for one in found) == cost
    assert all(one.amount >= 0 for one in found)


@given(read=st.integers(0, 10**7), written=st.integers(0, 10**6), more=st.integers(0, 10**6))
def test_more_tokens_never_cost_less(read, written, more) -> None:
    assert PRICE.of(Usage(read, written)).amount <= PRICE.of(Usage(read + more, written)).amount
    assert PRICE.of(Usage(read, written)).amount <= PRICE.of(Usage(read, written + more)).amount


def test_a_call_is_not_noted_inside_a_transaction() -> None:
    own = teacher()
    with Store.in_memory() as store:
        store.teachers.attach(own, NOW)
        questions(store, 1)
        bank = Bank(store, own, [])
        chosen = choose(store, "orders", own, at=NOW).questions
        with store.transaction(), pytest.raises(RuntimeError, match="before it is sent"):
            ask(store, TASK, own, chosen, means(bank))


def test_a_person_settles_what_nobody_knows() -> None:
    own = teacher(batch=6)
    with Store.in_memory() as store:
        store.teachers.attach(own, NOW)
        questions(store, 6)
        bank = Bank(store, own, [("unknown", 0.5)])
        ask(store, TASK, own, choose(store, "orders", own, at=NOW).questions, means(bank))
        (call,) = store.calls.of_teacher("big")
        with pytest.raises(UserError, match="an amount of 0 or more: got -1"):
            book.settle(store, call.key, Decimal(-1), "", NOW)
        done = book.settle(store, call.key, Decimal("0.001"), "the bill of November", NOW)
        assert (done.state, done.held, done.paid) == ("settled", *[Money(Decimal("0.001"))] * 2)
        assert store.calls.held("big", "USD") == Money(Decimal("0.001"))
        (fact,) = store.journal.facts(kind="teacher paid in vain")
        assert fact.cost == done.paid
        assert choose(store, "orders", own, at=NOW).questions == ()
        with pytest.raises(UserError, match="is settled already"):
            book.settle(store, call.key, Decimal(0), "", NOW)
        with pytest.raises(UserError, match="no call 'x': see  twoloops teacher show NAME"):
            book.settle(store, "x", Decimal(0), "", NOW)

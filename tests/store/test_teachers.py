"""The shelf of teachers and the call book."""

from datetime import timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace
from teaching import NOW, place, questions, teacher

from twoloops.records.errors import UserError
from twoloops.records.money import Money
from twoloops.records.teacher import Call, CallState
from twoloops.store.workspace import Store


def call(
    key: str, state: CallState = "sent", numbers: tuple[int, ...] = (1, 2), held="0.5"
) -> Call:
    money = Money(Decimal(held))
    return Call(
        key=key,
        teacher="big",
        task="orders",
        turn=0,
        state=state,
        items=tuple(map(place, numbers)),
        reserved=money,
        held=money,
        paid=Money(Decimal(0)),
        begun_at=NOW,
    )


@pytest.fixture
def store():
    with Store.in_memory() as made:
        questions(made, 4)
        made.teachers.attach(teacher(), NOW)
        yield made


def test_what_is_attached_is_found_as_it_was(store) -> None:
    assert store.teachers.get("big").teacher == teacher()
    changed = replace(teacher(), model="bigger")
    store.teachers.attach(changed, NOW + timedelta(1))
    (found,) = store.teachers.all()
    assert (found.teacher, found.dropped_at) == (changed, None)


def test_dropping_twice_keeps_the_first_day_and_attaching_brings_it_back(store) -> None:
    store.teachers.drop("big", NOW)
    store.teachers.drop("big", NOW + timedelta(1))
    assert store.teachers.get("big").dropped_at == NOW
    store.teachers.attach(teacher(), NOW)
    assert store.teachers.get("big").dropped_at is None


def test_who_is_not_there_is_said(store) -> None:
    with pytest.raises(UserError, match=r"no teacher 'small' is attached: there are \['big'\]"):
        store.teachers.drop("small", NOW)
    with Store.in_memory() as empty, pytest.raises(UserError, match="twoloops teacher add"):
        empty.teachers.get("small")


def test_the_book_adds_up_what_is_held_and_keeps_keys_apart(store) -> None:
    first = call("a")
    store.calls.begin(first)
    store.calls.begin(call("b", held="0.25"))
    assert store.calls.held("big", "USD") == Money(Decimal("0.75"))
    done = replace(first, state="answered", held=Money(Decimal("0.1")), paid=Money(Decimal("0.1")))
    store.calls.end(done)
    assert store.calls.get("a") == done
    assert store.calls.held("big", "USD") == Money(Decimal("0.35"))
    assert store.calls.paid("big", "USD") == Money(Decimal("0.1"))
    assert [one.key for one in store.calls.of_teacher("big", ["sent"])] == ["b"]
    assert [one.key for one in store.calls.of_task("orders")] == ["a", "b"]
    with pytest.raises(Exception, match="UNIQUE"):
        store.calls.begin(first)
    with pytest.raises(UserError, match="no call 'c'"):
        store.calls.end(call("c"))


def test_two_currencies_never_add(store) -> None:
    store.calls.begin(call("a"))
    with pytest.raises(UserError, match="cannot add EUR and USD"):
        store.calls.held("big", "EUR")
    assert store.calls.paid("big", "EUR") == Money(Decimal(0), "EUR")


def test_a_fate_is_the_last_one_and_calls_without_effect_have_none(store) -> None:
    store.calls.begin(call("a", "failed", (1,)))
    store.calls.begin(call("b", "unknown", (2, 3)))
    refused = replace(call("c", "failed", (4,)), fates={str(place(4)): "refused"})
    store.calls.begin(refused)
    fates = store.calls.fates("big", "orders")
    assert set(fates) == {place(2), place(3), place(4)}
    assert "unknown" in fates[place(2)]
    later = replace(
        call("d", "answered", (2, 4)),
        fates={str(place(2)): "", str(place(4)): "cannot tell"},
        begun_at=NOW + timedelta(1),
    )
    store.calls.begin(later)
    assert store.calls.fates("big", "orders") == {
        place(3): fates[place(3)],
        place(4): "cannot tell",
    }
    assert store.calls.fates("big", "another") == {}

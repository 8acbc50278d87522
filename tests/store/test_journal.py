import sqlite3
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.records.journal import GENESIS
from twoloops.records.money import Money, sums
from twoloops.store.journal import KeyConflictError
from twoloops.store.workspace import CATALOG, Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
COLUMNS = (
    "sequence", "kind", "task", "turn", "key", "body", "amount", "currency", "recorded_at",
    "previous", "digest",
)  # fmt: skip


def fill(store: Store, facts: int = 5) -> None:
    for number in range(facts):
        store.journal.append(
            "label paid",
            task="orders",
            turn=number // 2,
            key=f"label/{number}",
            at=NOW + timedelta(seconds=number),
            body={"label": "leak", "observation": str(number)},
            cost=Money(Decimal("1.50")) if number % 2 else None,
        )


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.in_memory() as store:
        fill(store)
        yield store


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        with Store.open(Path(name)) as store:
            fill(store)
        yield Path(name)


def problems_after(folder: Path, *statements: tuple[Any, ...]) -> list[str]:
    """Return what `verify` says of a copy of the journal changed behind its back."""
    with tempfile.TemporaryDirectory() as name:
        source = sqlite3.connect(folder / CATALOG)
        copy = sqlite3.connect(Path(name) / CATALOG)
        source.backup(copy)
        source.close()
        for text, *values in statements:
            copy.execute(text, values)
        copy.commit()
        copy.close()
        with Store.open(Path(name)) as store:
            return store.journal.verify()


def test_facts_are_chained_without_a_gap(store: Store) -> None:
    facts = store.journal.facts()
    assert [fact.sequence for fact in facts] == [1, 2, 3, 4, 5]
    previous = [GENESIS, *(fact.digest for fact in facts)]
    assert [fact.previous for fact in facts] == previous[:-1]
    assert store.journal.head() == (5, facts[-1].digest)
    assert store.journal.verify() == []
    assert [fact.sequence for fact in store.journal.facts("orders", turn=1)] == [3, 4]
    assert store.journal.facts(kind="release approved") == []


def test_the_same_key_and_content_is_one_fact(store: Store) -> None:
    old = store.journal.by_key("label/2")
    assert old is not None
    again = store.journal.append(
        old.kind, task=old.task, turn=old.turn, key=old.key, at=NOW + timedelta(days=1),
        body=old.body, cost=old.cost,
    )  # fmt: skip
    assert again == old
    assert store.journal.head()[0] == 5


def test_the_same_key_for_something_else_is_refused(store: Store) -> None:
    with pytest.raises(KeyConflictError, match="journal key 'label/2' is taken by fact 3"):
        store.journal.append("label paid", task="orders", turn=1, key="label/2", at=NOW)
    assert store.journal.verify() == []


def append_and_fail(store: Store) -> None:
    store.journal.append("base adopted", task="orders", turn=3, key="undone", at=NOW)
    raise ZeroDivisionError


def test_a_fact_undone_with_its_transaction_leaves_no_gap(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.transaction():
        append_and_fail(store)
    fact = store.journal.append("base adopted", task="orders", turn=3, key="done", at=NOW)
    assert fact.sequence == 6
    assert store.journal.verify() == []


def test_costs_add_up_by_turn(store: Store) -> None:
    assert store.journal.costs("orders") == {
        0: (Money(Decimal("1.50")),),
        1: (Money(Decimal("1.50")),),
    }
    assert store.journal.costs("orders", kind="release approved") == {}
    euro = Money(Decimal(2), "EUR")
    store.journal.append("label paid", task="orders", turn=1, key="euro", at=NOW, cost=euro)
    assert store.journal.costs("orders") == {
        0: (Money(Decimal("1.50")),),
        1: (euro, Money(Decimal("1.50"))),
    }
    assert store.journal.spent("orders", "label paid") == (euro, Money(Decimal("3.00")))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 5), st.sampled_from(COLUMNS), st.data())
def test_any_changed_byte_of_any_field_is_found(
    folder: Path, sequence: int, column: str, data: st.DataObject
) -> None:
    source = sqlite3.connect(folder / CATALOG)
    (value,) = source.execute(
        f"SELECT {column} FROM journal WHERE sequence = ?", (sequence,)
    ).fetchone()
    keys = {key for (key,) in source.execute("SELECT key FROM journal")}
    source.close()
    text = "" if value is None else str(value)
    at = data.draw(st.integers(0, max(len(text) - 1, 0)))
    new = data.draw(st.characters(codec="ascii", categories=("L", "N", "P", "Zs")))
    changed: str | int = text[:at] + new + text[at + 1 :]
    if isinstance(value, int):
        changed = value + data.draw(st.integers(1, 99)) * data.draw(st.sampled_from([-1, 1]))
        if column == "sequence" and 1 <= changed <= 5:
            changed += 100
    if changed == value or (column == "key" and changed in keys):
        return  # nothing is changed, or the table itself refuses it
    problems = problems_after(
        folder, (f"UPDATE journal SET {column} = ? WHERE sequence = ?", changed, sequence)
    )
    assert problems


def test_white_space_put_into_a_body_is_found(folder: Path) -> None:
    statement = "UPDATE journal SET body = replace(body, ':', ': ') WHERE sequence = 2"
    assert problems_after(folder, (statement,)) == [
        "fact 2 was changed: it has not the digest it had"
    ]


def test_a_missing_fact_is_found(folder: Path) -> None:
    assert problems_after(folder, ("DELETE FROM journal WHERE sequence = 3",)) == [
        "fact 3 is missing",
        "fact 4 does not follow fact 2: one of them was moved, removed or replaced",
    ]
    assert problems_after(folder, ("DELETE FROM journal WHERE sequence IN (2, 3)",))[0] == (
        "facts 2 to 3 are missing"
    )


def test_a_missing_end_is_found(folder: Path) -> None:
    (problem,) = problems_after(folder, ("DELETE FROM journal WHERE sequence > 3",))
    assert problem.startswith("the journal ends with fact 3, and its head says '5 sha256:")
    assert problems_after(folder, ("DELETE FROM journal",))


def test_a_changed_head_is_found(folder: Path) -> None:
    assert problems_after(folder, ("UPDATE meta SET value = '4 x' WHERE name = 'journal'",))


def test_two_facts_that_changed_places_are_found(folder: Path) -> None:
    problems = problems_after(
        folder,
        ("UPDATE journal SET sequence = 99 WHERE sequence = 2",),
        ("UPDATE journal SET sequence = 2 WHERE sequence = 3",),
        ("UPDATE journal SET sequence = 3 WHERE sequence = 99",),
    )
    assert "fact 2 does not follow fact 1: one of them was moved, removed or replaced" in problems
    assert "fact 3 was changed: it has not the digest it had" in problems


def test_a_chain_written_anew_differs_from_the_digest_noted_elsewhere(store: Store) -> None:
    sequence, digest = store.journal.head()
    assert store.journal.verify({sequence: digest, 0: GENESIS}) == []
    with Store.in_memory() as forged:
        fill(forged, 4)
        forged.journal.append("label paid", task="orders", turn=2, key="other", at=NOW)
        assert forged.journal.verify() == []
        assert forged.journal.verify({sequence: digest}) == [
            f"fact 5 is not the one noted elsewhere as {digest}"
        ]


def test_what_a_turn_spent_is_the_sum_of_its_facts(store: Store) -> None:
    for turn in range(4):
        costs = [fact.cost for fact in store.journal.facts("orders", turn, "label paid")]
        found = store.journal.costs("orders", "label paid", turn)
        assert found == ({turn: sums(costs)} if sums(costs) else {})
    assert store.journal.spent("orders", "release approved") == ()

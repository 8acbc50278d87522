"""What is verified again, and what is not, by a process that is asked again and again."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Delete, Update, delete, update

from twoloops.store import schema
from twoloops.store.workspace import Store
from twoloops.wiring.verified import WHOLE, Verified

AT = datetime(2026, 3, 1, tzinfo=UTC)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def append(store: Store, count: int) -> None:
    first = store.journal.head()[0]
    for number in range(first, first + count):
        store.journal.append("label paid", task="t", turn=0, key=str(number), at=AT)


def behind(store: Store, statement: Update | Delete) -> None:
    """Change the journal behind its back."""
    with store._database.transaction() as connection:
        connection.execute(statement)


def change(store: Store, sequence: int) -> None:
    here = schema.journal.c.sequence == sequence
    behind(store, update(schema.journal).where(here).values(turn=7))


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.in_memory() as found:
        append(found, 5)
        yield found


def test_only_what_is_new_is_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    verified = Verified(Clock())
    assert verified.problems(store) == ()
    append(store, 2)
    read: list[tuple[int, str]] = []
    whole = store.journal.verify

    def watched(known=None, after=(0, "")) -> list[str]:
        read.append(after)
        return whole(known, after)

    monkeypatch.setattr(store.journal, "verify", watched)
    assert verified.problems(store) == ()
    assert verified.problems(store) == ()
    assert [sequence for sequence, _ in read] == [5, 7]


def test_a_change_of_what_is_new_is_found_and_told_until_it_is_mended(store: Store) -> None:
    verified = Verified(Clock())
    verified.problems(store)
    append(store, 2)
    change(store, 6)
    for _ in range(2):
        assert verified.problems(store) == tuple(store.journal.verify()) != ()


def test_facts_removed_from_what_was_whole_are_missed_at_once(store: Store) -> None:
    verified = Verified(Clock())
    verified.problems(store)
    behind(store, delete(schema.journal).where(schema.journal.c.sequence == 2))
    assert "fact 2 is missing" in verified.problems(store)


def test_a_change_of_an_old_fact_is_found_when_the_whole_is_due(store: Store) -> None:
    clock = Clock()
    verified = Verified(clock)
    verified.problems(store)
    change(store, 2)
    clock.now = WHOLE - 1
    assert verified.problems(store) == ()
    clock.now = WHOLE
    assert verified.problems(store) == ("fact 2 was changed: it has not the digest it had",)

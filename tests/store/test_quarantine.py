"""What is quarantined, page by page and counted."""

from datetime import UTC, datetime, timedelta

from twoloops.store.rows import Quarantined, Reason
from twoloops.store.workspace import Store

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def filled() -> Store:
    store = Store.in_memory()
    store.quarantine.add_many(
        [Quarantined("a", f"row {n}", "too long", AT + timedelta(hours=n)) for n in range(5)]
        + [Quarantined("b", "row 0", "no text", AT + timedelta(hours=9))]
    )
    return store


def test_pages_are_newest_first_and_hold_everything_once() -> None:
    with filled() as store:
        pages = [store.quarantine.latest(4, skip=skip) for skip in (0, 4, 8)]
        assert [len(page) for page in pages] == [4, 2, 0]
        listed = [one for page in pages for one in page]
        assert listed == sorted(store.quarantine.all(), key=lambda one: one.at, reverse=True)
        assert [one.source for one in store.quarantine.latest(9, source="b")] == ["b"]


def test_reasons_are_counted_by_source_with_the_time_of_the_last() -> None:
    with filled() as store:
        assert sorted(store.quarantine.reasons(), key=lambda one: one.source) == [
            Reason("a", "too long", 5, AT + timedelta(hours=4)),
            Reason("b", "no text", 1, AT + timedelta(hours=9)),
        ]
    with Store.in_memory() as empty:
        assert empty.quarantine.reasons() == []

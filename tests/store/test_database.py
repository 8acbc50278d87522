import contextlib
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from twoloops.records.errors import UserError
from twoloops.records.task import Task
from twoloops.store import schema
from twoloops.store.database import stamp
from twoloops.store.schema import INLINE_LIMIT, VERSION
from twoloops.store.workspace import CATALOG, Store

zones = st.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=zones)  # noqa: DTZ001


@settings(deadline=None, max_examples=50)
@given(times, times)
def test_stamps_sort_as_times_do(one: datetime, other: datetime) -> None:
    assert (stamp(one) < stamp(other)) == (one < other)
    assert datetime.fromisoformat(stamp(one)) == one


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="a time needs a zone: got 2026-01-01T00:00:00"):
        stamp(datetime(2026, 1, 1))  # noqa: DTZ001


def test_the_schema_is_written_for_postgresql_too() -> None:
    texts = [
        str(CreateTable(table).compile(dialect=postgresql.dialect()))
        for table in schema.metadata.sorted_tables
    ]
    assert any("BIGSERIAL" in text for text in texts)


def test_the_catalog_is_durable_and_checks_references(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store, store._database.reading() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 30000,
    }


def test_a_later_schema_is_refused(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    connection = sqlite3.connect(tmp_path / CATALOG)
    connection.execute("UPDATE meta SET value = '99' WHERE name = 'schema'")
    connection.commit()
    connection.close()
    with pytest.raises(UserError) as caught:
        Store.open(tmp_path)
    assert str(caught.value) == (
        "this workspace has schema version 99, and this twoloops understands versions up to "
        f"{VERSION}: upgrade twoloops"
    )


def test_a_file_that_is_no_catalog_is_refused(tmp_path: Path) -> None:
    (tmp_path / CATALOG).write_bytes(b"not a database at all" * 100)
    with pytest.raises(UserError, match="file is not a database; check the path, or restore"):
        Store.open(tmp_path)


def test_a_catalog_that_the_engine_cannot_open_is_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / CATALOG).mkdir()
    with pytest.raises(UserError, match="check the path, and that its disk has room") as caught:
        Store.open(tmp_path)
    assert "backup" not in str(caught.value)


def write_and_fail(store: Store, done: list[str]) -> None:
    with store.transaction():
        store.tasks.put(Task("inner", "text", ("x",)))
        assert store.tasks.find("inner") is not None
        store._database.after_commit(lambda: done.append("inner"))
        raise RuntimeError


def test_a_transaction_is_all_or_nothing() -> None:
    with Store.in_memory() as store:
        with pytest.raises(RuntimeError):
            write_and_fail(store, done=[])
        assert store.tasks.find("inner") is None


def test_an_inner_transaction_that_fails_undoes_its_own_writes_only() -> None:
    done: list[str] = []
    with Store.in_memory() as store:
        with store.transaction():
            store.tasks.put(Task("outer", "text", ("x",)))
            store._database.after_commit(lambda: done.append("outer"))
            with pytest.raises(RuntimeError):
                write_and_fail(store, done)
            assert done == []
        assert [task.name for task in store.tasks.all()] == ["outer"]
        assert done == ["outer"]
        with pytest.raises(RuntimeError, match="after_commit needs an open transaction"):
            store._database.after_commit(lambda: None)


def go_on_after_a_part_failed(store: Store) -> None:
    with (
        store.transaction(),
        contextlib.suppress(ValueError),
        store.transaction(savepoint=False),
    ):
        store.tasks.put(Task("part", "text", ("x",)))
        raise ValueError


def test_a_part_that_fails_takes_the_whole_transaction_with_it() -> None:
    with Store.in_memory() as store:
        with pytest.raises(RuntimeError, match="cannot be left out"):
            go_on_after_a_part_failed(store)
        assert store.tasks.all() == []
        store.tasks.put(Task("next", "text", ("x",)))
        assert store.tasks.find("next") is not None


def test_a_savepoint_undoes_a_part_that_failed_inside() -> None:
    with Store.in_memory() as store:
        with store.transaction():
            store.tasks.put(Task("outer", "text", ("x",)))
            with (
                contextlib.suppress(ValueError),
                store.transaction(),
                store.transaction(savepoint=False),
            ):
                store.tasks.put(Task("part", "text", ("x",)))
                raise ValueError
            with pytest.raises(RuntimeError, match="cannot be left out"):
                go_on_after_a_part_failed(store)
        assert [task.name for task in store.tasks.all()] == ["outer"]


def test_a_second_process_reads_while_one_writes(tmp_path: Path) -> None:
    with Store.open(tmp_path) as writer, Store.open(tmp_path) as reader, writer.transaction():
        writer.tasks.put(Task("a", "text", ("x",)))
        assert reader.tasks.find("a") is None


def test_a_log_is_read_from_until_somebody_copies_it(tmp_path: Path) -> None:
    def size() -> int:
        return (tmp_path / CATALOG).stat().st_size

    data = [bytes([number]) * INLINE_LIMIT for number in range(100)]
    with Store.open(tmp_path) as writer, Store.open(tmp_path) as other:
        writer.leave_log()
        digests = writer.inputs.put_many(data, "text")
        kept = dict(zip(digests, data, strict=True))
        assert size() < 1 << 20, "SQLite would have copied a log of so many pages"
        assert other.inputs.get_many(digests) == kept
        other.checkpoint()
        assert size() > len(data) * INLINE_LIMIT
        assert writer.inputs.get_many(digests) == kept
    with Store.in_memory() as store:
        store.tasks.put(Task("a", "text", ("x",)))
        store.leave_log()
        store.checkpoint()
        assert store.tasks.find("a") is not None


def test_a_snapshot_is_one_state_whatever_others_commit(tmp_path: Path) -> None:
    with Store.open(tmp_path) as reader, Store.open(tmp_path) as writer:
        with reader.snapshot():
            assert reader.tasks.all() == []
            writer.tasks.put(Task("a", "text", ("x",)))
            with reader.snapshot():
                assert reader.tasks.all() == []
            with pytest.raises(RuntimeError, match="within a snapshot nothing is written"):
                reader.tasks.put(Task("b", "text", ("x",)))
        assert [task.name for task in reader.tasks.all()] == ["a"]
        with writer.transaction():
            writer.tasks.put(Task("b", "text", ("x",)))
            with writer.snapshot():  # a transaction's own state
                assert [task.name for task in writer.tasks.all()] == ["a", "b"]


def test_times_of_the_epoch_are_stamped_in_utc() -> None:
    assert stamp(datetime(1970, 1, 1, tzinfo=UTC)) == "1970-01-01T00:00:00.000000+00:00"

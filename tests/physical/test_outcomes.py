"""Outcomes are joined by key: nothing is lost, and reading twice changes nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from teaching import NOW, TASK, place, questions

from twoloops.physical.outcomes import Columns, Joined, import_outcomes, unasked
from twoloops.records.errors import UserError
from twoloops.records.observation import Place
from twoloops.store.workspace import Store


@pytest.fixture
def store() -> Iterator[Store]:
    """Three observations that were asked about and three that were not; two share a key."""
    with Store.in_memory() as made:
        questions(made, 3)
        known = made.observations.find([place(1)])[place(1)]
        for number in (4, 5, 6):
            other = type(known)(
                place(number),
                TASK.name,
                known.input,
                NOW,
                "turn 0",
                None,
                known.kept,
            )
            made.observations.add_many([other])
        keys = {place(number): f"part {number}" for number in (1, 2, 3, 4)}
        made.keys.add_many("orders", keys | {place(5): "twin", place(6): "twin"})
        made.observations.claim("orders", 0)
        yield made


def read(store: Store, path: Path, text: str, **more: object) -> Joined:
    path.write_text(text, encoding="utf-8")
    columns = Columns(key="part", label="found", at="day")
    said = {"source": "returns", "at": NOW, **more}
    return import_outcomes(store, "orders", path, columns, **said)


FILE = """part,found,day
part 1,leak,2026-10-03
part 4,ok,2026-10-04 08:00
part 2,,2026-10-05
twin,leak,2026-10-05
part 9,leak,2026-10-05
part 3,rusty,2026-10-05
part 3,ok,someday
,ok,2026-10-05
"""


def test_a_file_is_joined_and_every_row_has_its_place(store, tmp_path) -> None:
    done = read(store, tmp_path / "returns.csv", FILE)
    assert (done.rows, done.new, done.known, done.blank, done.unasked) == (7, 2, 0, 1, 1)
    assert done.unmatched == (
        "returns.csv, line 6: no observation of task 'orders' has the key 'part 9'",
    )
    (ambiguous,) = done.ambiguous
    assert "2 observations have the key 'twin': press 4/a/5, press 4/a/6" in ambiguous
    whys = " | ".join(done.refused)
    assert "'rusty' is no label of task 'orders'" in whys
    assert "the time 'someday' is no date" in whys
    assert "the key is empty" in whys
    rows = done.new + done.known + len(done.unmatched + done.ambiguous + done.refused)
    assert rows == done.rows
    assert store.quarantine.count("outcome:returns orders") == 5
    given = {one.observation.counter: one for one in store.labels.of_task("orders")}
    assert {number: one.label for number, one in given.items()} == {1: "leak", 4: "ok"}
    assert {str(one.cost) for one in given.values()} == {"0 USD"}
    assert given[4].labelled_at == datetime(2026, 10, 4, 8, tzinfo=UTC)
    assert given[4].labeller == "outcome:returns"


def test_reading_twice_changes_nothing_and_joins_what_has_come_since(store, tmp_path) -> None:
    first = read(store, tmp_path / "returns.csv", FILE)
    facts = len(store.journal.facts())
    again = read(store, tmp_path / "returns.csv", FILE)
    assert (again.new, again.known, again.unasked) == (0, first.new, 0)
    assert store.quarantine.count("outcome:returns orders") == 5
    assert len(store.journal.facts()) == facts
    store.keys.add_many("orders", {Place("press 4", "a", 5): "ignored"})
    questions(store, 1, first=9)
    store.keys.add_many("orders", {place(9): "part 9"})
    assert read(store, tmp_path / "returns.csv", FILE).new == 1


def test_an_outcome_that_contradicts_an_earlier_one_is_told(store, tmp_path) -> None:
    read(store, tmp_path / "a.csv", "part,found,day\npart 1,leak,2026-10-03\n")
    done = read(store, tmp_path / "b.csv", "part,found,day\npart 1,ok,2026-10-09\n")
    assert done.new == 0
    assert "outcome:returns already said 'leak' and now says 'ok'" in done.refused[0]


def test_new_labels_are_added_where_they_are_allowed(store, tmp_path) -> None:
    done = read(
        store, tmp_path / "a.csv", "part,found,day\npart 1,rusty,2026-10-03\n", new_labels=True
    )
    assert (done.new, done.added) == (1, ("rusty",))
    assert "rusty" in store.tasks.get("orders").labels


def test_what_nobody_asked_about_trains_and_never_judges(store, tmp_path) -> None:
    read(store, tmp_path / "returns.csv", FILE)
    asked = {one.observation for one in store.questions.of_task("orders")}
    (found,) = unasked(store, "orders", asked, 0)
    assert (found.observation, found.purpose, found.probability) == (place(4), "selected", None)
    assert unasked(store, "orders", {*asked, place(4)}, 0) == []
    assert unasked(store, "orders", asked, -1) == []


def test_columns_that_are_not_there_are_named(store, tmp_path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("serial,found\n1,ok\n")
    with pytest.raises(UserError, match="has no column 'key': it has \\['serial', 'found'\\]; say"):
        import_outcomes(store, "orders", path, Columns(), source="x", at=NOW)
    with pytest.raises(UserError, match="cannot read .*: No such file"):  # noqa: RUF043
        import_outcomes(store, "orders", tmp_path / "b", Columns(), source="x", at=NOW)


@settings(max_examples=20, deadline=None)
@given(
    keys=st.dictionaries(st.integers(0, 9), st.sampled_from("abcd"), max_size=8),
    wanted=st.lists(st.sampled_from("abcdef")),
)
def test_keys_are_found_as_they_were_noted(keys, wanted) -> None:
    with Store.in_memory() as store:
        questions(store, 10, first=0)
        noted = {place(number): key for number, key in keys.items()}
        store.keys.add_many("orders", noted)
        store.keys.add_many("orders", dict.fromkeys(noted, "z"))
        found = store.keys.find("orders", wanted)
        assert found == {
            key: sorted(one for one, own in noted.items() if own == key)
            for key in set(wanted) & set(keys.values())
        }
        assert store.keys.of(noted) == noted
        assert store.keys.find("another", wanted) == {}

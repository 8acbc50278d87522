"""Comparing views: rows added, removed and changed, by the keys of each table."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.atlas import comparing, shelving, vintages
from twoloops.atlas.comparing import RowChange, changes, difference
from twoloops.atlas.hub import HubModel
from twoloops.atlas.open_models import Snapshot, YearCount
from twoloops.atlas.publishers.port import Filled, Pulled
from twoloops.atlas.tables import Source

keyed = st.dictionaries(
    st.tuples(st.sampled_from("abcd")),
    st.fixed_dictionaries({"n": st.none() | st.integers(0, 2), "m": st.integers(0, 1)}),
)


@given(keyed, keyed)
def test_the_way_back_undoes_the_way_there(one, other) -> None:
    turned = {"added": "removed", "removed": "added", "changed": "changed"}
    back = tuple(
        RowChange(row.key, turned[row.change], row.after, row.before)
        for row in difference(one, other)
    )
    assert back == difference(other, one)


@given(keyed, keyed)
def test_the_changes_lead_from_one_to_the_other(one, other) -> None:
    made = dict(one)
    for row in difference(one, other):
        if row.change == "removed":
            del made[row.key]
        else:
            made[row.key] = made.get(row.key, {}) | row.after
    assert made == other


@given(keyed)
def test_nothing_changes_from_itself(one) -> None:
    assert difference(one, one) == ()


def table(found, name):
    return next(one for one in found if one.table == name)


def test_a_view_has_not_changed_from_itself() -> None:
    found = changes(vintages.View(), vintages.View())
    assert [one.changes for one in found] == [()] * len(comparing.TABLES)
    assert {one.before for one in found} == {"packaged"}
    assert table(found, "prices").rows_before > 500


def test_a_changed_price_is_one_changed_row(keep, shelf: Path) -> None:
    keep("2027-01-10", 2.0)
    keep("2027-02-10", 3.0)
    before, after = (vintages.view(shelf, when) for when in ("2027-01-10", "newest"))
    found = table(changes(before, after), "prices")
    assert found.changes == (
        RowChange(
            ("openai", "gpt-5.2", ""),
            "changed",
            {"input": 2.0, "output": 16.0},
            {"input": 3.0, "output": 24.0},
        ),
    )
    assert (found.before, found.after) == ("2027-01-10", "2027-02-10")
    assert [found.count(kind) for kind in ("added", "removed", "changed")] == [0, 0, 1]


def test_open_models_are_compared_by_scope_whatever_the_snapshot_is_called(shelf: Path) -> None:
    now = datetime(2027, 1, 10, tzinfo=UTC)
    source = Source("epoch-all-2027-01-10", "Epoch AI", "", "", "2027-01-10", "CC-BY-4.0", "file")
    rows = [YearCount("all-2027", "China", 2024, 70, source.id)]
    head = Snapshot("all-2027", "all models", "1950", "2027-01-02", 4000, 70, 1, source.id)
    tables = (Filled("open_models", rows, ""), Filled("open_model_snapshots", [head], ""))
    shelving.keep(shelf, "epoch-all", Pulled(source, (), tables), now)
    found = changes(vintages.View(), vintages.view(shelf))
    rows = {row.key: row for row in table(found, "open_models").changes}
    changed = rows["all models", "China", "2024"]
    assert (changed.before, changed.after) == ({"models": 64}, {"models": 70})
    assert {key[0] for key in rows} == {"all models"}  # the others are as they were
    assert comparing.latest_snapshots(vintages.view(shelf))["all models"] == head
    assert comparing.latest_snapshots(vintages.View())["notable models"].snapshot == (
        "notable-2026-07"
    )


def test_the_articles_derivatives_are_what_the_hub_is_compared_with(shelf: Path) -> None:
    name = "Qwen/Qwen2.5-3B-Instruct"
    source = Source("hugging-face-2027", "Hugging Face", "", "", "2027", "quoted", "file")
    row = HubModel(name, 5000, source.id, derivatives=1700)
    pulled = Pulled(source, (), (Filled("hub_models", [row], ""),))
    shelving.keep(shelf, "hugging-face", pulled, datetime(2027, 1, 10, tzinfo=UTC))
    found = table(changes(vintages.View(), vintages.view(shelf)), "hub_models")
    changed = next(one for one in found.changes if one.key == (name,))
    assert changed.before["derivatives"] == 1674
    assert changed.after["derivatives"] == 1700
    # The article's downloads cover two months: they are not compared with 30 days.
    assert changed.before["downloads"] is None


def test_damage_is_not_taken_for_a_table_that_was_never_fetched(shelf: Path) -> None:
    source = Source("hugging-face-2027", "Hugging Face", "", "", "2027", "quoted", "file")
    pulled = Pulled(source, (), (Filled("hub_models", [HubModel("a/b", 1, source.id)], ""),))
    kept, _ = shelving.keep(shelf, "hugging-face", pulled, datetime(2027, 1, 10, tzinfo=UTC))
    path = kept.folder / "hub_models.csv"
    path.chmod(0o644)
    path.write_text("broken")
    with pytest.raises(Exception, match="is damaged"):
        changes(vintages.View(), vintages.view(shelf))

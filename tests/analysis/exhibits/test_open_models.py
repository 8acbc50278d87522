import pytest

from twoloops.analysis.exhibits.basis import COUNTRIES, Basis, named_countries
from twoloops.analysis.exhibits.open_models import open_models
from twoloops.atlas.open_models import Snapshot, YearCount
from twoloops.atlas.vintages import View
from twoloops.records.errors import UserError

HEAD = Snapshot(
    snapshot="all-2026-11-01",
    scope="all models",
    first="2026-01-01",
    last="2026-11-01",
    models=900,
    open=500,
    blank=1,
    source="epoch-all-2025-04",
)


class Refreshed(View):
    """Tables with one more snapshot, as if it had been fetched."""

    def read(self, name, kind):
        rows, reading = super().read(name, kind)
        if name == "open_models":
            rows += (YearCount("all-2026-11-01", "China", 2026, 500, "epoch-all-2025-04"),)
        if name == "open_model_snapshots":
            rows += (HEAD,)
        return rows, reading


def years(exhibit):
    return next(one for one in exhibit.tables if one.id == "years").rows


def test_stock_and_flow_stand_side_by_side(basis):
    rows = [
        r for r in years(open_models(basis)) if r.cells[:2] == ("China", "all models, to 2025-03")
    ]
    found = {row.cells[2]: row.cells[3:] for row in rows}
    assert found["2022"] == (8, 30)
    assert found["2024"] == (64, 147)


def test_countries_are_a_parameter(basis):
    shown = open_models(basis._replace(countries=("France", "Japan")))
    assert {row.cells[0] for row in years(shown)} == {"France", "Japan"}
    assert "printed" not in {one.id for one in shown.tables}


def test_what_was_fetched_is_a_snapshot_of_its_own(basis):
    shown = open_models(Basis(basis.article, Refreshed()))
    rows = [row for row in years(shown) if row.cells[1] == "all models, to 2026-11"]
    assert [(row.cells[0], row.cells[4]) for row in rows] == [("China", 500)]
    assert "all models, to 2026-11" in repr(shown.charts[0].spec)


def test_countries_are_named_as_the_table_writes_them():
    assert named_countries("china,united states of america", View()) == COUNTRIES


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("Chnia", "no open model of 'Chnia' is in Epoch AI's data; names are as there: 'China'"),
        ("", "--countries names 0 countries; name 1 to 6"),
        ("a,b,c,d,e,f,g", "--countries names 7 countries; name 1 to 6"),
    ],
)
def test_a_wrong_list_of_countries_is_refused(said, sentence):
    with pytest.raises(UserError) as refused:
        named_countries(said, View())
    assert sentence in str(refused.value)

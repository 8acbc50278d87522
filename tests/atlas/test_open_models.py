import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.atlas.open_models import YearCount, cumulative, snapshots, year_counts
from twoloops.atlas.tables import source_of

YEARS = st.dictionaries(st.integers(2010, 2026), st.integers(1, 500))


@given(YEARS, st.integers(2009, 2027))
def test_a_stock_never_falls_and_ends_at_the_sum(annual, until):
    rows = [YearCount("s", "X", year, models, "source") for year, models in annual.items()]
    stock = cumulative(rows, "s", "X", until)
    counts = [number for year, number in annual.items() if year <= until]
    if not counts:
        assert stock == {}
        return
    assert list(stock) == list(range(min(annual), until + 1))
    values = list(stock.values())
    assert values == sorted(values)
    assert values[-1] == sum(counts)


@pytest.mark.parametrize(
    ("snapshot", "country", "stock"),
    [
        ("all-2025-04", "China", {2022: 30, 2023: 83, 2024: 147, 2025: 153}),
        ("all-2025-04", "United States of America", {2022: 161, 2023: 258, 2024: 352, 2025: 357}),
        ("notable-2026-07", "China", {2022: 25, 2023: 38, 2024: 54, 2025: 81, 2026: 91}),
        ("notable-2026-07", "United States of America", {2025: 197, 2026: 199}),
        ("large-2025-12", "China", {2022: 1, 2023: 21, 2024: 56, 2025: 103}),
        ("large-2025-12", "United States of America", {2022: 6, 2023: 20, 2024: 58, 2025: 84}),
    ],
)
def test_the_packaged_stocks_are_those_counted_by_hand(snapshot, country, stock):
    found = cumulative(year_counts(), snapshot, country, max(stock))
    assert {year: found[year] for year in stock} == stock


def test_every_count_belongs_to_a_snapshot_with_a_known_source():
    known = {one.snapshot: one for one in snapshots()}
    for row in year_counts():
        assert row.models > 0
        assert known[row.snapshot].source == row.source
        assert source_of(row).licence == "CC-BY-4.0"
        assert source_of(row).credit

from hypothesis import given
from hypothesis import strategies as st

from twoloops.atlas.prices import Price, blend, history, index_prices, price_on, prices
from twoloops.atlas.tables import sources

MONEY = st.floats(0.001, 1000)


@given(MONEY, MONEY)
def test_a_blend_lies_between_its_prices(read, written):
    low, high = sorted((read, written))
    assert low * (1 - 1e-9) <= blend(read, written) <= high * (1 + 1e-9)


def test_the_price_of_a_day_is_the_last_one_recorded_until_then():
    rows = [
        Price("a", "m", 2, 4, "documented", "s", "2025-06-01"),
        Price("a", "m", 1, 2, "documented", "s", "2025-09-01"),
        Price("a", "m", 9, 9, "documented", "s", "2025-07-01", hours="00:00-08:00 UTC"),
        Price("b", "m", 9, 9, "documented", "s", "2025-07-01"),
    ]
    assert price_on(rows, "a", "m", "2025-05-31") is None
    assert price_on(rows, "a", "m", "2025-08-31") == rows[0]
    assert price_on(rows, "a", "m", "2025-09-01") == rows[1]
    assert [row.since for row in history(rows, "a", "m")] == ["2025-06-01", "2025-09-01"]


def test_packaged_prices_have_a_source_and_are_no_gaps():
    for row in prices():
        assert row.source in sources()
        assert row.input > 0
        assert row.output > 0
        assert row.since or row.hours


def test_index_scores_come_from_one_version_of_one_index():
    rows = index_prices()
    assert {row.source for row in rows} == {"epoch-eci-2025-12"}
    assert len({row.version for row in rows}) == len(rows)
    assert all(row.price_source in sources() for row in rows)

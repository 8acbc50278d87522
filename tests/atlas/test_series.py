import pytest

from twoloops.atlas.series import Share, disclosures, points, shares
from twoloops.atlas.tables import sources


@pytest.mark.parametrize("rows", [points(), shares(), disclosures()], ids=["points", "shares", "d"])
def test_every_row_has_a_known_source(rows):
    assert rows
    assert all(row.source in sources() for row in rows)


def test_a_share_is_as_published_or_computed():
    assert Share("A", "x", "w", "s", share=17.1).percent == 17.1
    assert Share("A", "x", "w", "s", numerator=1, denominator=4).percent == 25
    assert Share("A", "x", "w", "s").percent is None


def test_shares_of_one_thing_do_not_exceed_all_of_it():
    of: dict[tuple[str, str], float] = {}
    for row in shares():
        assert row.percent is not None
        key = (row.source, row.window)
        of[key] = of.get(key, 0) + row.percent
    assert all(total <= 100.001 for total in of.values())


def test_every_point_says_whether_it_is_a_stock_or_a_flow():
    assert {row.kind for row in points()} <= {"stock", "flow"}

import pytest

from twoloops.atlas import chips


def test_shares_are_median_over_median():
    share = chips.share_by_quarter("China")
    assert share["2023-Q3"] == pytest.approx(16.478, abs=0.001)
    assert share["2026-Q1"] == pytest.approx(2.768, abs=0.001)
    assert len(share) == 17


def test_medians_lie_in_their_intervals_and_stocks_never_fall():
    for owner in (chips.ALL, "China", "Microsoft"):
        rows = chips.owned(owner)
        assert all(row.low <= row.median <= row.high for row in rows)
        medians = [row.median for row in rows]
        assert medians == sorted(medians)


def test_an_unknown_owner_has_no_share():
    assert chips.share_by_quarter("nobody") == {}

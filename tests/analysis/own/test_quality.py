from hypothesis import given
from hypothesis import strategies as st

from twoloops.analysis.own.quality import Cost, Quality, value_ratio

share = st.floats(0.01, 1)
money = st.floats(0.01, 1e7)


@given(st.tuples(share, share, share).map(sorted), money, st.floats(1.5, 100))
def test_a_value_ratio_keeps_the_order_of_its_interval_and_falls_with_the_price(
    ends: list[float], paid: float, dearer: float
) -> None:
    low, middle, high = ends
    quality = Quality(middle, (low, high), 50, "")
    ratio = value_ratio(quality, Cost(paid, None, 1, ""))
    more = value_ratio(quality, Cost(paid * dearer, None, 1, ""))
    assert ratio is not None
    assert more is not None
    assert ratio[1] <= ratio[0] <= ratio[2]
    assert more[0] < ratio[0]


def test_without_quality_or_cost_there_is_no_ratio() -> None:
    known, unknown = Quality(0.9, (0.8, 0.95), 40, ""), Quality(None, None, 2, "")
    assert value_ratio(unknown, Cost(100.0, None, 10, "")) is None
    assert value_ratio(known, Cost(None, None, 0, "")) is None
    assert value_ratio(known, Cost(0.0, None, 10, "")) is None

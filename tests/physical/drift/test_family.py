"""One budget for many features: Holm's steps, and p-values that survive looking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.physical.drift.family import anytime_p, holm

P = st.lists(st.floats(0, 1), max_size=12)


@given(P, st.floats(0.001, 0.2))
def test_holm_is_between_bonferroni_and_no_correction(p: list[float], level: float) -> None:
    fallen = holm(p, level)
    for one, fell in zip(p, fallen, strict=True):
        if one <= level / len(p):
            assert fell
        if fell:
            assert one <= level


@given(P, st.floats(0.001, 0.1))
def test_a_larger_budget_never_takes_an_alarm_back(p: list[float], level: float) -> None:
    assert all(b or not a for a, b in zip(holm(p, level), holm(p, 2 * level), strict=True))


def test_p_of_the_highest_wealth_on_the_way() -> None:
    assert anytime_p(np.zeros((0, 2))).tolist() == [1.0, 1.0]
    assert anytime_p([[5.0, -3.0], [0.0, -9.0]]) == pytest.approx([np.exp(-5.0), 1.0])

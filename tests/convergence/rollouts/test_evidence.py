"""The tests of a stage: exact small cases, and that looking at any time keeps its level."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate

from twoloops.convergence.rollouts.evidence import above, added, not_worse, upper, worse


@pytest.mark.parametrize(("count", "total", "rate"), [(3, 10, 0.1), (0, 5, 0.3), (40, 90, 0.25)])
def test_a_rate_is_tested_by_the_mixture_it_states(count, total, rate) -> None:
    def ratio(p: float) -> float:
        return (p / rate) ** count * ((1 - p) / (1 - rate)) ** (total - count)

    mixed = integrate.quad(ratio, rate, 1)[0] / (1 - rate)
    assert above(count, total, rate) == pytest.approx(mixed, rel=1e-6)


@given(rate=st.floats(0.1, 0.9), total=st.integers(0, 10))
def test_evidence_about_a_rate_has_mean_one_at_the_rate_and_less_below(rate, total) -> None:
    def mean(p: float) -> float:
        return sum(
            math.comb(total, k) * p**k * (1 - p) ** (total - k) * above(k, total, rate)
            for k in range(total + 1)
        )

    assert mean(rate) == pytest.approx(1, rel=1e-6)
    assert mean(rate / 2) <= 1 + 1e-9


def test_the_upper_limit_is_the_exact_one() -> None:
    limit = upper(0.1, 50)
    below = sum(math.comb(50, k) * limit**k * (1 - limit) ** (50 - k) for k in range(6))
    assert below == pytest.approx(0.05, rel=1e-6)
    assert upper(1.0, 10) == pytest.approx(1.0)


def test_a_rate_far_below_or_above_ends_in_numbers() -> None:
    assert above(0, 10_000_000, 0.2) == 0.0
    assert above(10_000_000, 10_000_000, 0.2) == pytest.approx(1e12)
    with pytest.raises(ValueError, match="no count of a total"):
        above(3, 2, 0.1)


def test_bets_on_errors_have_mean_at_most_one_where_the_margin_is_kept() -> None:
    """Every sequence of 6 labels, with the chances that put the mean on the margin itself."""
    margin, lose, win = 0.1, 0.3, 0.2
    chances = {1.0: lose, -1.0: win, 0.0: 1 - lose - win}
    paths: list[tuple[list[float], float]] = [([], 1.0)]
    for _ in range(6):
        paths = [([*x, one], p * chances[one]) for x, p in paths for one in chances]
    # The largest wealth on the way reaches w with a chance of at most 1/w (Ville).
    for level in (1.5, 2.0, 3.0):
        assert sum(p for x, p in paths if worse(x, margin) >= level) <= 1 / level


def test_a_worse_release_is_found_worse_and_a_like_one_shown_to_be_like() -> None:
    bad = [1.0, 0.0] * 30
    assert worse(bad, 0.05) > 1000
    assert not_worse(bad, [True] * 60, 0.05) == 1
    same = [0.0] * 90
    assert not_worse(same, [False] * 90, 0.05) > 20
    assert worse(same, 0.05) == 1
    assert worse([], 0.05) == not_worse([], [], 0.05) == 1


def test_few_differences_show_without_a_label_that_it_cannot_be_worse() -> None:
    assert not_worse([], [], 0.05, differed=20, paired=1000) > 20
    assert not_worse([], [], 0.05, differed=100, paired=1000) < 1


counters = st.lists(
    st.lists(st.tuples(st.integers(1, 20), st.floats(0, 1)), min_size=1, max_size=5),
    min_size=1,
    max_size=5,
)


@given(lives=counters)
def test_what_a_device_counted_is_summed_over_its_lives(lives) -> None:
    """Each life is a process that counts from 0; what it had said last is never counted twice."""
    totals, last, truth = (0, 0), (0, 0), np.zeros(2, dtype=int)
    for life in lives:
        total = part = 0
        for grown, share in life:
            total, part = total + grown, part + round(grown * share)
            totals, last = added(totals, last, (total, part))
        truth += (total, part)
    # A life that overtook the one before between two heartbeats may be counted short, not over.
    assert totals[0] <= truth[0]
    assert totals[1] <= totals[0]


@given(lives=counters)
def test_nothing_is_lost_where_each_life_begins_with_less(lives) -> None:
    totals, last, truth = (0, 0), (0, 0), 0
    for life in lives:
        for count in (0, *np.cumsum([grown for grown, _ in life]).tolist()):
            totals, last = added(totals, last, (count, 0))
        truth += sum(grown for grown, _ in life)
    assert totals == (truth, 0)

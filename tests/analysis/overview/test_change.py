"""Differences and sums of rates: their laws, and how often their intervals cover the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.analysis.overview.change import changes, combined, difference, saving
from twoloops.convergence.judging.evaluate import Estimates, estimate

hits = st.lists(st.booleans(), min_size=5, max_size=60)


@given(hits, hits)
def test_a_difference_lies_in_its_interval_and_turns_with_its_order(before, after):
    one = difference(estimate(before), estimate(after))
    other = difference(estimate(after), estimate(before))
    assert one.interval[0] <= one.value <= one.interval[1]
    assert one.value == pytest.approx(-other.value)
    assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]))
    assert (one.before, one.after) == (len(before), len(after))


@given(hits)
def test_a_rate_minus_itself_may_be_nothing(said):
    one = difference(estimate(said), estimate(said))
    assert one.value == 0
    assert one.interval[0] < 0 < one.interval[1]


def test_too_few_labels_on_either_side_are_unknown_with_both_numbers():
    known, few = estimate([True] * 9), estimate([True] * 4)
    for one in (difference(known, few), difference(few, known), difference(None, known)):
        assert (one.value, one.interval) == (None, None)
    assert (difference(known, few).before, difference(known, few).after) == (9, 4)
    with pytest.raises(ValueError, match="all of them to be known"):
        combined([(1.0, few)])


def test_changes_have_no_escapes_without_a_normal_label():
    one = Estimates(estimate([True] * 9))
    assert changes(one, one).escape_rate is None
    rates = Estimates(*(estimate([True] * 9),) * 4)
    assert changes(rates, rates).escape_rate.value == 0


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=5, max_size=80),
    st.floats(0, 100),
    st.floats(0, 100),
)
def test_a_saving_is_the_mean_difference_of_two_costs(items, escape, reject):
    fault, first, now = (np.array(column) for column in zip(*items, strict=True))

    def cost(called):
        return np.where(fault, escape * ~called, reject * called)

    value, (low, high) = saving(fault, first, now, np.ones(len(items)), escape, reject)
    assert value == pytest.approx(float((cost(first) - cost(now)).mean()), abs=1e-9)
    assert low <= value + 1e-9
    assert value <= high + 1e-9


def test_a_saving_on_few_labels_is_unknown():
    assert saving([True] * 4, [False] * 4, [True] * 4, [1.0] * 4, 1, 1) is None


def test_intervals_of_savings_and_differences_cover_the_truth_with_unequal_chances():
    rng = np.random.default_rng(0)
    covered, differences, times = 0, 0, 400
    for _ in range(times):
        n = 2000
        fault = rng.random(n) < 0.2
        first = np.where(fault, rng.random(n) < 0.6, rng.random(n) < 0.1)
        now = np.where(fault, rng.random(n) < 0.85, rng.random(n) < 0.05)
        chance = np.where(first == now, 0.03, 0.06)
        drawn = rng.random(n) < chance
        truth = float(
            np.where(fault, 30.0 * (now.astype(int) - first), 2.0 * (first * 1 - now)).mean()
        )
        found = saving(fault[drawn], first[drawn], now[drawn], chance[drawn], 30.0, 2.0)
        covered += found[1][0] <= truth <= found[1][1]
        one, other = rng.random(60) < 0.8, rng.random(40) < 0.9
        change = difference(estimate(one), estimate(other))
        differences += change.interval[0] <= 0.1 <= change.interval[1]
    assert covered / times >= 0.93
    assert 0.93 <= differences / times <= 0.99

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.convergence.judging import betting

differences = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), max_size=60)
law = settings(deadline=None, max_examples=50)


@law
@given(differences, differences, st.sampled_from([0.0, 0.05, 0.5]))
def test_evidence_carried_over_equals_evidence_at_once(first, second, margin):
    carried = betting.update(betting.update(betting.start(), first, margin), second, margin)
    at_once = betting.update(betting.start(), first + second, margin)
    assert carried.count == at_once.count
    assert np.allclose(carried.log_wealth, at_once.log_wealth)


@law
@given(differences, st.sampled_from([0.0, 0.05, 0.5]))
def test_running_maximum_is_at_least_one_and_at_least_the_final_wealth(x, margin):
    final = betting.update(betting.start(), x, margin).wealth
    # Relative: a wealth of millions is rounded in its last digits.
    assert betting.wealth(x, margin) >= max(1.0, final) * (1 - 1e-9)


@law
@given(differences, st.integers(1, 4))
def test_equal_repetitions_change_nothing(x, repeats):
    assert betting.wealth([x] * repeats, 0.05) == pytest.approx(betting.wealth(x, 0.05))


@law
@given(differences)
def test_bets_survive_json(x):
    bets = betting.update(betting.start(), x, 0.0)
    assert msgspec.json.decode(msgspec.json.encode(bets), type=betting.Bets) == bets


def test_the_expected_factor_of_a_fair_bet_is_one():
    # Mean of x exactly the margin: over both outcomes each bet size neither gains nor loses.
    margin, chance = 0.2, 0.6  # x = 1 with chance 0.6, else −1: mean 0.2
    win = betting.update(betting.start(), [-1.0], margin)
    lose = betting.update(betting.start(), [1.0], margin)
    factors = (1 - chance) * np.exp(win.log_wealth) + chance * np.exp(lose.log_wealth)
    assert np.allclose(factors, 1.0)


def test_losing_everything_never_gains_and_never_reaches_zero():
    bets = betting.update(betting.start(), [1.0] * 500, 0.05)
    assert betting.wealth([1.0] * 500, 0.05) == 1.0
    assert all(math.isfinite(value) for value in bets.log_wealth)


def test_wealth_without_bound_is_reported_up_to_a_finite_ceiling():
    assert betting.wealth([-1.0] * 2000, 0.0) == pytest.approx(betting.CEILING)
    assert betting.update(betting.start(), [-1.0] * 2000, 0.0).wealth <= betting.CEILING * 1.001


@pytest.mark.parametrize("weights", [[0.5], [0.0, 1.0], [1.5, 1.0]])
def test_weights_outside_the_unit_interval_are_a_mistake(weights):
    with pytest.raises(ValueError, match=r"weights must be 2 numbers in \(0, 1\]"):
        betting.wealth([0.0, 0.0], 0.05, weights)


def test_differences_outside_their_range_and_impossible_margins_are_mistakes():
    with pytest.raises(ValueError, match=r"lie in \[-1, 1\]"):
        betting.wealth([2.0], 0.05)
    with pytest.raises(ValueError, match=r"margin must lie in \[0, 1\)"):
        betting.wealth([0.0], 1.0)


def test_weights_undo_unequal_sampling():
    # Losses are sampled four times as often as wins; unweighted, the fair candidate looks bad.
    rng = np.random.default_rng(5)
    released = 0
    for _ in range(300):
        x = rng.choice([-1.0, 1.0], 400)
        probabilities = np.where(x > 0, 0.2, 0.8)
        kept = rng.random(400) < probabilities
        weights = 0.2 / probabilities[kept]
        released += betting.wealth(x[kept], 0.0, weights) >= 20
    assert released / 300 <= 0.05 + 0.025


def sharpened(x, disagree, disagreements, observations, margin=0.05):
    return betting.sharpened_wealth(
        x, disagree, margin, disagreements=disagreements, observations=observations
    )


def test_many_observations_decided_alike_need_no_label():
    nothing = np.zeros((1, 0))
    assert sharpened(nothing, nothing, 0, 460) > 20
    assert sharpened(nothing, nothing, 4, 460) > 20


@pytest.mark.parametrize("observations", [0, 1, 5])
def test_few_observations_prove_nothing(observations):
    nothing = np.zeros((1, 0))
    assert sharpened(nothing, nothing, 0, observations) < 2


def test_more_disagreement_is_less_evidence():
    x = np.array([[-1.0, -1.0, 0.0, 1.0, -1.0]])
    seen = [sharpened(x, x == x, count, 460) for count in (10, 30, 60, 120)]
    assert seen == sorted(seen, reverse=True)


def test_labelled_disagreements_won_are_evidence_and_lost_ones_are_not():
    won, lost = -np.ones((1, 8)), np.ones((1, 8))
    assert sharpened(won, won != 0, 50, 460) > 20
    assert sharpened(lost, lost != 0, 50, 460) <= 1


def test_a_candidate_exactly_the_margin_worse_passes_at_most_as_often_as_allowed():
    rng = np.random.default_rng(11)
    passed = 0
    for trial in range(400):
        share = (0.06, 0.08, 0.12)[trial % 3]
        count = rng.binomial(300, share)
        mean = 0.05 / share
        x = rng.choice([1.0, -1.0], rng.binomial(150, share), p=[(1 + mean) / 2, (1 - mean) / 2])
        passed += sharpened(x, x != 0, count, 300) >= 20
    assert passed / 400 <= 0.05


@law
@given(differences)
def test_a_census_of_known_items_that_are_no_better_gains_nothing(x):
    """Were the mean of a fully known population at least the margin, no stake could win."""
    ones = np.ones(len(x))
    if x and np.mean(x) >= 0.05:
        assert betting.census(betting.start(), x, 0.05, ones, ones).wealth <= 1 + 1e-9


@law
@given(differences)
def test_a_census_of_known_items_equals_their_labels(x):
    ones = np.ones(len(x))
    known = betting.census(betting.start(), x, 0.05, ones, ones)
    assert np.allclose(known.log_wealth, betting.update(betting.start(), x, 0.05).log_wealth)


@law
@given(
    st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=30),
    st.integers(1, 30),
    st.integers(0, 2**32 - 1),
)
def test_a_census_with_a_random_draw_keeps_wealth_above_zero(x, count, seed):
    values = np.array(x, dtype=float)
    differing = np.flatnonzero(values)
    drawn = np.random.default_rng(seed).permutation(differing)[:count]
    chance = max(len(drawn), 1) / max(len(differing), 1)
    estimate, most = np.zeros(values.size), np.ones(values.size)
    estimate[drawn] = values[drawn] / chance
    most[differing] = 1 / chance
    bets = betting.census(betting.start(), estimate, 0.05, np.ones(values.size), most)
    assert all(math.isfinite(one) for one in bets.log_wealth)
    assert bets.count == values.size


def test_a_census_with_a_random_draw_is_fair():
    """Over every draw of one of two differing items the expected factor of each bet is one."""
    margin, most = 0.25, np.array([1.0, 1.0, 2.0, 2.0])
    factors = []
    for row in (2, 3):  # the two differ with losses 1 and 0 (0 + 0 + 1 + 0 over 4: the margin)
        x = np.zeros(4)
        x[row] = 2.0 * (row == 2)
        bets = betting.census(betting.start(), x, margin, np.ones(4), most)
        factors.append(np.exp(bets.log_wealth))
    assert (np.mean(factors, axis=0) <= 1 + 1e-9).all()


def test_an_estimate_beyond_its_limit_is_refused():
    with pytest.raises(ValueError, match="beyond the largest value"):
        betting.census(betting.start(), [2.0], 0.05, [1.0], [1.0])

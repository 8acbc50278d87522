import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from twoloops.convergence.judging import evaluate
from twoloops.records.errors import UserError

law = settings(deadline=None, max_examples=50)


@pytest.mark.parametrize(("rate", "n"), [(0.9, 40), (0.7, 25), (0.97, 120)])
def test_intervals_of_equal_chances_cover_the_truth(rate, n):
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(600):
        low, high = evaluate.estimate(rng.random(n) < rate).interval
        inside += low <= rate <= high
    assert inside / 600 >= 0.93


def test_intervals_of_unequal_chances_cover_the_truth_and_the_plain_mean_does_not():
    rng = np.random.default_rng(2)
    inside = plain = 0
    for _ in range(500):
        hard = rng.random(600) < 0.3
        right = rng.random(600) < np.where(hard, 0.6, 0.97)
        chance = np.where(hard, 0.4, 0.1)  # hard items are asked about more often
        asked = rng.random(600) < chance
        truth = 0.3 * 0.6 + 0.7 * 0.97
        low, high = evaluate.estimate(right[asked], chance[asked]).interval
        inside += low <= truth <= high
        low, high = evaluate.estimate(right[asked]).interval
        plain += low <= truth <= high
    assert inside / 500 >= 0.92
    assert plain / 500 < 0.6


@pytest.mark.parametrize("n", [8, 30, 100])
def test_at_any_rate_plain_counts_are_covered_where_wilson_alone_is_not(n):
    """Summed exactly, so that no narrow dip is missed."""
    rates = np.concatenate([np.geomspace(1e-4, 0.05, 300), np.linspace(0.05, 0.5, 200)])
    chance = binom.pmf(np.arange(n + 1)[None, :], n, rates[:, None])

    def least(rule):
        ends = np.array([rule(count / n, n) for count in range(n + 1)])
        inside = (ends[:, 0] <= rates[:, None]) & (rates[:, None] <= ends[:, 1])
        return (chance * inside).sum(axis=1).min()

    assert least(evaluate.interval) >= 0.93
    assert least(evaluate.wilson) < 0.88


@law
@given(st.integers(5, 300), st.integers(0, 300), st.floats(1, 300))
def test_an_interval_holds_its_rate_and_mirrors(n, hits, effective):
    rate = min(hits, n) / n
    low, high = evaluate.interval(rate, effective)
    assert 0 <= low <= rate <= high <= 1
    below, above = evaluate.interval(1 - rate, effective)
    assert (1 - above, 1 - below) == pytest.approx((low, high), abs=1e-9)
    inner = evaluate.wilson(rate, effective)
    assert low <= inner[0]
    assert inner[1] <= high


@law
@given(st.lists(st.booleans(), min_size=5, max_size=60), st.floats(0.01, 1))
@example([False] * 9, 1.0)
def test_equal_chances_need_no_weights(hits, chance):
    plain = evaluate.estimate(hits)
    weighted = evaluate.estimate(hits, [chance] * len(hits))
    assert weighted.value == pytest.approx(plain.value)
    assert weighted.effective == pytest.approx(len(hits))
    low, high = plain.interval
    assert 0 <= low <= plain.value <= high <= 1


@pytest.mark.parametrize("count", range(5))
def test_too_few_labels_are_unknown(count):
    few = evaluate.estimate([True] * count)
    assert few.value is None
    assert few.interval is None
    assert str(few) == f"unknown ({count} labels)"


def test_slices_are_estimated_apart_and_small_ones_stay_unknown():
    found = evaluate.by_slice([True] * 9 + [False], ["a"] * 8 + ["b"] * 2)
    assert list(found) == ["a", "b"]
    assert found["a"].value == 1.0
    assert found["b"].value is None


@pytest.mark.parametrize("bad", [0.0, 2.0, float("nan")])
def test_an_unknown_chance_is_refused_with_what_to_do(bad):
    with pytest.raises(UserError, match=r"known chance in \(0, 1\].*5 items.*leave items"):
        evaluate.estimate([True] * 5, [1, 1, 1, 1, bad])


def test_rates_are_estimated_in_the_quality_engineers_words():
    y = np.array([0] * 10 + [1] * 10)
    decided = np.array([0] * 9 + [1] + [0] * 2 + [2] * 8)
    found = evaluate.estimates(y, decided, normal=0)
    assert found.accuracy.value == pytest.approx(0.45)
    assert found.detection_rate.value == pytest.approx(0.8)
    assert found.escape_rate.value == pytest.approx(0.2)
    assert found.false_reject_rate.value == pytest.approx(0.1)
    assert evaluate.estimates(y, decided, normal=None).detection_rate is None


def test_figures_count_what_is_known_and_nothing_else():
    y = np.array([0, 0, 0, 0, 1, 1, 2, -1, -1])
    decided = np.array([0, 0, 0, 1, 1, 0, 1, 0, 1])
    p_fault = np.array([0.1, 0.2, 0.3, 0.8, 0.9, 0.25, 0.7, 0.99, 0.0])
    found = evaluate.figures(y, decided, p_fault, normal=0, limit=0.25)
    assert found.scored == 7
    assert found.accuracy == pytest.approx(4 / 7)
    assert (found.faults, found.escapes, found.false_rejects) == (3, 1, 1)
    assert found.detection_rate == pytest.approx(2 / 3)
    assert found.escape_rate == pytest.approx(1 / 3)
    assert found.false_reject_rate == pytest.approx(1 / 4)
    assert found.ppm == pytest.approx(1e6 / 4)
    assert found.detection_at_limit == pytest.approx(2 / 3)


def test_figures_without_normal_label_faults_or_items_are_none():
    empty = np.empty(0, dtype=int)
    assert evaluate.figures(empty, empty, normal=0).accuracy is None
    assert evaluate.figures(empty, empty, normal=0).detection_rate is None
    assert evaluate.figures([0, 1], [0, 1]).false_reject_rate is None
    only_normal = evaluate.figures([0, 0], [0, 1], [0.1, 0.9], normal=0, limit=0.03)
    assert only_normal.detection_rate is None
    assert only_normal.detection_at_limit is None
    assert only_normal.false_reject_rate == 0.5


scored = st.lists(
    st.tuples(st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0]), st.booleans()), min_size=2, max_size=40
)


@law
@given(scored, st.floats(0, 1), st.randoms())
def test_detection_at_limit_ignores_order_and_grows_with_the_limit(items, limit, random):
    def at(rows, rate):
        return evaluate.detection_at_limit([p for p, _ in rows], [f for _, f in rows], rate)

    shuffled = list(items)
    random.shuffle(shuffled)
    value = at(items, limit)
    if value is None:
        assert len({fault for _, fault in items}) == 1
        return
    assert at(shuffled, limit) == pytest.approx(value)
    assert 0 <= value <= at(items, 1.0) == 1.0
    assert at(items, limit / 2) <= value + 1e-9

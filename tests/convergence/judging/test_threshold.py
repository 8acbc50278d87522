from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.convergence.judging.threshold import choose, from_costs
from twoloops.records.errors import UserError
from twoloops.records.money import Money
from twoloops.records.task import Costs

law = settings(deadline=None, max_examples=50)


def costs(escape, reject, currency="USD"):
    return Costs(Money(Decimal(escape)), Money(Decimal(reject), currency))


@pytest.mark.parametrize(("escape", "reject", "threshold"), [(9, 1, 0.1), (1, 1, 0.5), (0, 0, 0.5)])
def test_costs_alone_set_the_threshold(escape, reject, threshold):
    assert from_costs(costs(escape, reject)) == pytest.approx(threshold)
    chosen = choose([0.2], [False], None, costs(escape, reject), None)
    assert chosen.threshold == pytest.approx(threshold)
    assert chosen.reason.endswith("and there is no limit")


def test_two_currencies_are_refused_with_what_to_do():
    with pytest.raises(UserError, match="9 USD and a false reject 1 EUR: give both in one"):
        from_costs(costs(9, 1, "EUR"))


def calibrated(n, seed):
    rng = np.random.default_rng(seed)
    p = rng.beta(0.4, 0.8, n)
    return p, rng.random(n) < p


@pytest.mark.parametrize("seed", range(5))
def test_the_limit_holds_on_new_items_when_probabilities_are_calibrated(seed):
    p, fault = calibrated(200, seed)
    population, _ = calibrated(2000, 100 + seed)
    chosen = choose(p, fault, None, costs(20, 1), 0.03, population=population)
    new, truth = calibrated(20000, 200 + seed)
    realised = float((new[~truth] > chosen.threshold).mean())
    assert realised <= 0.04
    assert chosen.estimated <= 0.03


def test_labels_raise_the_threshold_where_the_model_is_too_sure():
    p, fault = calibrated(400, 1)
    sure = np.where(p > 0.3, 0.9 + p / 20, p)  # normal items look like certain faults
    alone = choose([], [], None, costs(20, 1), 0.03, population=sure)
    both = choose(sure, fault, None, costs(20, 1), 0.03, population=sure)
    assert both.threshold > alone.threshold
    assert "more is needed to keep within 3 % false rejects" in both.reason


def test_costs_that_keep_the_limit_are_left_alone():
    p = np.concatenate([np.full(100, 0.01), np.full(50, 0.99)])
    chosen = choose(p, p > 0.5, None, costs(1, 1), 0.03, population=p)
    assert chosen.threshold == 0.5
    assert "which keeps within 3 % false rejects" in chosen.reason


@pytest.mark.parametrize("p", [[], [0.0], [1.0], [0.0, 1.0, 1.0, 0.0]])
def test_little_evidence_and_certain_probabilities_do_no_harm(p):
    fault = [False] * len(p)
    for population in (None, p):
        chosen = choose(p, fault, None, costs(9, 1), 0.03, population=population)
        assert 0 <= chosen.threshold <= 1
        assert chosen.reason.startswith("threshold ")
    alone = choose(p, fault, None, costs(9, 1), 0.03)
    assert alone.threshold == pytest.approx(0.1)
    assert "too little evidence to check the limit" in alone.reason


rows = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


@law
@given(rows, st.sampled_from([0.0, 0.03, 0.2, 0.5]))
def test_at_the_threshold_the_estimate_keeps_the_limit(items, limit):
    p, fault = np.array([a for a, _ in items]), np.array([b for _, b in items])
    chosen = choose(p, fault, None, costs(9, 1), limit, population=p)
    assert chosen.threshold >= from_costs(costs(9, 1))
    assert chosen.estimated is None or chosen.estimated <= limit + 1e-9


@law
@given(rows)
def test_a_limit_of_everything_leaves_the_threshold_to_the_costs(items):
    p, fault = np.array([a for a, _ in items]), np.array([b for _, b in items])
    chosen = choose(p, fault, None, costs(9, 1), 1.0, population=p)
    assert chosen.threshold == pytest.approx(0.1)

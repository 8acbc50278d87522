"""Betting against uniform ranks: fair bets, prefixes, and growth where ranks are not uniform."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from twoloops.physical.drift.wealth import log_wealth, pays


def test_every_bet_is_fair() -> None:
    # Gauss-Legendre is exact for these polynomials.
    nodes, weights = np.polynomial.legendre.leggauss(20)
    means = (pays((nodes + 1) / 2) * weights / 2).sum(axis=1)
    assert means == pytest.approx(np.ones(len(means)))


@given(arrays(float, (12,), elements=st.floats(0, 1)), st.floats(0, 0.5))
@settings(max_examples=50, deadline=None)
def test_wealth_is_a_martingale_step_by_step(ranks, spread) -> None:  # type: ignore[no-untyped-def]
    nodes, weights = np.polynomial.legendre.leggauss(20)
    before = log_wealth(ranks, spread)[-1]
    paths = np.column_stack([np.append(ranks, node) for node in (nodes + 1) / 2])
    after = (np.exp(log_wealth(paths, spread)[-1]) * weights / 2).sum()
    assert after == pytest.approx(np.exp(before), rel=1e-9, abs=1e-12)


def test_a_prefix_has_the_prefix_of_wealth() -> None:
    ranks = np.random.default_rng(0).random((50, 3))
    assert (log_wealth(ranks[:20]) == log_wealth(ranks)[:20]).all()
    assert log_wealth(ranks[:0]).shape == (0, 3)


@pytest.mark.parametrize("power", [4.0, 0.25])
def test_ranks_that_lean_make_it_grow(power: float) -> None:
    ranks = np.random.default_rng(0).random(200)
    assert log_wealth(ranks**power)[-1] > 20
    assert log_wealth(ranks).max() < 3

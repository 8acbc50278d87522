"""Ranks: as defined, by brute force; a longer stream changes nothing before."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from twoloops.physical.drift.conformal import ranks

VALUES = st.integers(0, 5).map(float)


@given(
    known=arrays(float, (7, 2), elements=VALUES),
    units=arrays(float, (9, 2), elements=VALUES),
    seed=st.integers(0, 99),
)
@settings(max_examples=50, deadline=None)
def test_ranks_are_shares_of_what_came_before(known, units, seed) -> None:  # type: ignore[no-untyped-def]
    ties = np.random.default_rng(seed).random(units.shape)
    found = ranks(known, units, ties)
    for at in range(2):
        for t in range(9):
            bag = [*known[:, at], *units[: t + 1, at]]
            less = sum(one < units[t, at] for one in bag)
            same = sum(one == units[t, at] for one in bag)
            assert found[t, at] == np.float64((less + ties[t, at] * same) / len(bag))


def test_a_longer_stream_ranks_its_beginning_alike() -> None:
    rng = np.random.default_rng(0)
    known, units, ties = (rng.normal(size=(count, 3)) for count in (20, 600, 600))
    every = ranks(known, units, ties)
    assert (ranks(known, units[:300], ties[:300]) == every[:300]).all()
    assert ranks(known, units[:0], ties[:0]).shape == (0, 3)

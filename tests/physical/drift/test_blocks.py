"""Blocks: as long as neighbours are alike, and no longer."""

import numpy as np

from twoloops.physical.drift.blocks import lengths, means, memory


def stream(rho: float, count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    out = rng.normal(size=(count, 3))
    for at in range(1, count):
        out[at] = rho * out[at - 1] + np.sqrt(1 - rho**2) * out[at]
    return out


def test_independent_neighbours_need_no_blocks() -> None:
    assert lengths(stream(0.0, 400)) == (1, 1, 1)


def test_memory_is_that_of_the_process() -> None:
    found = memory(stream(0.8, 20_000))
    assert (abs(found - 9.0) < 1.5).all()  # (1 + ρ) / (1 − ρ)
    assert all(40 < one < 55 for one in lengths(stream(0.8, 20_000)))


def test_each_feature_has_its_own() -> None:
    mixed = np.column_stack([stream(0.9, 2000)[:, 0], stream(0.0, 2000)[:, 0]])
    long, short = lengths(mixed)
    assert long > 20
    assert short == 1


def test_what_is_constant_or_short_has_no_memory() -> None:
    assert memory(np.ones((50, 2))).tolist() == [1.0, 1.0]
    assert memory(np.zeros((3, 1))).tolist() == [1.0]
    assert means(np.arange(7.0)[:, None], 3).tolist() == [[1.0], [4.0]]


def test_one_broken_reading_does_not_hide_it() -> None:
    broken = stream(0.8, 2000)
    broken[100] = 1e9
    assert min(lengths(broken)) > 20

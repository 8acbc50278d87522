import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.convergence.recipes import head
from twoloops.convergence.recipes.head import FOLDS, SPAN_LIMIT, fit, fold_of


def blobs(n: int, d: int = 12, k: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % k
    x = rng.normal(size=(n, d)) + 3 * np.eye(k, d)[y]
    return x.astype(np.float32), y


def names(n: int) -> list[str]:
    return [f"group {i}" for i in range(n)]


def test_it_learns_what_can_be_learned() -> None:
    x, y = blobs(90)
    fresh, truth = blobs(300, seed=1)
    fitted = fit(x, y, names(90))
    assert (fitted.full.probabilities(fresh, 3).argmax(1) == truth).mean() > 0.9


def test_probabilities_sum_to_one_and_unseen_labels_get_none() -> None:
    x, y = blobs(60)
    probabilities = fit(x, y, names(60)).full.probabilities(x, 5)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert (probabilities[:, 3:] == 0).all()


def test_counts_are_weighted_and_keep_unit_length() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(80) % 2
    x = rng.poisson(0.3, size=(80, 50)).astype(np.float32)
    x[:, 0] = y  # the one bucket that tells
    scaled = fit(x, y, names(80), sparse=50).full.scaling
    assert scaled.ratio.argmax() == 0
    assert np.linalg.norm(scaled.apply(x[x.any(axis=1)]), axis=1) == pytest.approx(1)


def test_an_honest_answer_comes_from_a_head_that_did_not_learn_the_group() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 400)).astype(np.float32)  # pure noise: only memory can score
    y = rng.integers(0, 2, 100)
    fitted = fit(x, y, names(100))
    assert (fitted.full.probabilities(x, 2).argmax(1) == y).mean() > 0.95
    assert (fitted.honest(x, names(100), 2).argmax(1) == y).mean() < 0.7
    unknown = [f"other {i}" for i in range(100)]
    assert (fitted.honest(x, unknown, 2) == fitted.full.probabilities(x, 2)).all()


def test_the_span_gives_what_the_whole_space_gives() -> None:
    x, y = blobs(40, d=30)
    wide = np.hstack([x, np.zeros((40, 60), np.float32)])  # n < d: fitted in the span
    a = fit(x, y, names(40)).full.probabilities(x, 3)
    b = fit(wide, y, names(40)).full.probabilities(wide, 3)
    # Scaling divides by √d: the same problem at another strength, so the same decisions.
    assert (a.argmax(1) == b.argmax(1)).mean() > 0.95


@pytest.mark.usefixtures("every_strength")
def test_noise_is_held_back_more_than_what_can_be_learned() -> None:
    x, y = blobs(120)
    told = fit(x, y, names(120))
    shuffled = fit(x, np.random.default_rng(1).permutation(y), names(120))
    assert shuffled.strength == min(head.STRENGTHS)
    assert told.strength > shuffled.strength
    assert told.loss < shuffled.loss


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_items_do_no_harm(n: int) -> None:
    x, y = blobs(n)
    probabilities = fit(x, y, names(n)).full.probabilities(x, 3)
    assert np.isfinite(probabilities).all()


def test_one_class_only_is_certain() -> None:
    x, _ = blobs(10)
    fitted = fit(x, np.zeros(10, int), names(10))
    assert (fitted.full.probabilities(x, 2)[:, 0] == 1).all()


def test_all_items_in_one_group_do_no_harm() -> None:
    x, y = blobs(20)
    assert np.isfinite(fit(x, y, ["same"] * 20).full.probabilities(x, 3)).all()


def test_many_items_are_fitted_too() -> None:
    x, y = blobs(SPAN_LIMIT + 200)
    fitted = fit(x, y, names(len(x)))
    assert (fitted.full.probabilities(x, 3).argmax(1) == y).mean() > 0.9


def test_equal_input_gives_equal_heads() -> None:
    x, y = blobs(50)
    a, b = fit(x, y, names(50)), fit(x, y, names(50))
    assert (a.full.weights == b.full.weights).all()


def test_novelty_is_small_at_home_and_large_far_away() -> None:
    x, y = blobs(90)
    head = fit(x, y, names(90)).full
    assert np.median(head.novelty(x)) < 0.5 < np.median(head.novelty(-x))


@given(st.text())
@settings(deadline=None, max_examples=50)
def test_a_group_always_falls_into_the_same_fold(group: str) -> None:
    assert fold_of(group) == fold_of(group)
    assert 0 <= fold_of(group) < FOLDS

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.physical.select import (
    Candidates,
    Pick,
    audit,
    entropy,
    inclusion,
    margin,
    poisson,
    select,
    weight_cap,
)
from twoloops.records.errors import UserError

STRATEGIES = ["random", "margin", "entropy", "diversity", "mix", "spread"]
laws = settings(deadline=None, max_examples=40)


@st.composite
def candidates(draw):
    n = draw(st.integers(0, 40))
    k = draw(st.integers(1, 5))
    d = draw(st.sampled_from([1, 3, 100]))
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    p = rng.dirichlet(np.full(k, draw(st.sampled_from([0.01, 1.0]))), size=n)
    if draw(st.booleans()):  # exactly 0 and 1
        p = np.eye(k)[p.argmax(axis=1)] if n else p
    embedding = rng.normal(size=(n, d)) * draw(st.sampled_from([0.0, 1.0, 1e30]))
    kinds = draw(st.integers(1, 50))
    groups = [f"g{i}" for i in rng.integers(kinds, size=n)]
    labelled = {f"g{i}" for i in range(draw(st.integers(0, 20)))}
    return Candidates(
        p.astype(np.float32),
        embedding.astype(np.float32),
        rng.random(n) * draw(st.sampled_from([0.0, 1.0])),
        groups,
        labelled,
        rng.random(n) < draw(st.sampled_from([0.0, 0.4, 1.0])),
    )


@laws
@given(candidates(), st.integers(0, 50), st.sampled_from(STRATEGIES), st.integers(0, 99))
def test_picks_keep_the_laws(given_, count, strategy, seed):
    picks = select(given_, count, strategy, np.random.default_rng(seed))
    indices = [pick.index for pick in picks]
    allowed = np.flatnonzero(~given_.excluded)
    assert len(set(indices)) == len(indices) == min(count, len(allowed))
    assert set(indices) <= set(allowed.tolist())
    assert all(pick.probability is None and pick.purpose == "selected" for pick in picks)
    # Fresh groups come first, once each; only then anything else.
    fresh = {given_.groups[i] for i in allowed} - set(given_.labelled)
    head = [given_.groups[i] for i in indices[: len(fresh)]]
    assert len(set(head)) == len(head)
    assert set(head) <= fresh


@laws
@given(candidates(), st.integers(0, 50), st.sampled_from(STRATEGIES), st.integers(0, 99))
def test_equal_seeds_pick_equally(given_, count, strategy, seed):
    once = select(given_, count, strategy, np.random.default_rng(seed))
    assert once == select(given_, count, strategy, np.random.default_rng(seed))


def a_batch(n=30, **changed):
    rng = np.random.default_rng(3)
    values = {
        "probabilities": rng.dirichlet(np.ones(3), size=n),
        "embedding": rng.normal(size=(n, 5)),
        "novelty": np.zeros(n),
        "groups": [str(i) for i in range(n)],
    }
    return Candidates(**(values | changed))


def test_margin_takes_the_closest_calls_first():
    batch = a_batch()
    picks = select(batch, 7, "margin", np.random.default_rng(0))
    assert [p.index for p in picks] == np.argsort(margin(batch.probabilities))[:7].tolist()


def test_entropy_takes_the_most_divided_first():
    batch = a_batch()
    picks = select(batch, 7, "entropy", np.random.default_rng(0))
    assert [p.index for p in picks] == np.argsort(-entropy(batch.probabilities))[:7].tolist()


def test_diversity_takes_one_of_each_cluster():
    centre = np.repeat(np.eye(5) * 100, 6, axis=0)
    batch = a_batch(embedding=centre + np.random.default_rng(0).normal(size=(30, 5)))
    picks = select(batch, 5, "diversity", np.random.default_rng(0))
    assert sorted(p.index // 6 for p in picks) == [0, 1, 2, 3, 4]


def test_random_picks_everything_equally_often():
    batch = a_batch(10)
    rng = np.random.default_rng(0)
    seen = np.bincount([p.index for _ in range(2000) for p in select(batch, 3, "random", rng)])
    assert np.abs(seen / 2000 - 0.3).max() < 0.05


def test_a_model_that_is_always_certain_is_asked_about_what_is_novel():
    novelty = np.zeros(200)
    novelty[170:] = 0.9
    certain = np.tile([1.0, 0.0, 0.0], (200, 1))
    embedding = np.random.default_rng(0).normal(size=(200, 5))
    batch = a_batch(200, probabilities=certain, novelty=novelty, embedding=embedding, at_random=9)
    picks = select(batch, 10, "spread", np.random.default_rng(0))
    assert all(p.index >= 170 for p in picks)


def test_an_unknown_strategy_is_refused_with_the_choices():
    with pytest.raises(UserError, match=r"unknown selection strategy 'best': choose one of \['ran"):
        select(a_batch(), 3, "best", np.random.default_rng(0))


def test_arrays_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match=r"one row for each of 30 groups: got \{'novelty': 4\}"):
        a_batch(novelty=np.zeros(4))


@laws
@given(
    st.lists(st.sampled_from([0.01, 0.2, 0.5, 1.0]), max_size=40),
    st.integers(0, 50),
    st.integers(0, 99),
)
def test_audit_draws_its_number_with_a_chance_above_zero(kept, count, seed):
    kept = np.array(kept)
    picks = audit(kept, count, np.random.default_rng(seed))
    assert len({p.index for p in picks}) == len(picks) == min(count, len(kept))
    total = (1 / kept).sum()
    for pick in picks:
        assert pick.purpose == "audit"
        assert 0 < pick.probability <= kept[pick.index]
        # Uniform, but where a draw of 1 bounds it; what the bounded leave is shared.
        surely = pick.probability == pytest.approx(kept[pick.index])
        assert surely or pick.probability >= count / total - 1e-12
    free = [p.probability for p in picks if p.probability < kept[p.index] * (1 - 1e-9)]
    assert len(set(np.round(free, 12))) <= 1


def test_audit_draws_as_often_as_it_says():
    kept = np.array([1.0, 1.0, 0.5, 0.5, 0.25, 0.05, 1.0, 0.5])
    rng = np.random.default_rng(1)
    seen, said = np.zeros(8), np.zeros(8)
    for _ in range(20_000):
        for pick in audit(kept, 3, rng):
            seen[pick.index] += 1
            said[pick.index] = pick.probability
    draw = said / kept
    assert np.abs(seen / 20_000 - draw).max() < 4 * np.sqrt(0.25 / 20_000)
    assert draw[5] == 1.0
    assert said[5] == 0.05


def test_audit_weights_estimate_the_whole_stream_without_bias():
    # Capture and draw together: sums over all 60 observations from 8 labels a time.
    rng = np.random.default_rng(2)
    value = rng.random(60)
    chance = np.where(value > 0.6, 1.0, 0.3)
    estimates = []
    for _ in range(6000):
        kept = np.flatnonzero(rng.random(60) < chance)
        picks = audit(chance[kept], 8, rng)
        estimates.append(sum(value[kept[p.index]] / p.probability for p in picks))
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - value.sum()) < 4 * error


def test_audit_refuses_a_chance_of_zero():
    with pytest.raises(ValueError, match=r"must lie in \(0, 1\]"):
        audit(np.array([0.5, 0.0]), 1, np.random.default_rng(0))


@laws
@given(
    st.lists(st.sampled_from([0.0, 1e-9, 0.3, 1.0, 500.0]), max_size=40),
    st.integers(0, 50),
    st.sampled_from([0.01, 0.1, 1.0]),
)
def test_poisson_chances_fit_floor_and_budget(score, count, floor):
    chance = inclusion(np.array(score), count, floor)
    n = len(score)
    assert chance.sum() == pytest.approx(min(count, n))
    if n and count:
        assert chance.min() >= min(floor, count / n) - 1e-12
        assert chance.max() <= 1
        assert 1 / chance.min() <= weight_cap(n, count, floor) * (1 + 1e-9)


def test_poisson_weights_estimate_without_bias():
    rng = np.random.default_rng(4)
    score, value = rng.random(50) ** 3, rng.random(50)
    sums = [
        sum(value[p.index] / p.probability for p in poisson(score, 10, 0.05, rng))
        for _ in range(6000)
    ]
    assert abs(np.mean(sums) - value.sum()) < 4 * np.std(sums) / np.sqrt(len(sums))


@pytest.mark.parametrize("floor", [0.0, -1.0, 1.5])
def test_poisson_refuses_a_floor_outside_its_range(floor):
    with pytest.raises(ValueError, match=r"floor must lie in \(0, 1\]: got"):
        poisson(np.ones(3), 1, floor, np.random.default_rng(0))


def test_poisson_refuses_a_score_that_is_no_number():
    with pytest.raises(ValueError, match="finite and not negative"):
        poisson(np.array([np.nan]), 1, 0.1, np.random.default_rng(0))


def test_nothing_there_gives_no_picks():
    rng = np.random.default_rng(0)
    assert audit(np.zeros(0), 5, rng) == []
    assert poisson(np.zeros(0), 5, 0.1, rng) == []
    assert weight_cap(0, 5, 0.1) == np.inf


def test_a_pick_is_a_plain_tuple():
    assert Pick(1, "audit", 0.5) == (1, "audit", 0.5)


def test_margin_of_one_label_is_full():
    assert margin(np.ones((2, 1))).tolist() == [1.0, 1.0]


def test_spread_leaves_out_its_random_share_where_the_audit_has_drawn_it():
    batch = a_batch(200, probabilities=np.random.default_rng(1).dirichlet(np.ones(3), size=200))
    uncertain = set(np.argsort(margin(batch.probabilities))[:60].tolist())
    audited = replace(batch, at_random=7)
    inside = [
        len(uncertain & {p.index for p in select(c, 20, "spread", np.random.default_rng(0))})
        for c in (batch, audited)
    ]
    assert inside[1] == 20 > inside[0]

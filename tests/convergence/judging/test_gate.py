import msgspec
import numpy as np
import pytest

from twoloops.convergence.judging import betting
from twoloops.convergence.judging.gate import (
    Census,
    Comparison,
    GateSettings,
    judge,
    relative_weights,
)
from twoloops.records.errors import UserError
from twoloops.records.gate import Verdict

NONE = np.empty(0, dtype=np.int64)


def stream(n, right, changed, gain, seed=0):
    """Labels and decisions: the candidate differs on `changed`, and is `gain` more accurate."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    deployed = np.where(rng.random(n) < right, y, (y + 1) % 3)
    candidate = deployed.copy()
    kind = rng.random(n)
    win = kind < (changed + gain) / 2
    lose = ~win & (kind < changed)
    candidate[win], deployed[win] = y[win], (y[win] + 1) % 3
    candidate[lose], deployed[lose] = (y[lose] + 2) % 3, y[lose]
    return y, candidate, deployed


def test_an_equal_candidate_is_released_as_not_worse():
    y, candidate, deployed = stream(130, 0.9, 0.03, 0.0)
    share = float((candidate != deployed).mean())
    verdict, _ = judge(
        Comparison("not worse", y, candidate, deployed, disagreement=share, observations=460)
    )
    assert verdict.released
    assert verdict.reason.startswith("released: less than 5 points worse than the best release")
    assert verdict.labels == 130


@pytest.mark.parametrize("seed", range(8))
def test_a_worse_candidate_is_refused_whatever_the_claim(seed):
    y, candidate, deployed = stream(200, 0.9, 0.14, -0.10, seed)
    share = float((candidate != deployed).mean())
    for claim in ("not worse", "better"):
        verdict, _ = judge(
            Comparison(claim, y, candidate, deployed, disagreement=share, observations=460)
        )
        assert not verdict.released


def test_the_refusal_says_its_figures():
    y = np.zeros(92, dtype=np.int64)
    candidate, deployed = y.copy(), y.copy()
    candidate[:6], deployed[6:13] = 1, 1
    verdict, _ = judge(
        Comparison("not worse", y, candidate, deployed, disagreement=0.112, observations=460)
    )
    assert verdict.reason == (
        "refused: 13 labelled disagreements of 92 labels (+1.1 points) give wealth "
        f"{verdict.wealth:.1f} of the 20 needed; the candidate decides differently on 11.2 % "
        "of 460 observations"
    )


@pytest.mark.parametrize("claim", ["first", "not worse", "better"])
def test_no_evidence_and_one_item_are_refused_without_harm(claim):
    for size in (0, 1):
        y = np.zeros(size, dtype=np.int64)
        verdict, bets = judge(Comparison(claim, y, y, y, disagreement=0.0, observations=size))
        assert not verdict.released
        assert verdict.reason.startswith("refused: ")
        assert bets.count == (0 if claim == "first" else size)
        assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict


def test_a_turn_of_one_observation_proves_nothing_by_its_agreement():
    verdict, _ = judge(Comparison("not worse", NONE, NONE, NONE, disagreement=0, observations=1))
    assert not verdict.released
    assert verdict.wealth < 2


def test_known_agreement_on_all_observations_releases_without_labels():
    verdict, _ = judge(
        Comparison("not worse", NONE, NONE, NONE, disagreement=0.0, observations=460)
    )
    assert verdict.released


def seed_set(right, majority=0.6, n=80, seed=3):
    rng = np.random.default_rng(seed)
    y = np.zeros(n, dtype=np.int64)
    faults = rng.permutation(n)[: round(n * (1 - majority))]
    y[faults] = rng.integers(1, 4, faults.size)
    wrong = rng.permutation(n)[: round(n * (1 - right))]
    candidate = y.copy()
    candidate[wrong] = np.where(y[wrong] == 0, 1, 0)
    return y, candidate


@pytest.mark.parametrize("n", [72, 90])
def test_a_first_model_of_80_percent_against_60_percent_is_released(n):
    y, candidate = seed_set(0.8, n=n)
    verdict, _ = judge(Comparison("first", y, candidate))
    assert verdict.released
    assert verdict.reason.startswith("released: better than the majority class: ")


def test_a_first_model_no_better_than_the_majority_class_is_refused():
    y, candidate = seed_set(0.6)
    assert not judge(Comparison("first", y, candidate))[0].released
    assert not judge(Comparison("first", y, np.zeros_like(y)))[0].released


def test_a_first_release_needs_less_than_a_later_one():
    y, candidate = seed_set(0.8)
    verdict, _ = judge(Comparison("first", y, candidate), GateSettings(first_alpha=1e-9))
    assert not verdict.released
    assert "of the 1,000,000,000 needed" in verdict.reason or "over 1,000,000" in verdict.reason


def test_evidence_for_better_is_carried_over_and_old_items_are_not_bet_on_twice():
    y, candidate, deployed = stream(120, 0.8, 0.2, 0.2)
    first, bets = judge(Comparison("better", y[:60], candidate[:60], deployed[:60]))
    new = np.arange(120) >= 60
    second, carried = judge(Comparison("better", y, candidate, deployed, new=new, bets=bets))
    whole, _ = judge(Comparison("better", y, candidate, deployed))
    assert carried.count == 120
    assert second.wealth == pytest.approx(whole.wealth)
    assert "60 labels carried over from earlier turns" in second.reason
    assert second.released
    assert not first.released or first.wealth >= 20


def test_better_needs_no_more_than_the_settings_say():
    y = np.zeros(40, dtype=np.int64)
    candidate, deployed = y, y.copy()
    deployed[:4] = 1
    comparison = Comparison("better", y, candidate, deployed)
    assert not judge(comparison)[0].released
    assert judge(comparison, GateSettings(alpha=0.5))[0].released


def golden(lost, won, size=20):
    mine, other = np.ones(size, bool), np.ones(size, bool)
    mine[:lost], other[lost : lost + won] = False, False
    return mine, other


@pytest.mark.parametrize(("lost", "won", "passes"), [(2, 0, True), (3, 0, False), (4, 2, True)])
def test_golden_items_may_be_lost_up_to_the_allowance(lost, won, passes):
    mine, other = golden(lost, won)
    verdict, _ = judge(
        Comparison(
            "not worse",
            NONE,
            NONE,
            NONE,
            observations=460,
            golden_candidate=mine,
            golden_deployed=other,
        )
    )
    assert verdict.released is passes
    if not passes:
        assert verdict.reason == "refused: 3 of 20 golden items lost and 0 won, 2 net allowed"


@pytest.mark.parametrize(
    ("measured", "reason"),
    [
        (310.0, "refused: 99th percentile of verdict time 310 ms, budget 250 ms"),
        (None, "refused: latency was not measured (budget 250 ms)"),
    ],
)
def test_a_slow_or_unmeasured_candidate_is_refused(measured, reason):
    verdict, _ = judge(
        Comparison(
            "not worse",
            NONE,
            NONE,
            NONE,
            observations=460,
            latency_ms=measured,
            latency_budget_ms=250.0,
        )
    )
    assert verdict.reason == reason


@pytest.mark.parametrize("bad", [0.0, -1.0, 1.5, float("nan")])
def test_an_unknown_inclusion_probability_is_refused_with_what_to_do(bad):
    with pytest.raises(UserError, match=r"judging item 1 .* known chance in \(0, 1\]; leave items"):
        relative_weights(np.array([1.0, bad]), np.zeros(2, dtype=np.int64), 10)


def test_weights_are_relative_within_a_turn_and_cutting_is_recorded():
    probabilities = np.array([1.0] * 5 + [0.02] * 5 + [0.02] * 5 + [0.0001])
    turns = np.array([0] * 5 + [1] * 5 + [2] * 6)
    weights, capped = relative_weights(probabilities, turns, 10)
    assert weights[:10].tolist() == [1.0] * 10
    assert weights[10:].tolist() == pytest.approx([0.1] * 5 + [1.0])
    assert capped == 1
    y = np.zeros(16, dtype=np.int64)
    verdict, _ = judge(Comparison("not worse", y, y, y, probabilities=probabilities, turns=turns))
    assert "1 of 16 weights cut at 10 times their turn's median" in [
        check.detail for check in verdict.checks
    ]


def test_repetitions_of_the_folds_are_averaged():
    y, candidate, deployed = stream(130, 0.9, 0.05, 0.0)
    one = judge(Comparison("not worse", y, candidate, deployed))[0]
    three = judge(
        Comparison("not worse", y, np.tile(candidate, (3, 1)), np.tile(deployed, (3, 1)))
    )[0]
    assert three.wealth == pytest.approx(one.wealth)


def test_equal_models_looked_at_after_every_label_are_rarely_called_better():
    rng = np.random.default_rng(2)
    false = 0
    for _ in range(200):
        bets = betting.start()
        for _ in range(60):  # 60 looks of five labels
            x = rng.choice([-1.0, 0.0, 1.0], 5, p=[0.05, 0.9, 0.05])
            bets = betting.update(bets, x, 0.0)
            if bets.wealth >= 20:
                false += 1
                break
    assert false / 200 <= 0.05


def test_a_census_convinces_where_labels_alone_do_not() -> None:
    """Few labels, many observations: what is known without a label counts as well."""
    y = np.zeros(20, dtype=np.int64)
    plain, _ = judge(Comparison("not worse", y, y, y))
    assert not plain.released
    n = 300
    census = Census(np.zeros(n), np.ones(n), np.ones(n))
    known, bets = judge(Comparison("not worse", y, y, y, census=census))
    assert known.released
    assert bets.count == n


def test_a_census_of_a_worse_candidate_is_refused() -> None:
    y = np.zeros(20, dtype=np.int64)
    x = np.zeros(300)
    x[:15] = 1.0
    known, _ = judge(Comparison("not worse", y, y, y, census=Census(x, np.ones(300), np.ones(300))))
    assert not known.released


def test_carried_bets_release_where_earlier_labels_speak_for_the_old_model() -> None:
    """After a shift the old model is right on old labels and wrong on all new ones."""
    y = np.zeros(60, dtype=np.int64)
    old = np.arange(60) < 30
    deployed = np.where(old, 0, 1)
    candidate = np.where(np.arange(60) % 3 == 0, 1, 0)
    at_once, _ = judge(Comparison("not worse", y[old], candidate[old], deployed[old]))
    assert not at_once.released
    bets = betting.start()
    for turn in range(3):
        new = (np.arange(60) >= 30 + 10 * turn) & (np.arange(60) < 40 + 10 * turn)
        seen = np.arange(60) < 40 + 10 * turn
        verdict, bets = judge(
            Comparison(
                "not worse", y[seen], candidate[seen], deployed[seen], new=new[seen], bets=bets
            )
        )
    assert verdict.released

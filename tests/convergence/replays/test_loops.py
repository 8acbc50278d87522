import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.convergence.replays.loops import ARMS, interaction, log_odds, mean_accuracy, measure

RATES = {"neither": 0.5, "models": 0.5, "data": 0.7, "both": 0.9, "everything": 0.95}


def stream(rates: dict[str, float], n: int = 400, turns: int = 5, seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    hard = [rng.random(n) for _ in range(turns)]
    return {name: [h < rate for h in hard] for name, rate in rates.items()}


def groups(run: dict) -> list[list[str]]:
    return [[str(i) for i in range(len(turn))] for turn in run["both"]]


def test_the_measured_example() -> None:
    assert interaction(0.916, 0.899, 0.788, 0.790) == pytest.approx(0.019)


def test_a_planted_interaction_lies_in_its_interval() -> None:
    run = stream(RATES)
    found = measure([run], [groups(run)], limits={})
    low, high = found.interval
    assert low < 0.2 < high
    assert high - low < 0.1
    assert found.interval_log_odds[0] < found.interaction_log_odds < found.interval_log_odds[1]


def test_arms_that_only_add_up_have_an_interaction_of_zero() -> None:
    run = stream({**RATES, "models": 0.6, "both": 0.8})
    found = measure([run], [groups(run)], limits={})
    assert found.interval[0] < 0 < found.interval[1]


def test_a_negative_interaction_is_reported_as_such() -> None:
    run = stream({**RATES, "models": 0.9, "data": 0.9, "both": 0.9})
    assert measure([run], [groups(run)], limits={}).interval[1] < 0


def test_repeats_of_one_text_widen_the_interval() -> None:
    run = stream(RATES)
    repeated = {name: [np.repeat(t[:40], 10) for t in turns] for name, turns in run.items()}
    apart = measure([repeated], [groups(repeated)], limits={}).interval
    together = [[str(i // 10) for i in range(len(t))] for t in repeated["both"]]
    tied = measure([repeated], [together], limits={}).interval
    assert tied[1] - tied[0] > 1.5 * (apart[1] - apart[0])


def test_seeds_that_differ_widen_the_interval() -> None:
    a = stream(RATES)
    b = stream({**RATES, "both": 0.7}, seed=1)
    one = measure([a], [groups(a)], limits={}).interval
    two = measure([a, b], [groups(a), groups(b)], limits={}).interval
    assert two[1] - two[0] > one[1] - one[0]


def test_empty_turns_are_left_out() -> None:
    run = {name: [turns[0], np.zeros(0, bool)] for name, turns in stream(RATES).items()}
    found = measure([run], [[[str(i) for i in range(400)], []]], limits={})
    assert found.both == mean_accuracy(run["both"])


@given(st.floats(0, 1), st.integers(1, 10_000))
@settings(deadline=None, max_examples=50)
def test_log_odds_are_finite_and_odd(rate: float, n: int) -> None:
    assert np.isfinite(log_odds(rate, n))
    assert log_odds(rate, n) == pytest.approx(-log_odds(1 - rate, n), abs=1e-6)


def test_the_arms_are_named_once() -> None:
    assert ARMS == ("neither", "models", "data", "both")

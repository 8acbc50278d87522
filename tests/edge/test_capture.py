import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.edge.capture import CapturePolicy, chance, keep, margin
from twoloops.records.errors import UserError
from twoloops.records.observation import Decision, Kept, Place


def decision(*probabilities, novelty=0.0):
    return Decision("good", probabilities, "sha256:0", None, novelty)


POLICY = CapturePolicy(routine=0.25, margin=0.5, novelty=0.75)


@pytest.mark.parametrize(
    ("made", "draw", "expected"),
    [
        (None, 0.99, Kept("novel", 1.0)),
        (decision(1.0, 0.0, novelty=0.75), 0.99, Kept("novel", 1.0)),
        (decision(0.7, 0.3), 0.99, Kept("uncertain", 1.0)),
        (decision(0.5, 0.5), 0.99, Kept("uncertain", 1.0)),
        (decision(0.8, 0.2), 0.24, Kept("routine", 0.25)),
        (decision(0.8, 0.2), 0.25, None),
        (decision(1.0, 0.0), 0.0, Kept("routine", 0.25)),
        (decision(0.0, 1.0), 0.99, None),
        (decision(1.0), 0.99, None),
    ],
)
def test_the_rule_as_a_table(made, draw, expected):
    assert keep(POLICY, made, draw) == expected


@settings(deadline=None, max_examples=10)
@given(st.integers(), st.floats(0.05, 1.0))
def test_the_probability_is_what_frequency_shows(seed, routine):
    policy = CapturePolicy(routine=routine)
    total = 4000
    draws = [chance(seed, Place("edge", "epoch", number)) for number in range(total)]
    kept = [keep(policy, decision(1.0, 0.0), draw) for draw in draws]
    share = sum(one is not None for one in kept) / total
    # Six standard errors: fails by chance about twice in a thousand million examples.
    assert abs(share - routine) <= 6 * (routine * (1 - routine) / total) ** 0.5
    assert {one.probability for one in kept if one} == {routine}


@settings(deadline=None, max_examples=50)
@given(st.integers(), st.text(), st.text(), st.integers(0))
def test_a_draw_is_in_range_and_repeats(seed, edge, epoch, counter):
    place = Place(edge, epoch, counter)
    draw = chance(seed, place)
    assert 0 <= draw < 1
    assert draw == chance(seed, place)


def test_draws_differ_by_seed_edge_epoch_and_counter():
    places = [Place("a", "b", 1), Place("a", "b", 2), Place("a/b", "", 1), Place("", "a/b", 1)]
    assert len({chance(seed, place) for seed in (0, 1) for place in places}) == 8


def test_margin_is_the_gap_between_the_two_highest():
    assert margin(decision(0.1, 0.6, 0.3)) == pytest.approx(0.3)


@pytest.mark.parametrize("routine", [0.0, -0.1, 1.1, float("nan")])
def test_a_policy_that_never_keeps_is_refused(routine):
    with pytest.raises(UserError, match=r"a chance in \(0, 1\]: got"):
        CapturePolicy(routine=routine)

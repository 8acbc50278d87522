import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.analysis import words

ANY = st.one_of(
    st.none(), st.floats(-1e300, 1e300), st.sampled_from([math.nan, math.inf, -math.inf])
)
UP = "the two loops compound on this stream"
DOWN = "the two loops do not compound on this stream"
OPEN = "the interaction of the two loops cannot be told apart from zero on this stream"
UNKNOWN = "the interaction of the two loops is not defined on this stream"


@pytest.mark.parametrize(
    ("interaction", "interval", "said"),
    [
        (0.02, (0.01, 0.03), UP),
        (-0.02, (-0.03, -0.01), DOWN),
        (0.02, (-0.01, 0.05), OPEN),
        (-0.02, (-0.05, 0.01), OPEN),
        (0.01, (0.0, 0.02), OPEN),
        (-0.01, (-0.02, 0.0), OPEN),
        (0.0, (0.0, 0.0), DOWN),
        (math.nan, (0.1, 0.2), UNKNOWN),
        (0.1, (math.nan, 0.2), UNKNOWN),
        (0.1, (0.0, math.inf), UNKNOWN),
    ],
)
def test_the_verdict_follows_the_interval(interaction, interval, said):
    assert words.verdict(interaction, interval).split(":")[0] == said


@settings(deadline=None, max_examples=50)
@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1))
def test_turning_the_sign_never_leaves_both_compounding(middle, one, other):
    low, high = sorted((one, other))
    first = words.verdict(middle, (low, high)).startswith(UP)
    second = words.verdict(-middle, (-high, -low)).startswith(UP)
    assert not (first and second)


@settings(deadline=None, max_examples=50)
@given(ANY)
def test_what_does_not_exist_is_a_dash(value):
    for text in (
        words.percent(value),
        words.signed(value),
        words.points(value),
        words.count(value),
        words.amount(value, "USD", sign=True),
        words.scientific(value, "FLOP"),
    ):
        assert (text == words.ABSENT) == (not words.known(value))
        assert "nan" not in text
        assert "inf" not in text
        assert "-" not in text.replace("e-", "")


def test_means_leave_out_what_does_not_exist(example_result):
    turns = example_result(turns=2, normal=None).turns
    assert words.mean_of(turns, "detection_rate") is None
    assert words.mean_of((), "accuracy") is None
    expected = (turns[0].accuracy + turns[1].accuracy) / 2
    assert words.mean_of(turns, "accuracy") == pytest.approx(expected)


def test_clipped_text_is_one_line_without_controls():
    assert words.clip("a\x1b[31m\nb", 40) == "a [31m b"
    assert len(words.clip("x" * 100, 20)) == 20

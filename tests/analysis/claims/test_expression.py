"""Expressions are arithmetic and comparisons, and nothing else."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.analysis.claims.expression import (
    LONGEST,
    ExpressionError,
    evaluate,
    names,
    shown,
    working,
)

VALUES = {"A": 3.0, "B": 7.5, "C": -2.0, "T": "China", "U": "US"}
NUMBERS = st.sampled_from(["A", "B", "C", "2", "0.5", "10"])


def combined(parts):
    pairs = st.tuples(parts, st.sampled_from(["+", "-", "*", "/"]), parts)
    compared = st.tuples(parts, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), parts)
    return st.one_of(
        pairs.map(lambda one: f"({one[0]} {one[1]} {one[2]})"),
        st.tuples(parts, compared, parts).map(
            lambda one: f"({one[0]} if {one[1][0]} {one[1][1]} {one[1][2]} else {one[2]})"
        ),
        parts.map(lambda one: f"(-{one})"),
        st.lists(parts, min_size=2, max_size=3).map(lambda some: f"max({', '.join(some)})"),
        st.lists(parts, min_size=2, max_size=3).map(lambda some: f"min({', '.join(some)})"),
        parts.map(lambda one: f"abs({one})"),
    )


EXPRESSIONS = st.recursive(NUMBERS, combined, max_leaves=12)


@given(EXPRESSIONS)
def test_it_gives_what_python_would(expression):
    if len(expression) > LONGEST:
        return
    try:
        # Made above from names, numbers and signs only.
        expected = float(eval(expression, {"__builtins__": {}}, {**VALUES, **MINE}))
    except ZeroDivisionError:
        with pytest.raises(ExpressionError, match="division"):
            evaluate(expression, VALUES)
        return
    assert evaluate(expression, VALUES) == pytest.approx(expected, rel=1e-12)


MINE = {"min": min, "max": max, "abs": abs}


@given(EXPRESSIONS)
def test_every_name_it_uses_is_named_and_none_else(expression):
    found = set(names(expression))
    assert found == set(re.findall(r"\b[ABC]\b", expression))


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')",
        "A.__class__",
        "[A, B]",
        "A[0]",
        "(lambda: A)()",
        "A ** B",
        "A // B",
        "A % B",
        "not A",
        "~A",
        "True",
        "None",
        "1j",
        "f'{A}'",
        "{A}",
        "A is B",
        "A in B",
        "open('x')",
        "max()",
        "abs(A, B)",
        "max(A, key=B)",
        "max(*A)",
        "[x for x in (A,)]",
        "(A := 3)",
    ],
)
def test_anything_else_is_refused(expression):
    with pytest.raises(ExpressionError, match=re.escape(repr(expression))):
        evaluate(expression, VALUES)


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("A +", "cannot be read"),
        ("A; B", "cannot be read"),
        ("A / (B - B)", "division"),
        ("D + 1", "no value is called 'D'"),
        ("T + 1", "is the text 'China', a number is needed"),
        ("T == 1", "compares a text with a number"),
        ("1e308 * 10", "no finite value"),
        ("9" * 400, "cannot be computed"),
        ("A+" * 600 + "A", "longer than"),
        ("-" * 900 + "A", "cannot be"),
    ],
)
def test_what_has_no_value_says_why(expression, what):
    with pytest.raises(ExpressionError, match=re.escape(what)):
        evaluate(expression, VALUES)


def test_texts_are_compared_and_conditions_count():
    assert evaluate('count(T == "China", U == "China", T == U)', VALUES) == 1
    assert evaluate('A * (T == "China") + B * (U == "China")', VALUES) == 3
    assert evaluate('"yes" if A < B and T == "China" or C > 0 else "no"', VALUES) == "yes"
    assert evaluate("A < B < C", VALUES) == 0


def test_a_branch_not_taken_is_not_computed():
    assert evaluate("A if A > 0 else A / 0", VALUES) == 3


def test_what_is_shown_has_the_figures_put_in():
    assert shown("max(A, B) - -C * 2 >= 10", VALUES) == "max(3, 7.5) − --2 × 2 ≥ 10"
    assert shown('T == "China"', VALUES) == "China = China"
    assert working('"yes" if A > B else "no"', VALUES) == "3 > 7.5 is false: no"

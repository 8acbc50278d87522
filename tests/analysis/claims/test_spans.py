"""Dates of unequal precision."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.analysis.claims.spans import SEASONS, same, span
from twoloops.records.errors import UserError

DAYS = st.dates(date(1990, 1, 1), date(2040, 12, 31))
YEARS = st.integers(1990, 2040)
DATES = st.one_of(
    DAYS.map(date.isoformat),
    DAYS.map(lambda day: day.isoformat()[:7]),
    YEARS.map(str),
    st.tuples(YEARS, st.integers(1, 4)).map(lambda one: f"{one[0]}-Q{one[1]}"),
    st.tuples(YEARS, st.sampled_from(list(SEASONS))).map(lambda one: f"{one[0]}-{one[1]}"),
)


@given(DATES, DATES)
def test_being_the_same_goes_both_ways(one, other):
    assert same(one, other) == same(other, one)


@given(DATES)
def test_a_date_is_the_same_as_itself_and_begins_before_it_ends(one):
    first, last = span(one)
    assert same(one, one)
    assert first <= last


@given(DAYS)
def test_a_day_lies_in_its_month_and_year_and_not_in_the_next_day(day):
    text, next_day = day.isoformat(), (day + timedelta(days=1)).isoformat()
    assert same(text, text[:7])
    assert same(text, text[:4])
    assert same(text, f"{day.year}-Q{(day.month + 2) // 3}")
    assert not same(text, next_day)


@pytest.mark.parametrize("text", ["", "25", "2025-13", "2025-02-30", "2025-Q5", "fall 2025"])
def test_what_is_no_date_is_said(text):
    with pytest.raises(UserError, match=re.escape(f"no date: {text!r}")):
        span(text)


def test_overlapping_is_not_being_the_same():
    assert not same("2025-fall", "2025-Q4")

"""Dated instruments: their tables, and where each stands on a day."""

from datetime import date, timedelta
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.analysis.controls.system import QUANTITIES, Subject
from twoloops.atlas.contracts import licence, licences, origin, teacher_terms, terms
from twoloops.atlas.instruments import Instrument, StateRow, is_stale, packaged, standing
from twoloops.atlas.ratings import ratings
from twoloops.atlas.tables import sources

DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))
RULES = packaged()
BY_ID = {one.id: one for one in RULES.instruments}


def test_every_row_of_every_table_has_a_known_source():
    rows = (
        *RULES.instruments,
        *RULES.states,
        *RULES.conditions,
        *licences(),
        *teacher_terms(),
        *ratings(),
    )
    assert [row for row in rows if row.source not in sources()] == []


def test_what_refers_to_an_instrument_refers_to_one_that_is_there():
    assert len(BY_ID) == len(RULES.instruments)
    for row in (*RULES.states, *RULES.conditions):
        assert row.instrument in BY_ID, row
    assert {row.instrument for row in RULES.states} == set(BY_ID)


def test_conditions_and_subjects_use_words_that_are_known():
    for row in RULES.conditions:
        assert row.quantity in QUANTITIES, row
        # A condition compares with something, and with numbers or with words.
        numbers = row.at_least is not None or row.below is not None
        assert numbers != bool(row.equals), row
    for one in RULES.instruments:
        assert set(one.subjects.split("|")) <= set(get_args(Subject)), one
        assert one.as_of < one.review_by, one


def test_states_of_an_instrument_follow_one_another():
    for one in BY_ID:
        own = sorted((r for r in RULES.states if r.instrument == one), key=lambda r: r.since)
        for earlier, later in pairwise(own):
            assert earlier.until == later.since, one


@given(st.sampled_from(RULES.instruments), DAYS, DAYS)
def test_stale_is_monotone_in_the_day(one, day, other):
    early, late = sorted((day, other))
    now, then = (standing(one, RULES.states, on) for on in (early, late))
    if now is not None:
        assert then is not None
        assert is_stale(then.known_until, late) >= is_stale(now.known_until, early)


@pytest.mark.parametrize(
    ("day", "state", "stale"),
    [
        (date(2025, 9, 29), "in force", False),
        (date(2025, 11, 9), "in force", False),
        (date(2025, 11, 10), "suspended", False),
        (date(2026, 11, 9), "suspended", False),
        (date(2026, 11, 10), "unknown", True),
    ],
)
def test_the_affiliates_rule_day_by_day(day, state, stale):
    now = standing(BY_ID["us-affiliates"], RULES.states, day)
    assert now is not None
    assert (now.state, is_stale(now.known_until, day)) == (state, stale)


LONGEST = {"in force": 366, "suspended": 366, "guidance": 184, "not enforced": 184, "proposed": 92}


def test_no_row_is_relied_on_for_longer_than_the_page_says():
    for one in RULES.instruments:
        now = standing(one, RULES.states, one.as_of)
        assert now is not None, one.id
        if now.state != "ended":
            assert (one.review_by - one.as_of).days <= LONGEST[now.state], one.id
    for row in teacher_terms():
        assert (row.review_by - row.as_of).days <= LONGEST["proposed"], row.provider


def test_what_followed_an_end_is_not_made_up():
    now = standing(BY_ID["us-affiliates"], RULES.states, date(2027, 1, 1))
    assert now is not None
    assert now.note == "was suspended until 2026-11-09; what followed was not seen"


def test_an_instrument_is_not_there_before_it_began():
    assert standing(BY_ID["us-h200-review"], RULES.states, date(2026, 1, 14)) is None
    assert standing(BY_ID["us-h200-review"], RULES.states, date(2026, 1, 15)) is not None


@given(DAYS)
def test_the_last_day_a_row_speaks_for_is_not_stale_and_the_next_is(day):
    one = Instrument(
        "x", "X", "US", "base", "names", "restricts", "", date(2020, 1, 1), day, "article"
    )
    row = StateRow("x", "in force", date(2000, 1, 1), "article")
    now = standing(one, (row,), day)
    assert now is not None
    assert not is_stale(now.known_until, day)
    assert is_stale(now.known_until, day + timedelta(days=1))


def test_contracts_are_found_by_any_of_their_names():
    for name, provider in (
        ("openai/gpt-6", "OpenAI"),
        ("claude-opus-5", "Anthropic"),
        ("DeepSeek Open Platform", "DeepSeek Open Platform"),
        ("qwen-max", "Alibaba Model Studio"),
    ):
        found = terms(name, teacher_terms())
        assert found is not None, name
        assert found.provider == provider
    assert terms("a colleague", teacher_terms()) is None
    mit = licence("mit", licences())
    assert mit is not None
    assert mit.id == "MIT"
    assert licence("Beerware", licences()) is None


def test_origins_are_looked_up_and_unknown_ones_stay_unknown():
    assert (origin("google"), origin("Qwen"), origin("mistralai")) == ("US", "CN", "EU")
    assert origin("Nils Reimers") == "unknown"

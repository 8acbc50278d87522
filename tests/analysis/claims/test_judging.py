"""Verdicts come from cells: the packaged ones are as the facts are, and follow every change."""

import csv
import random
from importlib.resources import files

import msgspec
import pytest

from twoloops.analysis.claims.expression import names
from twoloops.analysis.claims.judging import (
    ARITHMETIC,
    SOURCE,
    as_json,
    counts,
    judge,
    verdicts_by_exhibit,
)
from twoloops.atlas.claims import claims
from twoloops.atlas.facts import Check, checks, facts
from twoloops.records.errors import UserError

CONTRADICTED = (
    "PR_GPT45", "PR_DSV3", "PR_Q3MAX",
    "TL_DIST_1", "TL_DIST_3", "TL_DIST_4", "TL_DIST_5", "TL_DATA_4_REG", "TV_LEAD_2",
)  # fmt: skip
STOCKS = ("OM_CN_2022", "OM_CN_2025", "OM_US_2022", "OM_US_2025")


@pytest.mark.parametrize("name", CONTRADICTED)
def test_what_is_known_to_be_wrong_is_contradicted(judged, name):
    assert judged[name].source_verdict == "contradicts"
    assert judged[name].sources


@pytest.mark.parametrize("name", STOCKS)
def test_numbers_of_models_differ_by_definition(judged, name):
    assert judged[name].source_verdict == "differs_by_definition"
    assert "cumulative stock" in judged[name].explanation


def test_the_prices_of_the_sound_rows_are_confirmed_by_list_prices(judged):
    assert judged["PR_GPT52"].source_verdict == judged["PR_K25"].source_verdict == "confirms"
    assert "(3 × 1.75 + 14) / 4 = 4.8125" in judged["PR_GPT52"].explanation
    assert "(3 × 75 + 150) / 4 = 93.75" in judged["PR_GPT45"].explanation


def test_of_the_articles_arithmetic_only_its_lead_in_agents_fails(judged):
    assert [one.id for one in judged.values() if one.arithmetic == "fails"] == ["TV_LEAD_2"]
    assert judged["TV_LEAD_2"].arithmetic_shown == "13.5 > 189 is false: China; the article says US"


@pytest.mark.parametrize(
    ("row", "cells", "expected"),
    [
        # Facts: a price, a base, days, a country, a definition.
        ("q3max_out_cn", {"value": "-0.743"}, {"PR_Q3MAX": ("holds", "confirms"),
                                               "VR_Q3MAX": ("holds", "confirms")}),
        ("r1_day", {"value": "2024-12-31"}, {"TL_DIST_1_DAY": ("none", "contradicts")}),
        ("microsoft_saw", {"value": "2025-10"}, {"TL_DIST_3": ("none", "confirms")}),
        ("anthropic_post", {"value": "2026-02-24"}, {"TL_DIST_5": ("none", "confirms")}),
        ("region_openai", {"value": "China"}, {"DO03": ("none", "contradicts"),
                                               "DO10": ("none", "contradicts")}),
        ("open_cn_2022", {"definition": ""}, {"OM_CN_2022": ("none", "contradicts")}),
        ("orin_tops", {"value": "200"}, {"EC_COV_3": ("none", "contradicts")}),
        ("ec_bill", {"value": "2026-02-01"}, {"EC_COV_5": ("none", "contradicts")}),
        ("qwen_derivatives", {"value": "26000"}, {"H2": ("none", "contradicts"),
                                                  "QWEN_FIRST": ("none", "contradicts"),
                                                  "QWEN_DERIV": ("none", "contradicts"),
                                                  "QWEN_DERIV_T": ("holds", "contradicts")}),
        # Inputs: a list price moves every claim that rests on it.
        ("IN_K25", {"value": "1.00"}, {"PR_K25": ("holds", "contradicts"),
                                       "COST_CN": ("holds", "contradicts"),
                                       "COST_X": ("holds", "contradicts"),
                                       "PR_X": ("holds", "contradicts"),
                                       "H3": ("holds", "contradicts"),
                                       "VR_K25": ("holds", "contradicts"),
                                       "IN_K25": ("none", "contradicts")}),
        # Claims: the article's own cells.
        ("TV_US_2", {"value": "190"}, {"TV_LEAD_2": ("holds", "not_found"),
                                       "TV_X_2": ("fails", "not_found"),
                                       "TV_LEADS": ("fails", "not_found")}),
        ("OM_US_2025", {"value": "640"}, {"OM_US_X": ("fails", "differs_by_definition")}),
        ("TL_DIST_4", {"value": "2026-02-12"}, {"TL_DIST_4": ("none", "confirms")}),
        ("TL_DATA_4_REG", {"value": "2025"}, {"TL_DATA_4_REG": ("none", "confirms")}),
        ("DL02", {"value": "11000000"}, {"DL_SORTED": ("fails", "not_found"),
                                         "TARSIER": ("fails", "not_found"),
                                         "DL_TOTAL": ("fails", "not_found"),
                                         "DL_CN": ("fails", "not_found")}),
        ("PR_K25", {"value": "1.30"}, {"PR_K25": ("fails", "contradicts"),
                                       "COST_CN": ("fails", "confirms"),
                                       "VR_K25": ("fails", "confirms")}),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)  # fmt: skip
def test_one_cell_flips_the_verdicts_that_depend_on_it_and_no_others(flipped, row, cells, expected):
    assert flipped(row, **cells) == expected


def test_no_table_holds_a_verdict():
    words = {*ARITHMETIC, *SOURCE, "agrees", "recomputed"}
    for name in ("claims", "facts", "checks"):
        text = (files("twoloops.atlas") / "data" / f"{name}.csv").read_text(encoding="utf-8")
        cells = {cell for row in csv.reader(text.splitlines()) for cell in row}
        assert not cells & words - {"none"}, name
    # The one `none` is what the article says of charges brought.
    assert [one.id for one in claims() if one.value == "none"] == ["DOJ"]


def test_the_order_of_the_rows_decides_nothing(judged):
    draw = random.Random(1)
    shuffled = [draw.sample(rows, len(rows)) for rows in (claims(), facts(), checks())]
    again = {one.id: one.verdicts for one in judge(*shuffled)}
    assert again == {id_: one.verdicts for id_, one in judged.items()}


def test_the_counts_are_of_all_claims(judged):
    found = counts(list(judged.values()))
    for which in found.values():
        assert sum(sum(by_role.values()) for by_role in which.values()) == len(judged)
    assert found["source"]["contradicts"]["article"] == sum(
        one.source_verdict == "contradicts" for one in judged.values() if one.role == "article"
    )


def test_other_programs_get_the_named_fields_and_no_more(judged):
    for one in judged.values():
        record = as_json(one)
        assert list(record) == [
            "id", "claim", "section", "value", "unit", "as_of",
            "arithmetic", "source_verdict", "explanation", "source",
        ]  # fmt: skip
        assert record["explanation"]
        if one.source_verdict == "not_found":
            assert record["source"] is None
        else:
            assert {"title", "url", "date"} < set(record["source"])
    assert as_json(judged["PR_GPT45"])["value"] == 6.0
    assert as_json(judged["DV01"])["value"] is None
    assert as_json(judged["DL_TOTAL"])["claim"].startswith("(derived) ")


def test_what_was_not_read_in_the_original_is_said(judged):
    assert "seen only in excerpt or as others quote it" in judged["TL_DIST_5"].explanation
    assert "from memory" in judged["EC_COV_3"].explanation
    assert "the data itself was read" in judged["PR_GPT45"].explanation
    assert "No source was found that decides it." in judged["GD_LIFT"].explanation


def test_every_exhibit_has_its_claims():
    found = verdicts_by_exhibit()
    assert list(found) == [f"E{n}" for n in range(9)]
    assert "PR_GPT45" in [one.id for one in found["E3"]]


def test_the_articles_own_table_never_confirms(judged):
    for one in judged.values():
        if one.source_verdict == "confirms":
            assert "article" not in {source.id for source in one.sources}, one.id


def test_tables_that_do_not_fit_together_say_where():
    with pytest.raises(UserError, match=r"'PR_K25' stands in claims\.csv and facts\.csv"):
        judge([*claims(), *(one for one in claims() if one.id == "PR_K25")])
    stray = Check(claim="NOBODY", relation="equal", against="1", says="x")
    with pytest.raises(UserError, match=r"checks\.csv checks 'NOBODY', which claims\.csv"):
        judge(checks=[stray])
    wrong = Check(claim="PR_K25", relation="same_date", against="r1_day", says="x")
    with pytest.raises(UserError, match="PR_K25: same_date compares texts, not numbers"):
        judge(checks=[wrong])
    wrong = Check(claim="PR_K25", relation="equal", against="r1_base", says="x")
    with pytest.raises(UserError, match="PR_K25: equal compares numbers, not texts"):
        judge(checks=[wrong])
    wrong = Check(claim="DV01", relation="equal", against="1", says="x")
    with pytest.raises(UserError, match="DV01 has no value that '1' could check"):
        judge(checks=[wrong])
    with pytest.raises(UserError, match=r"sources.csv has no '[\w-]+', which"):
        judge(sources=[])
    odd = [msgspec.structs.replace(facts()[3], value="many"), *facts()[:3], *facts()[4:]]
    with pytest.raises(UserError, match="the value 'many' is no number, as its unit 'models'"):
        judge(facts=odd)


def test_a_check_that_names_an_unknown_fact_says_so():
    with pytest.raises(UserError, match="no value is called 'nothing'"):
        judge(checks=[Check(claim="PR_K25", relation="equal", against="nothing", says="x")])
    assert names("nothing") == ("nothing",)

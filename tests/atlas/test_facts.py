"""Facts name their sources, and those that come from published files say what the files say."""

import csv
import json
import os
from pathlib import Path

import pytest

from twoloops.analysis.claims.expression import names
from twoloops.analysis.claims.spans import span
from twoloops.atlas.claims import WORDS, claims, reading
from twoloops.atlas.facts import checks, facts
from twoloops.atlas.tables import Source, sources, table

CLAIMS = {one.id: one for one in claims()}
FACTS = {one.id: one for one in facts()}
DATA = Path(os.environ.get("TWOLOOPS_DATA", "")) / "atlas"
needs_data = pytest.mark.skipif(
    not os.environ.get("TWOLOOPS_DATA") or not DATA.is_dir(), reason="TWOLOOPS_DATA is not set"
)


def figure(name):
    return reading(FACTS[name].value, FACTS[name].unit)


def test_ids_stand_once_and_are_no_claims():
    assert len(FACTS) == len(facts())
    assert not set(FACTS) & set(CLAIMS)
    assert [one for one in FACTS if one != one.lower()] == []


def test_every_source_stands_once_and_is_whole():
    rows = table("sources", Source)
    assert len({one.id for one in rows}) == len(rows)
    for one in facts():
        source = sources()[one.source]
        assert source.url.startswith("http")
        assert source.published
        assert source.seen in ("file", "page", "excerpt", "memory")


def test_every_fact_is_used_and_every_value_is_one():
    used = {name for one in checks() for name in names(one.against)}
    assert sorted(set(FACTS) - used) == []
    for one in facts():
        assert reading(one.value, one.unit) is not None
        if one.unit == "date":
            span(one.value)


def test_a_check_compares_like_with_like():
    for one in checks():
        unit = CLAIMS[one.claim].unit
        assert set(names(one.against)) <= {*FACTS, *CLAIMS}, one
        if one.relation in ("same_date", "same_text"):
            assert unit == one.relation.removeprefix("same_"), one
        elif one.relation != "context":
            assert unit not in WORDS, one
        if one.against in FACTS and one.relation != "context":
            assert FACTS[one.against].unit == unit, one
        assert one.says
        assert not one.says.endswith(".")


def test_alternatives_are_of_one_kind():
    grouped = {}
    for one in checks():
        if one.any_of:
            grouped.setdefault((one.claim, one.any_of), set()).add(one.relation)
    assert grouped
    assert all(len(relations) == 1 for relations in grouped.values())


def rows_of(name):
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@needs_data
@pytest.mark.parametrize(("country", "key"), [("China", "cn"), ("United States", "us")])
def test_open_models_are_counted_as_the_file_has_them(country, key):
    years = [
        row["Publication date"][:4]
        for row in rows_of("epoch/all_ai_models_2025-04.csv")
        if (row["Model accessibility"] or "").startswith("Open weights")
        and country in (row["Country (from Organization)"] or "")
    ]
    assert figure(f"open_{key}_2022") == sum(year <= "2022" for year in years)
    assert figure(f"open_{key}_2025") == len(years)
    assert figure(f"open_{key}_new") == years.count("2022")


@needs_data
def test_models_are_described_as_the_files_have_them():
    newer = {row["Model"].strip(): row for row in rows_of("epoch/notable_ai_models_2026-07.csv")}
    older = {row["Model"].strip(): row for row in rows_of("epoch/notable_ai_models_2025-12.csv")}
    whole = {
        "".join(row["Model"].split()): row for row in rows_of("epoch/all_ai_models_2025-04.csv")
    }
    cosmos = whole["Cosmos-1.0-Diffusion-14BVideo2World"]
    assert figure("grok4_flop") == float(newer["Grok 4"]["Training compute (FLOP)"])
    assert figure("q3max_flop") == float(newer["Qwen3-Max"]["Training compute (FLOP)"])
    assert figure("q3max_access") == newer["Qwen3-Max"]["Model accessibility"]
    assert figure("grok4_params") == float(newer["Grok 4"]["Parameters"])
    assert figure("q3max_params") == float(newer["Qwen3-Max"]["Parameters"])
    assert figure("q3max_tokens") == float(older["Qwen3-Max"]["Training dataset size (gradients)"])
    assert figure("cosmos_tokens") == float(cosmos["Training dataset size (datapoints)"])
    assert cosmos["Model accessibility"].startswith("Open weights")
    assert newer["gpt-oss-120b"]["Model accessibility"].startswith("Open weights")
    assert figure("gpt45_day") == newer["GPT-4.5"]["Publication date"]
    assert figure("r1_day") == newer["DeepSeek-R1"]["Publication date"]
    assert figure("r1_base") == newer["DeepSeek-R1"]["Base model"]
    assert figure("moe_first") == whole["Switch"]["Publication date"]


@needs_data
def test_prices_are_those_of_the_files():
    models = {
        (provider["id"], model["id"]): model["prices"]
        for provider in json.loads((DATA / "prices/genai_prices_2026-08-21.json").read_text())
        for model in provider["models"]
    }
    off, standard = (one["prices"] for one in models["deepseek", "deepseek-chat"])
    assert figure("deepseek_in_off") == off["input_mtok"]
    assert figure("deepseek_out_off") == off["output_mtok"]
    assert figure("dsv3_in_again") == standard["input_mtok"]
    assert figure("dsv3_out_again") == standard["output_mtok"]
    for key, place in {
        "gpt52": ("openai", "gpt-5.2"),
        "gpt45": ("openai", "gpt-4.5-preview"),
        "k25": ("moonshotai", "kimi-k2.5"),
        "q3max": ("openrouter", "qwen/qwen3-max"),
    }.items():
        assert figure(f"{key}_in_again") == models[place]["input_mtok"]
        assert figure(f"{key}_out_again") == models[place]["output_mtok"]
    offers = rows_of("models_dev/provider_prices.csv")
    mine = {
        (one["provider"], one["model"]): (
            float(one["input_usd_per_mtok"] or 0),
            float(one["output_usd_per_mtok"] or 0),
        )
        for one in offers
    }
    assert mine["alibaba-cn", "qwen3-max"] == (figure("q3max_in_cn"), figure("q3max_out_cn"))
    assert mine["openrouter", "qwen/qwen3-max"] == (figure("q3max_in_or"), figure("q3max_out_or"))
    paid = [price for (_, model), price in mine.items() if "qwen3-max" in model and price > (0, 0)]
    assert min(paid) == (figure("q3max_in_low"), figure("q3max_out_low"))
    said = next(c.says for c in checks() if "q3max_in_low" in c.against and c.claim == "PR_Q3MAX")
    assert f"of {len(paid)} paid offers" in said
    low, high = (mine[one, "deepseek-ai/DeepSeek-V3"] for one in ("siliconflow", "togetherai"))
    assert figure("deepseek_resale_low") == (3 * low[0] + low[1]) / 4
    assert figure("deepseek_resale_high") == (3 * high[0] + high[1]) / 4


@needs_data
def test_list_prices_taken_as_inputs_are_those_of_the_history_on_their_day():
    history = json.loads((DATA / "prices/model_prices_history_2026-10-26.json").read_text())
    places = {
        "GPT52": ("openai", "gpt-5.2"),
        "K25": ("moonshotai", "kimi-k2.5"),
        "GPT45": ("openai", "gpt-4.5-preview"),
        "DSV3": ("deepseek", "deepseek-chat"),
        "DSV32": ("deepseek", "deepseek-chat"),
        "Q3MAX": ("alibaba", "qwen3-max"),
    }
    for key, (provider, model) in places.items():
        listed = {
            (rates["valid_from"][:10], float(rates["input"]), float(rates["output"]))
            for interval in history["prices"][provider][model]["standard"]
            if (rates := interval["rates"])
        }
        price = CLAIMS[f"IN_{key}"], CLAIMS[f"OUT_{key}"]
        assert (price[0].as_of, *(float(one.value) for one in price)) in listed, key
    later = {
        (rates["valid_from"][:10], rates["input"], rates["output"])
        for interval in history["prices"]["deepseek"]["deepseek-chat"]["standard"]
        if (rates := interval["rates"])
    }
    from_august = (figure("deepseek_in_v31"), figure("deepseek_out_v31"))
    assert (FACTS["deepseek_in_v31"].as_of, *from_august) in later


@needs_data
def test_regions_are_those_of_the_file():
    regions = {
        row["hf_org"]: row["region"] for row in rows_of("tracked_models/organization_regions.csv")
    }
    printed = {"china": "China", "us": "US"}
    for name, org in {
        "bytedance": "ByteDance",
        "qwen": "Qwen",
        "deepseek_ai": "deepseek-ai",
        "openai": "openai",
        "meta_llama": "meta-llama",
    }.items():
        assert figure(f"region_{name}") == printed[regions[org]]

"""genai-prices: standard prices of makers, prices by the hour, and files that are none."""

import json
import os
from datetime import date
from pathlib import Path

import msgspec
import pytest

from twoloops.atlas.list_prices import ListPrice
from twoloops.atlas.prices import Price, prices
from twoloops.atlas.publishers import genai_prices
from twoloops.atlas.publishers.port import SourceError

TODAY = date(2026, 8, 31)
AT = "https://prices.example/data.json"
HOURS = {"start_time": "16:30:00Z", "end_time": "00:30:00Z"}


def model(name, prices):
    return {"id": name, "match": {"equals": name}, "prices": prices}


def dated(*parts):
    return [
        {"prices": {"input_mtok": read, "output_mtok": written}}
        | ({"constraint": limit} if limit else {})
        for limit, read, written in parts
    ]


DATA = [
    {
        "id": "x-ai",
        "name": "xAI",
        "models": [
            model("grok-4", {"input_mtok": 3, "output_mtok": 15}),
            model("free", {"input_mtok": 0, "output_mtok": 0}),
            model("images", {"requests_kcount": 40}),
            model(
                "tiered",
                {
                    "input_mtok": {"base": 0.2, "tiers": [{"start": 128000, "price": 0.4}]},
                    "output_mtok": {"base": 0.5, "tiers": []},
                },
            ),
            model("dated", dated((None, 2, 10), ({"start_date": "2026-09-01"}, 3, 15))),
        ],
    },
    {
        "id": "deepseek",
        "name": "DeepSeek",
        "models": [model("deepseek-chat", dated((HOURS, 0.135, 0.55), (None, 0.27, 1.1)))],
    },
    {"id": "reseller", "models": [model("grok-4", {"input_mtok": 9, "output_mtok": 9})]},
]


def pull(offline, data, today=TODAY, least=1):
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return genai_prices.GenaiPrices(AT, least).pull(offline({AT: text}), today)


def test_makers_standard_prices_are_taken_and_resellers_left_out(offline) -> None:
    rows = pull(offline, DATA).tables[0].rows
    source = "genai-prices-2026-08-31"
    assert rows == [
        ListPrice("deepseek", "deepseek-chat", 0.27, 1.1, source),
        ListPrice("xai", "dated", 2.0, 10.0, source),
        ListPrice("xai", "grok-4", 3.0, 15.0, source),
        ListPrice("xai", "tiered", 0.2, 0.5, source),
    ]


def test_of_dated_prices_the_one_in_force_is_taken(offline) -> None:
    rows = {row.model: row for row in pull(offline, DATA, date(2026, 9, 1)).tables[0].rows}
    assert (rows["dated"].input, rows["dated"].output) == (3.0, 15.0)


def test_prices_by_the_hour_go_into_the_table_of_prices(offline) -> None:
    said = ("deepseek", "deepseek-chat")
    assert pull(offline, DATA).tables[1].rows == [
        Price(*said, 0.135, 0.55, "documented", "genai-prices-2026-08-31", "", "16:30-00:30 UTC"),
        Price(
            *said, 0.27, 1.1, "documented", "genai-prices-2026-08-31", "",
            "outside 16:30-00:30 UTC",
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"providers": DATA}, "the file is not a list of providers with prices: Expected `array`"),
        ([{"id": "xai"}], "the file is not a list of providers with prices: Object missing requir"),
        (json.dumps(DATA).encode()[:-40], "the file is not a list of providers with prices: Input"),
        (
            [{"id": "xai", "models": [model("a", {"input_mtok": "3", "output_mtok": 15})]}],
            "input_mtok is '3', not a price in USD per million tokens",
        ),
        (
            [{"id": "xai", "models": [model("a", {"input_mtok": 3, "output_mtok": -1})]}],
            "output_mtok is -1, not a price in USD per million tokens",
        ),
        ([{"id": "nobody", "models": [model("a", {})]}], "only 0 priced models of their makers w"),
    ],
)
def test_a_broken_or_changed_file_is_refused(offline, data, says) -> None:
    with pytest.raises(SourceError) as caught:
        pull(offline, data)
    assert str(caught.value).startswith(says)


def test_a_stump_is_refused(offline) -> None:
    with pytest.raises(SourceError, match=r"^only 7 models were found, at least 500 are expected"):
        pull(offline, DATA, least=500)


@pytest.mark.data
def test_the_real_file_gives_the_packaged_hours() -> None:
    path = Path(os.environ.get("TWOLOOPS_DATA", "")) / "atlas/prices/genai_prices_2026-08-21.json"
    if not path.is_file():
        pytest.skip("the published files are not here: TWOLOOPS_DATA names their folder")
    providers = genai_prices.decode(path.read_bytes(), least=1000)
    got = genai_prices.windows(providers, "x")
    packaged = [row for row in prices() if row.source.startswith("genai-prices-")]
    assert set(got) == {msgspec.structs.replace(row, source="x") for row in packaged}
    rows = genai_prices.standard(providers, "x", date(2026, 8, 21))
    assert len({row.provider for row in rows}) >= 10
    found = {(row.provider, row.model): row for row in rows}
    assert (found["openai", "gpt-5.2"].input, found["openai", "gpt-5.2"].output) == (1.75, 14)

"""model-prices: the snapshot its digest names, read as the packaged table is."""

import hashlib
import json
import os
from datetime import date
from pathlib import Path

import msgspec
import pytest

from twoloops.atlas.prices import Price, prices
from twoloops.atlas.publishers import model_prices
from twoloops.atlas.publishers.port import SourceError

TODAY = date(2026, 11, 23)
AT = "https://prices.example/v1/"
COMMIT = "https://github.com/sst/models.dev/commit/62a8a3ea3976"


def step(start, read, written, source=COMMIT):
    rates = {
        "input": read,
        "output": written,
        "source": source,
        "valid_from": "2025-06-10T00:00:00Z",
        "valid_from_basis": "models.dev commit",
    }
    return {"start": start, "rates": rates}


STEPS = [
    step(None, 0.27, 1.1),
    step("2025-07-01T00:00:00Z", 0.27, 1.1),  # another cache price only
    step("2025-08-01T00:00:00Z", 0, 0),  # an offer
    {"start": "2025-08-15T00:00:00Z", "rates": None},
    step("2025-09-05T16:00:00Z", 0.28, 0.42, "https://api.example/news"),
]
SNAPSHOT = {
    "schema": 1,
    "updated_at": "2026-11-20T10:00:00Z",
    "prices": {"deepseek": {"deepseek-chat": {"standard": STEPS, "fast": [{}]}}},
}


def pull(offline, snapshot, latest=None, least=1):
    text = snapshot if isinstance(snapshot, bytes) else json.dumps(snapshot).encode()
    digest = hashlib.sha256(text).hexdigest()
    answers = {
        f"{AT}latest.json": latest or json.dumps({"sha256": digest}).encode(),
        f"{AT}{digest}.json": text,
        f"{AT}{'0' * 64}.json": text,
    }
    return model_prices.ModelPrices(AT, least).pull(offline(answers), TODAY)


def test_a_row_is_a_change_of_price(offline) -> None:
    pulled = pull(offline, SNAPSHOT)
    source = "model-prices-2026-11-23"
    said = ("deepseek", "deepseek-chat")
    assert pulled.tables[0].rows == [
        Price(*said, 0.27, 1.1, "models.dev commit", source, "2025-06-10", "", "62a8a3ea3976"),
        Price(
            *said, 0.28, 0.42, "models.dev commit", source, "2025-09-05", "",
            "https://api.example/news",
        ),
    ]  # fmt: skip
    assert pulled.tables[0].replaces == "model-prices-"
    assert pulled.source.published == "2026-11-20"


@pytest.mark.parametrize(
    ("steps", "prices"),
    [
        ([(None, 1), ("2025-06-10", 3), ("2025-06-10", 1)], [("2025-06-10", 1)]),
        ([("2025-07-01", 1), ("2025-08-01", 3), ("2025-08-01", 1)], [("2025-07-01", 1)]),
        (
            [("2025-07-01", 1), ("2025-08-01", 3), ("2025-08-01", 2)],
            [("2025-07-01", 1), ("2025-08-01", 2)],
        ),
    ],
)
def test_of_one_day_the_last_price_stands(offline, steps, prices) -> None:
    made = [step(start and f"{start}T01:00:00Z", price, price) for start, price in steps]
    data = SNAPSHOT | {"prices": {"a": {"b": {"standard": made}}}}
    rows = pull(offline, data).tables[0].rows
    assert [(row.since, row.input) for row in rows] == prices


@pytest.mark.parametrize(
    ("snapshot", "says"),
    [
        (SNAPSHOT | {"schema": 2}, "the snapshot is of schema 2, known here is 1"),
        ({"schema": 1, "prices": {}}, "the snapshot is not one of prices: Object missing required"),
        (SNAPSHOT | {"updated_at": "lately"}, "the snapshot is not one of prices: Invalid isoform"),
        (SNAPSHOT | {"prices": {}}, "only 0 models were found, at least 1 are expected"),
        (json.dumps(SNAPSHOT).encode()[:-9], "the snapshot is not one of prices: Input data was t"),
        (
            SNAPSHOT | {"prices": {"a": {"b": {"standard": [step(None, "free", 1)]}}}},
            "the prices of a/b are none: Expected `float | null`, got `str`",
        ),
        (
            SNAPSHOT | {"prices": {"a": {"b": {"standard": [step(None, -1, 1)]}}}},
            "a/b is priced below 0",
        ),
    ],
)
def test_a_broken_or_changed_snapshot_is_refused(offline, snapshot, says) -> None:
    with pytest.raises(SourceError) as caught:
        pull(offline, snapshot)
    assert str(caught.value).startswith(says)


def test_the_snapshot_must_be_the_one_that_latest_names(offline) -> None:
    with pytest.raises(SourceError, match=rf"has sha256 \w+, latest\.json says {'0' * 64}$"):
        pull(offline, SNAPSHOT, json.dumps({"sha256": "0" * 64}).encode())
    with pytest.raises(SourceError, match=r"^latest\.json names no snapshot: "):
        pull(offline, SNAPSHOT, b'{"md5": "x"}')
    with pytest.raises(SourceError, match=r"names the snapshot '\.\./\.\./x', which is no sha256"):
        pull(offline, SNAPSHOT, b'{"sha256": "../../x"}')


@pytest.mark.data
def test_the_real_snapshot_gives_the_packaged_rows() -> None:
    name = "model_prices_history_2026-10-26.json"
    path = Path(os.environ.get("TWOLOOPS_DATA", "")) / "atlas" / "prices" / name
    if not path.is_file():
        pytest.skip("the published files are not here: TWOLOOPS_DATA names their folder")
    got = model_prices.read(model_prices.decode(path.read_bytes()), "x", least=500)
    packaged = [row for row in prices() if row.source.startswith("model-prices-")]
    assert set(got) == {msgspec.structs.replace(row, source="x") for row in packaged}
    assert len(got) == len(packaged) > 500

"""models.dev: prices of makers, and what is open of each lab."""

import json
from datetime import date

import pytest

from twoloops.atlas.list_prices import ListPrice, list_prices
from twoloops.atlas.publishers.models_dev import ModelsDev
from twoloops.atlas.publishers.port import SourceError
from twoloops.atlas.regions import LabWeights

TODAY = date(2026, 11, 23)
AT = "https://models.example/"


def offer(name, cost=None, **more):
    made = {"id": name, "name": name, "attachment": False, "limit": {"context": 1}, **more}
    return made | ({"cost": cost} if cost else {})


def provider(name, *offers):
    return {name: {"id": name, "env": ["KEY"], "models": {one["id"]: one for one in offers}}}


API = provider(
    "moonshotai",
    offer(
        "kimi-k2.5",
        {"input": 0.6, "output": 3, "cache_read": 0.1},
        open_weights=True,
        release_date="2026-01",
    ),
    offer("free", {"input": 0, "output": 0}),
    offer("unpriced"),
) | provider("reseller", offer("kimi-k2.5", {"input": 9, "output": 9}))
MODELS = {
    "alibaba/qwen3-max": {"name": "Qwen3-Max", "open_weights": False},
    "alibaba/qwen3-8b": {"name": "Qwen3-8B", "open_weights": True},
    "openai/gpt-oss-20b": {"name": "gpt-oss-20b", "open_weights": True},
}


def pull(offline, api=API, models=MODELS, least=1, least_models=1):
    def text(value):
        return value if isinstance(value, bytes) else json.dumps(value).encode()

    get = offline({f"{AT}api.json": text(api), f"{AT}models.json": text(models)})
    return ModelsDev(AT, least, least_models).pull(get, TODAY)


def test_makers_prices_and_open_models_by_lab_are_read(offline) -> None:
    pulled = pull(offline)
    source = "models-dev-2026-11-23"
    assert pulled.tables[0].rows == [
        ListPrice("moonshotai", "kimi-k2.5", 0.6, 3.0, source, "2026-01", True)
    ]
    assert pulled.tables[1].rows == [
        LabWeights("alibaba", 1, 1, source),
        LabWeights("openai", 1, 0, source),
    ]
    assert [one.name for one in pulled.files] == ["api.json", "models.json"]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"api": {"data": []}}, "api.json is not a list of providers with models: "),
        ({"api": json.dumps(API).encode()[:-9]}, "api.json is not a list of providers with models"),
        ({"models": [1]}, "models.json is not a list of models by lab/name: Expected `object`"),
        ({"models": {"a/b": {"name": "B"}}}, "models.json is not a list of models by lab/name: Ob"),
        ({"least": 9}, "only 4 offers in api.json were found, at least 9 are expected"),
        ({"least_models": 9}, "only 3 models in models.json were found, at least 9 are expected"),
        ({"api": provider("nobody", offer("a"))}, "only 0 priced models of their makers in api."),
        (
            {"api": provider("xai", offer("a", {"input": -1, "output": 1}))},
            "api.json prices xai/a below 0",
        ),
    ],
)
def test_a_broken_or_changed_file_is_refused(offline, changed, says) -> None:
    with pytest.raises(SourceError) as caught:
        pull(offline, **changed)
    assert str(caught.value).startswith(says)


def test_a_missing_file_is_no_vintage(offline) -> None:
    with pytest.raises(SourceError, match=r"models\.json answered 404"):
        ModelsDev(AT, 1, 1).pull(offline({f"{AT}api.json": json.dumps(API).encode()}), TODAY)


def test_the_packaged_table_holds_both_catalogues_prices() -> None:
    found = {(row.source, row.provider, row.model): row for row in list_prices()}
    assert {source for source, _, _ in found} == {"models-dev-2026-07", "genai-prices-2026-08"}
    kimi = found["models-dev-2026-07", "moonshotai", "kimi-k2.5"]
    assert (kimi.input, kimi.output, kimi.open) == (0.6, 3.0, True)
    assert found["genai-prices-2026-08", "openai", "gpt-5.2"].open is None
    assert all(row.input > 0 and row.output > 0 for row in found.values())
    assert len(found) == len(list_prices())

"""The Hub: one answer a model, pages of an account, and what is not there."""

import json
from datetime import date

import pytest

from twoloops.atlas.hub import HubFamily, HubModel
from twoloops.atlas.publishers import hub
from twoloops.atlas.publishers.port import Answer, SourceError

TODAY = date(2026, 11, 23)
AT = "https://hub.example"
EXPAND = (
    "expand[]=downloads&expand[]=downloadsAllTime&expand[]=childrenModelCount"
    "&expand[]=cardData&expand[]=baseModels"
)
QWEN = {
    "_id": "66e6d02f",
    "id": "Qwen/Qwen2.5-3B-Instruct",
    "downloads": 8_780_419,
    "downloadsAllTime": 60_000_000,
    "childrenModelCount": {"adapter": 716, "merge": 19, "quantized": 190, "finetune": 328},
    "cardData": {
        "license": "other",
        "license_name": "qwen-research",
        "base_model": "Qwen/Qwen2.5-3B",
        "language": ["en"],
    },
}


def model_at(name):
    return f"{AT}/api/models/{name}?{EXPAND}"


def first_page(account):
    return f"{AT}/api/models?author={account}&limit=1000&expand[]=downloads"


def body(value):
    return json.dumps(value).encode()


def pull(offline, answers, models, families=()):
    return hub.Hub(f"{AT}/", models, families).pull(offline(answers), TODAY)


def test_a_model_is_counted(offline) -> None:
    name = QWEN["id"]
    pulled = pull(offline, {model_at(name): body(QWEN)}, [name])
    assert pulled.tables[0].rows == [
        HubModel(
            name,
            8_780_419,
            "hugging-face-2026-11-23",
            60_000_000,
            716 + 19 + 190 + 328,
            328,
            716,
            19,
            190,
            "qwen-research",
            "Qwen/Qwen2.5-3B",
        )
    ]
    assert pulled.files[0].name == "Qwen--Qwen2.5-3B-Instruct.json"
    assert pulled.notes == ()


def test_what_the_hub_does_not_say_stays_unknown(offline) -> None:
    told = {"id": "a/b", "downloads": 3, "cardData": {"license": "mit", "base_model": ["c/d", "e"]}}
    row = pull(offline, {model_at("a/b"): body(told)}, ["a/b"]).tables[0].rows[0]
    assert (row.derivatives, row.finetunes, row.all_downloads) == (None, None, None)
    assert (row.licence, row.bases) == ("mit", "c/d e")


def test_no_derivatives_is_not_unknown_derivatives(offline) -> None:
    told = {"id": "a/b", "downloads": 3, "childrenModelCount": {}}
    row = pull(offline, {model_at("a/b"): body(told)}, ["a/b"]).tables[0].rows[0]
    assert (row.derivatives, row.finetunes) == (0, 0)


def test_a_family_is_added_up_over_all_pages_and_only_over_its_names(offline) -> None:
    following = f"{AT}/api/models?author=Qwen&cursor=abc"
    one = [{"id": "Qwen/Qwen3-8B", "downloads": 10}, {"id": "Qwen/WorldPM", "downloads": 99}]
    two = [{"id": "Qwen/qwen-tiny", "downloads": 5}, {"id": "Qwen/Qwen3-8B", "downloads": 10}]
    answers = {
        model_at("a/b"): body({"id": "a/b", "downloads": 1}),
        first_page("Qwen"): Answer(body(one), {"link": f'<{following}>; rel="next"'}),
        following: body(two),
    }
    pulled = pull(offline, answers, ["a/b"], [("Qwen", "Qwen")])
    assert pulled.tables[1].rows == [HubFamily("Qwen", "Qwen", 2, 15, "hugging-face-2026-11-23")]


def test_a_model_that_is_gone_is_told_in_a_note(offline) -> None:
    here = {model_at(name): body({"id": name, "downloads": 1}) for name in ("a/b", "a/c")}
    pulled = pull(offline, here, ["a/b", "a/gone", "a/c"], [("X", "nobody")])
    assert [row.model for row in pulled.tables[0].rows] == ["a/b", "a/c"]
    assert pulled.notes == ("not found there: a/gone, the account nobody",)


def test_when_most_models_are_gone_the_answer_is_taken_for_broken(offline) -> None:
    with pytest.raises(SourceError, match=r"^2 of 3 models are not there$"):
        pull(offline, {model_at("a/b"): body({"id": "a/b", "downloads": 1})}, ["a/b", "c", "d"])


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b'{"id": "a/b"}', "the answer on a/b is not a model with downloads: Object missing"),
        (b'{"id": "a/b", "downloads": "many"}', "the answer on a/b is not a model with downloads"),
        (b'{"id": "a/b", "downl', "the answer on a/b is not a model with downloads: Input data"),
    ],
)
def test_a_broken_answer_is_refused(offline, answer, says) -> None:
    with pytest.raises(SourceError) as caught:
        pull(offline, {model_at("a/b"): answer}, ["a/b"])
    assert str(caught.value).startswith(says)


def test_pages_are_not_followed_elsewhere_nor_for_ever(offline, monkeypatch) -> None:
    base = {model_at("a/b"): body({"id": "a/b", "downloads": 1})}
    page = first_page("Qwen")
    away = Answer(b"[]", {"link": '<https://elsewhere.example/2>; rel="next"'})
    with pytest.raises(SourceError, match=r"said to be at https://elsewhere\.example/2, which is"):
        pull(offline, base | {page: away}, ["a/b"], [("Qwen", "Qwen")])
    again = Answer(b"[]", {"link": f'<{page}>; rel="next"'})
    with pytest.raises(SourceError, match=r"^Qwen has more than 20 pages of models$"):
        pull(offline, base | {page: again}, ["a/b"], [("Qwen", "Qwen")])


def test_the_articles_ten_models_are_asked_for_first() -> None:
    assert hub.MODELS[0] == "omni-research/Tarsier2-Recap-7b"
    assert hub.MODELS[7] == "meta-llama/Llama-3.1-8B-Instruct"
    assert len(set(hub.MODELS)) == len(hub.MODELS)

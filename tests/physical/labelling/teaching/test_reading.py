import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.physical.labelling.teaching.openai_chat import parse
from twoloops.physical.labelling.teaching.port import Reply
from twoloops.physical.labelling.teaching.reading import Fate, read
from twoloops.records.teacher import Usage

LABELS = ("broken", "leak", "ok")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ANSWER = st.fixed_dictionaries(
    {},
    optional={
        "item": st.integers(-2, 5) | st.sampled_from(["1", " 2 ", "x", "９"]) | JSON,
        "label": st.sampled_from([*LABELS, "rusty", "cannot tell"]) | JSON,
    },
)


def said(text: str, count: int = 2) -> list[Fate]:
    return read(Reply(text=text), LABELS, "cannot tell", count)


@given(
    text=st.text()
    | JSON.map(json.dumps)
    | st.dictionaries(st.sampled_from(["1", "2", "x"]), JSON).map(
        lambda found: json.dumps({"answers": found})
    )
    | st.lists(ANSWER, max_size=6).map(lambda found: json.dumps({"answers": found})),
    count=st.integers(1, 5),
)
def test_whatever_the_text_every_item_has_one_fate(text, count) -> None:
    fates = said(text, count)
    assert len(fates) == count
    for fate in fates:
        assert (fate.label is None) == bool(fate.why)
        assert fate.label is None or fate.label in LABELS


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_the_body_it_is_read(body) -> None:
    found = parse(body)
    assert found.usage is None or min(found.usage.read, found.usage.written) >= 0


@pytest.mark.parametrize(
    "text",
    [
        '{"answers": {"2": "leak", "1": "ok", "3": "ok"}}',
        '{"2": "leak", "1": "ok"}',
        '{"answers": [{"item": 2, "label": "leak"}, {"item": 1, "label": "ok"}]}',
        '[{"item": 1, "label": "ok"}, {"item": "2", "label": "leak"}]',
        'As asked:\n```json\n{"answers": [{"item": 1, "label": "ok"}, '
        '{"item": 2, "label": "leak"}]}\n```',
    ],
)
def test_labels_are_found(text) -> None:
    assert [fate.label for fate in said(text)] == ["ok", "leak"]


def test_two_labels_for_one_item_are_none() -> None:
    first, second = said(
        '{"answers": [{"item": 1, "label": "ok"}, {"item": 1, "label": "leak"}, '
        '{"item": 2, "label": "ok"}, {"item": 2, "label": "ok"}]}'
    )
    assert first == Fate(None, "the teacher gave it several labels: leak, ok", again=True)
    assert second == Fate("ok")


def test_one_answer_without_a_list_is_an_answer() -> None:
    assert said('{"item": 1, "label": "ok"}', 1) == [Fate("ok")]


@pytest.mark.parametrize(
    "usage",
    [
        None,
        "x",
        {},
        {"prompt_tokens": 1},
        {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": 1},
        {"prompt_tokens": 1.5, "completion_tokens": 1},
    ],
)
def test_a_usage_that_cannot_be_is_none(usage) -> None:
    assert parse(json.dumps({"choices": [], "usage": usage}).encode()).usage is None


def test_a_content_filter_is_a_refusal_and_its_usage_counts() -> None:
    body = {
        "choices": [{"message": {"content": ""}, "finish_reason": "content_filter"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 0},
    }
    found = parse(json.dumps(body).encode())
    assert (found.refusal, found.usage) == ("its content filter stopped it", Usage(3, 0))

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.edge.metadata import (
    ASSET,
    CARD,
    PREPROCESS,
    assets_of,
    card_of,
    preprocess_of,
    to_properties,
)
from twoloops.records.base import ModelCard
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.preprocess import CharNgrams, Picture, Preprocess, Window, WordPiece

CARD_OF_A_MODEL = ModelCard(
    "task", ("crack", "good"), "good", 0.25, "base", "sha256:0", "head", "sha256:1"
)
text = st.text(st.characters(codec="utf-8"))
steps = st.one_of(
    st.builds(CharNgrams, dimension=st.integers(1, 9999)),
    st.builds(WordPiece, vocabulary=text, prefix=text),
    st.builds(Window, channels=st.integers(1, 9), samples=st.integers(1, 9)),
    st.builds(Picture, height=st.integers(1, 9), width=st.integers(1, 9)),
)


@settings(deadline=None, max_examples=50)
@given(st.lists(steps), st.lists(text))
def test_what_is_written_is_read_back(chosen, texts):
    preprocess = Preprocess(tuple(chosen))
    assets = {digest_bytes(asset.encode()): asset for asset in texts}
    properties = to_properties(preprocess, assets, CARD_OF_A_MODEL)
    assert preprocess_of(properties) == preprocess
    assert assets_of(properties) == assets
    assert card_of(properties) == CARD_OF_A_MODEL


def test_a_base_has_no_card():
    properties = to_properties(Preprocess(()), {})
    assert CARD not in properties
    with pytest.raises(UserError, match=r"has no 'twoloops\.card' entry .* that twoloops exported"):
        card_of(properties)


def test_a_newer_version_is_refused_with_both_versions():
    newer = msgspec.json.encode({"steps": [{"type": "quantum"}], "version": 7}).decode()
    with pytest.raises(UserError, match=r"has version 7, .* up to 1: upgrade twoloops"):
        preprocess_of({PREPROCESS: newer})


@pytest.mark.parametrize("content", ["", "[]", '{"version": "x"}', '{"steps": 3, "version": 1}'])
def test_an_unreadable_record_is_refused(content):
    with pytest.raises(UserError, match=r"'twoloops\.preprocess' entry cannot be read"):
        preprocess_of({PREPROCESS: content})


def test_a_changed_asset_is_refused():
    with pytest.raises(UserError, match="the file was changed after it was made"):
        assets_of({ASSET + digest_bytes(b"a"): "b"})

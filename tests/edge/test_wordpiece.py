import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import BertWordPieceTokenizer

from twoloops.edge.preprocess.wordpiece import basic_tokens, wordpiece_tensors
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.preprocess import WordPiece

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,-!漏れß"
TOKENS = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *LETTERS,
    *("##" + letter for letter in LETTERS),
    *("pump", "leak", "##ing", "##s", "hy", "##drau", "##lic", "oil", "\x85token"),
]
VOCABULARY = "\n".join(TOKENS) + "\n"
DIGEST = digest_bytes(VOCABULARY.encode())
ASSETS = {DIGEST: VOCABULARY}


def library_tokenizer():
    tokenizer = BertWordPieceTokenizer(
        {token: index for index, token in enumerate(TOKENS)}, lowercase=True
    )
    tokenizer._tokenizer.encode_special_tokens = True  # a written "[SEP]" is text
    return tokenizer


LIBRARY = library_tokenizer()


def settled(character):
    """Whether the character's category is the same in all Unicode tables: the library's are older
    than Python's."""
    category = unicodedata.category(character)
    return category == unicodedata.ucd_3_2_0.category(character) and category != "Cn"


characters = st.characters(codec="utf-8").filter(settled)
WORDS = ["pumps", "leaking", "HYDRAULIC", "oil-leak", "[SEP]", "xx", "Σς"]
texts = st.one_of(
    st.text(characters),
    st.text("pumplekings  \t.,-#[]Öİßé漏れ"),
    st.lists(st.sampled_from(WORDS)).map(" ".join),
).filter(str.strip)


@settings(deadline=None, max_examples=300)
@example("pump" * 26)
@example("a" * 100 + " " + "a" * 101)
@example("\u0130 \u1e9b\u0323 \ufffd\u00ad\u200bpump \u3000 leak\u2028\u0000")
@given(texts)
def test_ids_equal_those_of_the_tokenizers_library(text):
    step = WordPiece(vocabulary=DIGEST, max_tokens=10**6)
    ids = wordpiece_tensors(step, ASSETS, [text.encode()])["input_ids"][0]
    assert ids.tolist() == LIBRARY.encode(text).ids


@settings(deadline=None, max_examples=50)
@given(texts, st.integers(3, 12))
def test_a_cut_text_keeps_its_ends_and_equals_the_library_s(text, limit):
    library = library_tokenizer()
    library.enable_truncation(limit)
    step = WordPiece(vocabulary=DIGEST, max_tokens=limit)
    ids = wordpiece_tensors(step, ASSETS, [text.encode()])["input_ids"][0]
    assert ids.tolist() == library.encode(text).ids
    assert len(ids) <= limit


def test_a_batch_is_padded_to_its_longest_and_masked():
    step = WordPiece(vocabulary=DIGEST, prefix="text_")
    tensors = wordpiece_tensors(step, ASSETS, [b"pump", b"pump leaks oil"])
    assert sorted(tensors) == ["text_attention_mask", "text_input_ids", "text_token_type_ids"]
    assert all(tensor.dtype == np.int64 for tensor in tensors.values())
    names = [[TOKENS[index] for index in row] for row in tensors["text_input_ids"]]
    assert names == [
        ["[CLS]", "pump", "[SEP]", "[PAD]", "[PAD]", "[PAD]"],
        ["[CLS]", "pump", "leak", "##s", "oil", "[SEP]"],
    ]
    assert tensors["text_attention_mask"].tolist() == [[1, 1, 1, 0, 0, 0], [1] * 6]
    assert not tensors["text_token_type_ids"].any()


def test_accents_case_and_punctuation():
    assert basic_tokens("Ölpumpe—LECK (é)") == ["olpumpe", "—", "leck", "(", "e", ")"]


def test_a_missing_vocabulary_is_named():
    with pytest.raises(UserError, match=r"lacks its vocabulary .* \(it carries \[\]\)"):
        wordpiece_tensors(WordPiece(vocabulary=DIGEST), {}, [b"pump"])


def test_a_vocabulary_without_special_tokens_is_refused():
    with pytest.raises(UserError, match=r"the vocabulary lacks \['\[PAD\]', '\[UNK\]'"):
        wordpiece_tensors(WordPiece(vocabulary="x"), {"x": "pump\nleak\n"}, [b"pump"])

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.edge.preprocess.text import MAX_TEXT_BYTES, char_ngram_counts, decode_text
from twoloops.records.errors import UserError
from twoloops.records.preprocess import CharNgrams

texts = st.text(st.characters(codec="utf-8")).filter(str.strip)


@settings(deadline=None, max_examples=100)
@given(st.lists(texts), st.integers(1, 4), st.integers(0, 3))
def test_a_row_sums_to_the_number_of_ngrams(batch, low, more):
    step = CharNgrams(dimension=64, low=low, high=low + more, words=False)
    counts = char_ngram_counts(step, [text.encode() for text in batch])
    assert counts.dtype == np.float32
    assert counts.shape == (len(batch), 64)
    for row, text in zip(counts, batch, strict=True):
        length = len(" ".join(text.lower().split())) + 2
        expected = sum(max(0, length - size + 1) for size in range(low, low + more + 1))
        assert row.sum() == expected


@settings(deadline=None, max_examples=50)
@given(texts, texts)
def test_a_row_does_not_depend_on_the_others(first, second):
    step = CharNgrams(dimension=128)
    both = char_ngram_counts(step, [first.encode(), second.encode()])
    alone = char_ngram_counts(step, [second.encode()])
    assert np.array_equal(both[1], alone[0])


def test_case_and_white_space_do_not_count():
    step = CharNgrams(dimension=256)
    one, other = char_ngram_counts(step, [b"Oil  LEAK\n", b"oil leak"])
    assert np.array_equal(one, other)


def test_a_word_is_another_feature_than_the_same_letters():
    # One letter: n-grams of one character are ' ', 'a', ' ' and the word is 'a' again.
    row = char_ngram_counts(CharNgrams(dimension=1 << 20, low=1, high=1), [b"a"])[0]
    assert sorted(row[row > 0]) == [1, 1, 2]


def test_buckets_are_the_same_on_every_machine():
    row = char_ngram_counts(CharNgrams(low=2, high=2, words=False), ["Öl".encode()])[0]
    # CRC-32 of " ö", "öl" and "l ", modulo 8192.
    assert np.flatnonzero(row).tolist() == [3526, 5446, 5788]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"leak \xff", r"not UTF-8 \(byte 0xff at offset 5\): save it as UTF-8"),
        (b" \n\t", "the text is empty"),
        (b"", "the text is empty"),
        (b"a" * (MAX_TEXT_BYTES + 1), "1,000,001 bytes, and at most 1,000,000 are read"),
    ],
)
def test_bad_text_is_refused(data, message):
    with pytest.raises(UserError, match=message):
        decode_text(data)

"""UTF-8 text → hashed counts of character n-grams and words.

Buckets are CRC-32 of the n-gram's UTF-8 bytes, modulo the dimension: the same on every
machine, unlike Python's own `hash`.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from twoloops.records.errors import UserError
from twoloops.records.preprocess import CharNgrams

MAX_TEXT_BYTES = 1_000_000
_word = re.compile(r"[^\W_]+")
# White space is collapsed to single spaces, so no n-gram holds a newline: words and n-grams
# of the same letters stay two different features.
_WORD_PREFIX = "\n"


def decode_text(data: bytes) -> str:
    """Return the text.

    Raises:
        UserError: When it is not UTF-8, empty, or longer than `MAX_TEXT_BYTES`.
    """
    if len(data) > MAX_TEXT_BYTES:
        raise UserError(
            f"the text has {len(data):,} bytes, and at most {MAX_TEXT_BYTES:,} are read: "
            "split it or cut it"
        )
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise UserError(
            f"the text is not UTF-8 (byte {data[error.start]:#04x} at offset {error.start}): "
            "save it as UTF-8"
        ) from error
    if not text.strip():
        raise UserError("the text is empty: give at least one character that is not white space")
    return text


@lru_cache(maxsize=1 << 16)
def _bucket(gram: str, dimension: int) -> int:
    # Remembered because texts repeat most n-grams. Encoding cannot fail: the text was decoded
    # from UTF-8, so it holds no lone surrogate.
    return zlib.crc32(gram.encode()) % dimension


def grams(step: CharNgrams, text: str) -> Iterator[str]:
    r"""Yield the n-grams and prefixed words of a text, as often as they occur.

    >>> list(grams(CharNgrams(low=3, high=3), "A  b"))
    [' a ', 'a b', ' b ', '\na', '\nb']
    """
    lowered = " ".join(text.lower().split())
    padded = f" {lowered} "
    for size in range(step.low, step.high + 1):
        for start in range(len(padded) - size + 1):
            yield padded[start : start + size]
    if step.words:
        for word in _word.findall(lowered):
            yield _WORD_PREFIX + word


def char_ngram_counts(step: CharNgrams, inputs: Sequence[bytes]) -> NDArray[np.float32]:
    """Return raw counts, float32 (n, dimension); the graph does the rest (log, norm).

    Law: a row sums to Σₖ max(0, length + 2 − k + 1) over k = low..high, plus the number of
    words if they are counted, where length is that of the text with its white space collapsed.

    Raises:
        UserError: When an input is not text (see `decode_text`).
    """
    counts = np.zeros((len(inputs), step.dimension), dtype=np.float32)
    for row, data in enumerate(inputs):
        found = [_bucket(gram, step.dimension) for gram in grams(step, decode_text(data))]
        if found:
            counts[row] = np.bincount(found, minlength=step.dimension)
    return counts

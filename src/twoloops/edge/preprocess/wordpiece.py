"""UTF-8 text → token ids: BERT's uncased basic tokenizer and WordPiece.

Devlin et al. 2019, as the `tokenizers` library does it with `encode_special_tokens` on: a
text that spells out `[SEP]` is text, so no input can forge a separator.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twoloops.edge.preprocess.text import decode_text
from twoloops.records.digests import Digest, short
from twoloops.records.errors import UserError
from twoloops.records.preprocess import WordPiece

MAX_WORD_CHARACTERS = 100
"""Longer words become one `[UNK]`."""
_CONTINUATION = "##"
_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    # The library starts at 2B920 where BERT's own code has 2B820; the library is followed.
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


def basic_tokens(text: str) -> list[str]:
    r"""Split a text into lower-case words, punctuation marks and CJK characters.

    >>> basic_tokens("Pömp\tleaks, 漏れ!")
    ['pomp', 'leaks', ',', '漏', 'れ', '!']
    """
    spaced = "".join(map(_cleaned, text))
    # Accents go before case does, and case goes character by character, as in the library.
    bare = "".join(map(_lowered, unicodedata.normalize("NFD", spaced)))
    return bare.split()


@lru_cache(maxsize=4096)
def _cleaned(character: str) -> str:
    """Drop control characters, turn white space into a space, set CJK characters apart."""
    if character in "\t\n\r":
        return " "
    if character == "\ufffd" or unicodedata.category(character) in ("Cc", "Cf", "Co"):
        return ""
    if character.isspace():
        return " "
    code = ord(character)
    return f" {character} " if any(low <= code <= high for low, high in _CJK) else character


@lru_cache(maxsize=4096)
def _lowered(character: str) -> str:
    """Drop an accent, lower the case, set punctuation apart."""
    category = unicodedata.category(character)
    if category == "Mn":
        return ""
    code = ord(character)
    symbol = 33 <= code <= 126 and not character.isalnum()
    return f" {character} " if symbol or category.startswith("P") else character.lower()


def word_pieces(vocabulary: Mapping[str, int], word: str) -> list[int]:
    """Split a word into the longest pieces that the vocabulary has, from the left.

    Returns:
        Their ids, or only that of `[UNK]` when the word cannot be split so.
    """
    if len(word) > MAX_WORD_CHARACTERS:
        return [vocabulary["[UNK]"]]
    pieces: list[int] = []
    start = 0
    while start < len(word):
        prefix = _CONTINUATION if start else ""
        for end in range(len(word), start, -1):
            found = vocabulary.get(prefix + word[start:end])
            if found is not None:
                break
        else:
            return [vocabulary["[UNK]"]]
        pieces.append(found)
        start = end
    return pieces


def wordpiece_tensors(
    step: WordPiece, assets: Mapping[Digest, str], inputs: Sequence[bytes]
) -> dict[str, NDArray[Any]]:
    """Return `input_ids`, `attention_mask`, `token_type_ids`, int64 (n, longest of the batch).

    Raises:
        UserError: When an input is not text, or the vocabulary is missing.
    """
    if step.vocabulary not in assets:
        raise UserError(
            f"the model file lacks its vocabulary {short(step.vocabulary)} (it carries "
            f"{[short(digest) for digest in assets]}): use a file that twoloops exported"
        )
    vocabulary = _vocabulary(assets[step.vocabulary])
    rows = [_ids(vocabulary, decode_text(data), step.max_tokens) for data in inputs]
    longest = max((len(row) for row in rows), default=0)
    ids = np.full((len(rows), longest), vocabulary["[PAD]"], dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for index, row in enumerate(rows):
        ids[index, : len(row)] = row
        mask[index, : len(row)] = 1
    return {
        step.prefix + "input_ids": ids,
        step.prefix + "attention_mask": mask,
        step.prefix + "token_type_ids": np.zeros_like(ids),
    }


def _ids(vocabulary: Mapping[str, int], text: str, max_tokens: int) -> list[int]:
    pieces: list[int] = []
    room = max_tokens - 2
    for word in basic_tokens(text):
        if len(pieces) >= room:
            break
        pieces += word_pieces(vocabulary, word)
    return [vocabulary["[CLS]"], *pieces[:room], vocabulary["[SEP]"]]


@lru_cache(maxsize=4)
def _vocabulary(text: str) -> dict[str, int]:
    # Not `splitlines`: a token may be one of Unicode's other line separators.
    tokens = text.removesuffix("\n").split("\n")
    vocabulary = {token: index for index, token in enumerate(tokens)}
    missing = [token for token in _SPECIAL if token not in vocabulary]
    if missing:
        raise UserError(f"the vocabulary lacks {missing}: give a BERT vocabulary, one token a line")
    return vocabulary

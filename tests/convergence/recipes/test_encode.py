from collections.abc import Sequence

import numpy as np
import pytest

from twoloops.convergence.recipes.encode import Encoder
from twoloops.digital.features.ngrams import char_ngrams
from twoloops.edge.graph import Graph
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError

TEXTS = [b"hose leaks", b"weld cracked", b"greased", b"checked"]
DATA = {digest_bytes(one): one for one in TEXTS}
DIGESTS = list(DATA)


class Reader:
    """Counts what is read."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, digests: Sequence[str]) -> dict[str, bytes]:
        self.asked += digests
        return {digest: DATA[digest] for digest in digests}


def test_each_input_is_encoded_once_and_comes_back_in_the_order_asked() -> None:
    base, encoder, read = char_ngrams(64), Encoder(), Reader()
    expected = Graph(base.graph).run(TEXTS)["embedding"]
    encoder.embed(base, DIGESTS[:2], read)
    asked = [DIGESTS[3], DIGESTS[0], DIGESTS[3], DIGESTS[2]]
    found = encoder.embed(base, asked, read)
    np.testing.assert_allclose(found, expected[[3, 0, 3, 2]], atol=1e-6)
    assert sorted(read.asked) == sorted(DIGESTS)


def test_bases_do_not_share_embeddings() -> None:
    encoder, read = Encoder(), Reader()
    assert encoder.embed(char_ngrams(64), DIGESTS, read).shape == (4, 64)
    assert encoder.embed(char_ngrams(32), DIGESTS, read).shape == (4, 32)
    assert len(read.asked) == 8


def test_nothing_asked_is_nothing() -> None:
    assert Encoder().embed(char_ngrams(64), [], Reader()).shape == (0, 64)


def test_compute_is_counted_once() -> None:
    base, encoder = char_ngrams(64), Encoder()
    encoder.embed(base, DIGESTS, Reader())
    first = encoder.operations
    encoder.embed(base, DIGESTS, Reader())
    assert encoder.operations == first == 2 * base.card.operations * 4


def test_an_unreadable_input_leaves_nothing_behind() -> None:
    base, encoder = char_ngrams(64), Encoder()
    bad = {**DATA, digest_bytes(b"\xff"): b"\xff"}
    with pytest.raises(UserError, match="UTF-8"):
        encoder.embed(base, list(bad), lambda digests: {d: bad[d] for d in digests})
    assert encoder.embed(base, DIGESTS, Reader()).shape == (4, 64)

import io

import numpy as np
import onnx
import pytest

from twoloops.digital.base import Base
from twoloops.digital.concatenate import concatenate, joined_card, leading_sparse
from twoloops.digital.features.card import features_card
from twoloops.digital.features.minirocket import minirocket
from twoloops.digital.features.ngrams import char_ngrams
from twoloops.digital.features.statistics import statistics
from twoloops.edge.graph import Graph
from twoloops.records.base import Ancestor
from twoloops.records.errors import UserError

TEXTS = [b"hydraulic hose leaking", b"?", "Ölstand prüfen".encode()]


def encode(base: Base, inputs: list[bytes]) -> np.ndarray:
    return Graph(base.graph).run(inputs)["embedding"]


def test_a_concatenation_is_its_parts_side_by_side():
    parts = [char_ngrams(), char_ngrams(512, 3, 3, words=False)]
    both = concatenate(parts)
    expected = np.hstack([encode(part, TEXTS) for part in parts])
    np.testing.assert_allclose(encode(both, TEXTS), expected, atol=1e-6)
    assert both.card.sparse == 8192 + 512


def test_parts_that_want_the_same_tensor_share_it():
    both = concatenate([statistics(2, 30), minirocket(2, 30)])
    graph = onnx.load_from_string(both.graph).graph
    assert [value.name for value in graph.input] == ["p0.window"]
    data = io.BytesIO()
    np.save(data, np.random.default_rng(0).standard_normal((2, 30)).astype(np.float32))
    expected = [encode(part, [data.getvalue()]) for part in (statistics(2, 30), minirocket(2, 30))]
    np.testing.assert_allclose(encode(both, [data.getvalue()]), np.hstack(expected), atol=1e-6)


def test_concatenations_can_be_concatenated():
    inner = concatenate([char_ngrams(256), char_ngrams(128)])
    outer = concatenate([char_ngrams(64), inner])
    assert outer.card.parts == ("builtin/char-ngram",) * 3
    assert encode(outer, TEXTS).shape == (3, 448)
    np.testing.assert_allclose(encode(outer, TEXTS)[:, 64:], encode(inner, TEXTS), atol=1e-6)


def test_the_joined_card_says_everything_of_its_parts():
    one = features_card("builtin/a", "text", 10, 5, sparse=10)
    step = Ancestor("b0", "fine-tuned from", "somebody", "MIT", "its card")
    two = type(one)("b", "open model", "text", 4, 100, 50, "MIT", "somebody", "FR", "b==1", (step,))
    card = joined_card([one, two])
    assert (card.name, card.kind, card.dimension) == ("builtin/a+b", "concatenation", 14)
    assert (card.parameters, card.operations) == (100, 55)
    assert card.licence == "Apache-2.0 AND MIT"
    assert card.lineage == (step,)
    assert card.parts == ("builtin/a", "b")


def test_only_leading_counts_stay_counts():
    counts = features_card("a", "text", 10, 1, sparse=10)
    dense = features_card("b", "text", 4, 1)
    assert leading_sparse([counts, dense, counts]) == 10
    assert leading_sparse([dense, counts]) == 0


@pytest.mark.parametrize("bases", [[char_ngrams(64)], [char_ngrams(64), statistics(1, 9)]])
def test_one_base_or_two_kinds_of_input_are_refused(bases):
    with pytest.raises(UserError, match="two or more bases for one kind of input: got"):
        concatenate(bases)

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.edge.graph import Graph
from twoloops.edge.metadata import PREPROCESS, to_properties
from twoloops.edge.runtime import Outputs, Runtime, decisions
from twoloops.records.base import ModelCard
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.preprocess import CharNgrams, Preprocess, Window


def window(first, second):
    stream = io.BytesIO()
    np.save(stream, np.array([[first], [second]], dtype=np.float32))
    return stream.getvalue()


def outputs(*rows):
    probabilities = np.array(rows, dtype=np.float32)
    return Outputs(probabilities, probabilities, np.zeros(len(rows), dtype=np.float32))


def test_a_model_decides_and_says_who_it_is(make_model, card):
    model = make_model()
    runtime = Runtime(model)
    assert runtime.card == card
    assert runtime.digest == digest_bytes(model)
    fault, good = runtime.decide([window(1, 1), window(0, 9)])
    assert (fault.label, fault.probabilities) == ("crack", (0.5, 0.5))
    assert good.label == "good"
    assert good.threshold == 0.4
    assert good.model == runtime.digest
    assert (fault.novelty, good.novelty) == (1.0, 0.0)


def test_rows_equal_those_of_single_calls_bit_for_bit(make_model):
    graph = Graph(make_model())
    inputs = [window(i / 7, 1 - i / 3) for i in range(9)] * 2
    together = graph.run(inputs)
    assert sorted(together) == ["embedding", "novelty", "probabilities"]
    for index, data in enumerate(inputs):
        alone = graph.run([data])
        for name, values in together.items():
            assert np.array_equal(values[index], alone[name][0])


def test_no_input_gives_no_row(make_model):
    runtime = Runtime(make_model())
    assert runtime.decide([]) == []
    found = runtime.run([])
    assert [len(values) for values in found] == [0, 0, 0]
    assert found.embedding.shape == (0, 2)


def test_probabilities_of_exactly_0_and_1_decide(make_model):
    extremes = Runtime(make_model(scale=1000.0)).decide([window(1, 0), window(0, 1)])
    assert [d.probabilities for d in extremes] == [(1.0, 0.0), (0.0, 1.0)]
    assert [d.label for d in extremes] == ["crack", "good"]


def test_nan_is_never_a_label(make_model):
    runtime = Runtime(make_model(epsilon=0.0))  # 0 / 0
    with pytest.raises(UserError, match=r"task 'fan' gives NaN .* 'novelty' for 1 of 2 .* index 1"):
        runtime.decide([window(1, 0), window(0, 1)])


CARD = ModelCard(
    "task", ("crack", "good", "leak"), "good", 0.5, "base", "sha256:0", "head", "sha256:1"
)
NO_THRESHOLD = ModelCard("task", CARD.labels, "good", None, "base", "", "head", "")
NO_NORMAL = ModelCard("task", CARD.labels, None, 0.5, "base", "", "head", "")


@pytest.mark.parametrize(
    ("card", "row", "label"),
    [
        (CARD, (0.3, 0.4, 0.3), "crack"),  # good is most probable, any fault more so
        (CARD, (0.2, 0.4, 0.4), "leak"),
        (CARD, (0.2, 0.5, 0.3), "good"),  # not above the threshold
        (CARD, (0.0, 1.0, 0.0), "good"),
        (CARD, (0.0, 0.0, 1.0), "leak"),
        (NO_THRESHOLD, (0.3, 0.4, 0.3), "good"),
        (NO_NORMAL, (0.3, 0.4, 0.3), "good"),
        (NO_NORMAL, (0.4, 0.2, 0.4), "crack"),
    ],
)
def test_the_rule_as_a_table(card, row, label):
    (decision,) = decisions(card, "sha256:2", outputs(row))
    assert decision.label == label
    assert decision.threshold == card.threshold


def test_a_lone_normal_label_is_always_decided():
    card = ModelCard("task", ("good",), "good", 0.5, "base", "", "head", "")
    (decision,) = decisions(card, "sha256:2", outputs((1.0,)))
    assert decision.label == "good"


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3), min_size=1),
    st.floats(0, 1),
)
def test_a_fault_is_decided_exactly_above_the_threshold(rows, threshold):
    card = ModelCard("task", CARD.labels, "good", threshold, "base", "", "head", "")
    for row, decision in zip(rows, decisions(card, "", outputs(*rows)), strict=True):
        assert (decision.label != "good") == (1 - row[1] > threshold)
        assert decision.probabilities == tuple(row)


def test_pure_decisions_refuse_nan_and_a_wrong_number_of_labels():
    with pytest.raises(UserError, match="NaN or infinity in 'probabilities' for 1 of 1 inputs"):
        decisions(CARD, "", outputs((0.5, float("nan"), 0.5)))
    with pytest.raises(UserError, match="gives 2 probabilities for 3 labels"):
        decisions(CARD, "", outputs((0.5, 0.5)))


def test_bytes_that_are_no_model_are_refused():
    with pytest.raises(UserError, match=r"these 4 bytes are no model that onnxruntime .* can load"):
        Graph(b"junk")


def test_missing_metadata_is_refused(make_model):
    with pytest.raises(UserError, match=r"no 'twoloops\.preprocess' entry"):
        Graph(make_model({}))


def test_metadata_of_a_later_version_is_refused(make_model):
    with pytest.raises(UserError, match=r"has version 2, .* understands versions up to 1"):
        Graph(make_model({PREPROCESS: '{"steps": [], "version": 2}'}))


def test_a_base_is_no_model(make_model):
    base = make_model(to_properties(Preprocess((Window(2, 1),)), {}))
    assert Graph(base).run([window(1, 2)])["embedding"].tolist() == [[1, 2]]
    with pytest.raises(UserError, match=r"no 'twoloops\.card' entry"):
        Runtime(base)


def test_a_model_without_an_output_is_refused(make_model):
    with pytest.raises(UserError, match=r"has no output \['novelty'\], only \['probabilities'"):
        Runtime(make_model(outputs=2))


def test_a_preprocess_record_that_makes_other_tensors_is_refused(make_model):
    graph = Graph(make_model(to_properties(Preprocess((CharNgrams(dimension=2),)), {})))
    with pytest.raises(UserError, match=r"wants the tensors \['window'\], .* makes \['counts'\]"):
        graph.run([b"text"])


def test_tensors_the_graph_does_not_declare_are_not_given_to_it(make_model):
    preprocess = Preprocess((Window(2, 1), Window(2, 1, output="unused")))
    graph = Graph(make_model(to_properties(preprocess, {})))
    assert graph.run([window(3, 4)])["embedding"].tolist() == [[3, 4]]

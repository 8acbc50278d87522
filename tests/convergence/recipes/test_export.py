import io
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import onnx
import pytest
from PIL import Image

from twoloops.convergence.recipes.encode import Encoder
from twoloops.convergence.recipes.export import OUTPUTS
from twoloops.convergence.recipes.specialise import Specialised, specialise
from twoloops.digital.base import Base
from twoloops.digital.concatenate import concatenate
from twoloops.digital.features.ngrams import char_ngrams
from twoloops.digital.features.statistics import statistics
from twoloops.digital.features.texture import texture
from twoloops.edge.graph import Graph
from twoloops.edge.metadata import CARD
from twoloops.edge.runtime import Runtime
from twoloops.records.dataset import Dataset, Item
from twoloops.records.digests import digest_bytes
from twoloops.records.task import Kind, Task

LABELS = ("broken", "leak", "ok")
WORDS = {"broken": "weld cracked", "leak": "hose leaks oil", "ok": "greased and checked"}
Drawn = tuple[list[bytes], list[str]]


def texts(n: int, seed: int) -> Drawn:
    rng = np.random.default_rng(seed)
    labels = [LABELS[i % 3] for i in range(n)]
    return [f"{WORDS[one]} unit {rng.integers(1000)}".encode() for one in labels], labels


def signals(n: int, seed: int) -> Drawn:
    rng = np.random.default_rng(seed)
    labels = [LABELS[i % 3] for i in range(n)]
    out = []
    for one in labels:
        file = io.BytesIO()
        wave = np.sin(np.arange(32) * (1 + LABELS.index(one)) / 3) + rng.normal(0, 0.3, (2, 32))
        np.save(file, wave.astype(np.float32))
        out.append(file.getvalue())
    return out, labels


def images(n: int, seed: int) -> Drawn:
    rng = np.random.default_rng(seed)
    labels = [LABELS[i % 3] for i in range(n)]
    out = []
    for one in labels:
        pixels = rng.integers(0, 120, (40, 40), dtype=np.uint8)
        pixels[:: 2 + 3 * LABELS.index(one)] = 250
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        out.append(file.getvalue())
    return out, labels


CASES: dict[str, tuple[Kind, Callable[[], Base], Callable[[int, int], Drawn]]] = {
    "text": ("text", lambda: char_ngrams(512), texts),
    "two texts": (
        "text",
        lambda: concatenate([char_ngrams(128), char_ngrams(64, 1, 2, words=False)]),
        texts,
    ),
    "counts beside dense features": (
        "text",
        lambda: concatenate([char_ngrams(128), without_counts(char_ngrams(64))]),
        texts,
    ),
    "signal": ("signal", lambda: statistics(2, 32), signals),
    "image": ("image", texture, images),
}


def without_counts(base: Base) -> Base:
    from dataclasses import replace

    from msgspec.structs import replace as altered

    return replace(base, card=altered(base.card, sparse=0))


def made(
    base: Base, kind: Kind, drawn: Drawn, labels: tuple[str, ...] = LABELS, normal: str = "ok"
) -> Specialised:
    inputs, given = drawn
    items = [
        Item(0, digest_bytes(data), label, "train", True, 1.0, f"group {i}")
        for i, (data, label) in enumerate(zip(inputs, given, strict=True))
    ]
    data = {digest_bytes(one): one for one in inputs}
    task = Task("press", kind, labels, normal=normal, shape=(2, 32) if kind == "signal" else None)
    return specialise(base, Dataset.of("press", items), task, Encoder(), lambda _: data)


@cache
def case(name: str) -> tuple[Specialised, tuple[bytes, ...]]:
    kind, build, draw = CASES[name]
    return made(build(), kind, draw(45, 0)), tuple(draw(20, 1)[0])


def training_side(one: Specialised, inputs: Sequence[bytes]) -> tuple[np.ndarray, ...]:
    x = Graph(one.base.graph).run(list(inputs))["embedding"]
    head = one.fitted.full
    return head.probabilities(x, len(one.labels)), x, head.novelty(x)


@pytest.mark.parametrize("name", CASES)
def test_the_file_equals_the_training_side(name: str) -> None:
    one, fresh = case(name)
    said = Runtime(one.model(0.5)).run(list(fresh))
    probabilities, embedding, novelty = training_side(one, fresh)
    np.testing.assert_allclose(said.probabilities, probabilities, atol=1e-5)
    np.testing.assert_allclose(said.embedding, embedding, atol=1e-6)
    np.testing.assert_allclose(said.novelty, novelty, atol=1e-5)
    assert said.probabilities.dtype == np.float32
    assert probabilities.std() > 0.05  # there is something to compare


@pytest.mark.parametrize("name", CASES)
def test_one_input_gives_what_a_batch_gives(name: str) -> None:
    one, fresh = case(name)
    runtime = Runtime(one.model(None))
    together = runtime.run(list(fresh)).probabilities
    alone = np.vstack([runtime.run([data]).probabilities for data in fresh])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_temperature_is_folded_in() -> None:
    from dataclasses import replace

    one, fresh = case("text")
    hot = replace(one, fitted=replace(one.fitted, full=replace(one.fitted.full, temperature=4.0)))
    said = Runtime(hot.model(None)).run(list(fresh)).probabilities
    np.testing.assert_allclose(said, training_side(hot, fresh)[0], atol=1e-5)
    plain = Runtime(one.model(None)).run(list(fresh)).probabilities
    assert np.abs(said - plain).max() > 0.02


def test_the_file_says_what_it_is() -> None:
    one, _ = case("text")
    data = one.model(0.25)
    model = onnx.load_from_string(data)
    assert {output.name for output in model.graph.output} == set(OUTPUTS)
    properties = {entry.key: entry.value for entry in model.metadata_props}
    before = {e.key: e.value for e in onnx.load_from_string(one.base.graph).metadata_props}
    assert {key: properties[key] for key in before} == before
    assert CARD in properties
    card = Runtime(data).card
    assert card == one.card(0.25)
    assert (card.task, card.labels, card.normal, card.threshold) == ("press", LABELS, "ok", 0.25)
    assert (card.base, card.base_digest) == (one.base.card.name, one.base.digest)
    assert card.dataset == one.dataset
    assert card.recipe.startswith("head/1 strength=")


@pytest.mark.parametrize("name", ["text", "signal"])
def test_equal_input_gives_equal_bytes(name: str) -> None:
    kind, build, draw = CASES[name]
    again = made(build(), kind, draw(45, 0))
    assert again.model(0.5) == case(name)[0].model(0.5)
    assert case(name)[0].model(0.4) != case(name)[0].model(0.5)


@pytest.mark.parametrize("only", ["ok", "leak"])
def test_a_head_of_one_label_is_certain(only: str) -> None:
    inputs, _ = texts(6, 0)
    one = made(char_ngrams(64), "text", (inputs, [only] * 6))
    runtime = Runtime(one.model(0.5))
    assert runtime.card.labels == (only,)
    assert runtime.card.normal == ("ok" if only == "ok" else None)
    fresh = [b"hose leaks", b"?"]
    assert (runtime.run(fresh).probabilities == 1).all()
    assert [decision.label for decision in runtime.decide(fresh)] == [only, only]


def test_a_head_that_lacks_labels_names_only_those_it_knows() -> None:
    inputs, labels = texts(30, 0)
    known = [i for i, label in enumerate(labels) if label != "ok"]
    one = made(char_ngrams(64), "text", ([inputs[i] for i in known], [labels[i] for i in known]))
    runtime = Runtime(one.model(0.5))
    assert runtime.card.labels == ("broken", "leak")
    # The normal label was never seen: no threshold on it can be kept.
    assert (runtime.card.normal, runtime.card.threshold) == (None, None)
    said = runtime.run(inputs)
    np.testing.assert_allclose(said.probabilities, training_side(one, inputs)[0], atol=1e-5)
    assert {decision.label for decision in runtime.decide(inputs)} == {"broken", "leak"}


def test_probabilities_of_exactly_0_and_1_are_decided() -> None:
    from dataclasses import replace

    one, fresh = case("text")
    head = one.fitted.full
    sure = replace(one, fitted=replace(one.fitted, full=replace(head, weights=head.weights * 1e5)))
    runtime = Runtime(sure.model(0.5))
    said = runtime.run(list(fresh)).probabilities
    assert set(np.unique(said)) == {0.0, 1.0}
    assert {decision.label for decision in runtime.decide(list(fresh))} <= set(LABELS)


def test_steep_heads_keep_their_digits() -> None:
    """Large weights over a low temperature: sums in single precision were off by 0.0002."""
    from dataclasses import replace

    one, fresh = case("signal")
    steep = replace(one.fitted.full, temperature=one.fitted.full.temperature / 5000)
    hot = replace(one, fitted=replace(one.fitted, full=steep))
    said = Runtime(hot.model(None)).run(list(fresh)).probabilities
    np.testing.assert_allclose(said, training_side(hot, fresh)[0], atol=1e-5)

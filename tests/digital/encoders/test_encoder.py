"""Publishers' files become bases, or are refused with what would have been taken."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tiny_encoders import (
    WIDTH,
    WORDS,
    picture_onnx,
    serialised,
    text_encoder,
    text_onnx,
    tokenizer,
    window_onnx,
)

from twoloops.digital.base import Base
from twoloops.digital.concatenate import concatenate
from twoloops.digital.encoders.counting import operations
from twoloops.digital.encoders.encoder import Said, encoder
from twoloops.digital.encoders.files import Files
from twoloops.digital.encoders.trial import samples
from twoloops.digital.features.ngrams import char_ngrams
from twoloops.digital.features.texture import texture
from twoloops.digital.graphs import read_metadata
from twoloops.digital.vetting.subjects import Subject
from twoloops.digital.vetting.vet import vet
from twoloops.edge.graph import Graph
from twoloops.records.errors import UserError

SAID = Said("acme/tiny@0", "MIT", "acme", "unknown", "0")
TEXTS = [b"hose leaking", b"Bracket cracked", b"pump", b"zz?"]
Make = Callable[..., Base]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a function that writes files, vets them, and makes a base of them."""

    def do(files: dict[str, bytes], path: str | None = None) -> Base:
        for name, data in files.items():
            place = tmp_path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        found = vet(Subject("it", path=tmp_path), today=date(2026, 11, 24), cache=tmp_path / "no")
        assert not [one for one in found.findings if one.severity == "refuse"]
        return encoder(Files(tmp_path, found.files), SAID, path)

    return do


def embed(base: Base, inputs: list[bytes]) -> np.ndarray:
    return Graph(base.graph).run(inputs)["embedding"]


def by_hand(texts: list[bytes], pooling: str, seed: int = 0) -> np.ndarray:
    """Embed with the field's own tokenizer and numpy."""
    tokenizers = pytest.importorskip("tokenizers")
    own = tokenizers.Tokenizer.from_str(
        json.dumps(
            {
                **json.loads(tokenizer()),
                "version": "1.0",
                "truncation": None,
                "padding": None,
                "added_tokens": [],
                "post_processor": {
                    "type": "BertProcessing",
                    "sep": ["[SEP]", 3],
                    "cls": ["[CLS]", 2],
                },
                "decoder": None,
                "model": {**json.loads(tokenizer())["model"], "max_input_chars_per_word": 100},
                "normalizer": {
                    "type": "BertNormalizer",
                    "clean_text": True,
                    "handle_chinese_chars": True,
                    "strip_accents": None,
                    "lowercase": True,
                },
            }
        )
    )
    rows = np.random.default_rng(seed).normal(size=(len(WORDS) + 1, WIDTH)).astype(np.float32)
    out = []
    for text in texts:
        seen = rows[own.encode(text.decode()).ids]
        states = seen + seen.sum(0)
        vector = {"mean": states.mean(0), "cls": states[0], "max": states.max(0)}[pooling]
        out.append(vector / np.linalg.norm(vector))
    return np.array(out)


class TestText:
    @pytest.mark.parametrize(
        ("key", "pooling"),
        [
            ("pooling_mode_mean_tokens", "mean"),
            ("pooling_mode_cls_token", "cls"),
            ("pooling_mode_max_tokens", "max"),
        ],
    )
    def test_embeds_as_its_tokenizer_and_pooling_say(self, make, key, pooling):
        base = make(text_encoder(**{"1_Pooling/config.json": json.dumps({key: True}).encode()}))
        assert base.card.dimension == WIDTH
        assert base.card.input == "text"
        np.testing.assert_allclose(embed(base, TEXTS), by_hand(TEXTS, pooling), atol=1e-6)

    def test_padding_changes_nothing(self, make):
        base = make(text_encoder())
        together = embed(base, [b"pump", b"hose leaking oil routine service inspect"])
        np.testing.assert_allclose(together[:1], embed(base, [b"pump"]), atol=1e-6)

    def test_narrow_numbers_an_older_opset_and_no_types(self, make):
        older = text_onnx(opset=14, whole=np.int32, types=False)
        base = make(text_encoder(**{"onnx/model.onnx": older}))
        (opset,) = onnx.load_from_string(base.graph).opset_import
        assert opset.version == 17
        np.testing.assert_allclose(embed(base, TEXTS), by_hand(TEXTS, "mean"), atol=1e-6)

    def test_weights_beside_the_file(self, make, tmp_path):
        model = onnx.load_from_string(text_onnx())
        onnx.save(
            model,
            str(tmp_path / "model.onnx"),
            save_as_external_data=True,
            location="model.onnx_data",
            size_threshold=0,
        )
        files = text_encoder()
        del files["onnx/model.onnx"]
        base = make(files)
        np.testing.assert_allclose(embed(base, TEXTS), by_hand(TEXTS, "mean"), atol=1e-6)

    def test_a_vocabulary_alone(self, make):
        files = text_encoder(**{"vocab.txt": "\n".join(WORDS).encode() + b"\n"})
        del files["tokenizer.json"]
        base = make(files)
        np.testing.assert_allclose(embed(base, TEXTS), by_hand(TEXTS, "mean"), atol=1e-6)

    def test_takes_no_more_tokens_than_it_learned(self, make):
        step = read_metadata(onnx.load_from_string(make(text_encoder()).graph))[0].steps[0]
        assert step.max_tokens == 64

    def test_beside_features(self, make):
        own, first = make(text_encoder()), char_ngrams()
        both = concatenate([first, own])
        expected = np.hstack([embed(first, TEXTS[:3]), embed(own, TEXTS[:3])])
        np.testing.assert_allclose(embed(both, TEXTS[:3]), expected, atol=1e-6)

    def test_two_added_ones_side_by_side(self, make, tmp_path):
        one, other = make(text_encoder(0)), make(text_encoder(1))
        both = embed(concatenate([one, other]), TEXTS)
        np.testing.assert_allclose(both, np.hstack([embed(one, TEXTS), embed(other, TEXTS)]))

    def test_the_same_files_the_same_bytes(self, make):
        assert make(text_encoder()).digest == make(text_encoder()).digest

    @pytest.mark.parametrize(
        ("changed", "says"),
        [
            ({"tokenizer.json": tokenizer(model={"type": "BPE", "vocab": {}})}, "BPE"),
            ({"tokenizer.json": tokenizer(normalizer=None)}, "None with BertPreTokenizer"),
            (
                {
                    "tokenizer.json": tokenizer(
                        normalizer={"type": "BertNormalizer", "lowercase": False}
                    )
                },
                "capitals",
            ),
            ({"tokenizer.json": tokenizer(WORDS[1:])}, r"\[PAD\]"),
            ({"tokenizer.json": tokenizer([*WORDS[:-1], "a\nb"])}, "line break"),
            ({"tokenizer.json": b"[]"}, "kind None"),
            ({"1_Pooling/config.json": b'{"pooling_mode_lasttoken": true}'}, "lasttoken"),
            (
                {"modules.json": b'[{"type": "sentence_transformers.models.Dense"}]'},
                "Dense",
            ),
        ],
    )
    def test_refuses_what_an_edge_cannot_do(self, make, changed, says):
        with pytest.raises(UserError, match=says):
            make(text_encoder(**changed))

    def test_refuses_ids_the_table_has_not(self, make):
        small = text_onnx(vocabulary=20)
        with pytest.raises(UserError, match="does not run"):
            make(text_encoder(**{"onnx/model.onnx": small}))

    def test_refuses_without_a_tokenizer(self, make):
        files = text_encoder()
        del files["tokenizer.json"]
        with pytest.raises(UserError, match="neither tokenizer"):
            make(files)

    def test_refuses_one_answer_for_everything(self, make):
        model = onnx.load_from_string(text_onnx())
        for tensor in model.graph.initializer:
            if tensor.name == "table":
                rows = np.ones((len(WORDS) + 1, WIDTH), np.float32)
                tensor.CopyFrom(onnx.numpy_helper.from_array(rows, "table"))
        with pytest.raises(UserError, match="every input the same vector"):
            make(text_encoder(**{"onnx/model.onnx": model.SerializeToString()}))


class TestPicturesAndWindows:
    @pytest.mark.parametrize("rank", [2, 4])
    def test_pictures(self, make, rank):
        colours = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
        base = make(
            {
                "model.onnx": picture_onnx(rank=rank),
                "preprocessor_config.json": json.dumps(colours).encode(),
            }
        )
        step = read_metadata(onnx.load_from_string(base.graph))[0].steps[0]
        assert (step.height, step.width, step.mean) == (16, 16, (0.5, 0.5, 0.5))
        assert (base.card.input, base.card.dimension) == ("image", 8)
        pictures = samples("image", step)
        both = embed(concatenate([texture(), base]), pictures)
        np.testing.assert_allclose(both[:, -8:], embed(base, pictures), atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(both[:, -8:], axis=1), 1, atol=1e-5)

    def test_a_picture_of_any_size_takes_the_side_files(self, make):
        content = {"size": {"height": 32, "width": 24}}
        base = make(
            {
                "model.onnx": picture_onnx(size="side"),
                "preprocessor_config.json": json.dumps(content).encode(),
            }
        )
        step = read_metadata(onnx.load_from_string(base.graph))[0].steps[0]
        assert (step.height, step.width) == (32, 24)

    def test_colours_that_are_no_scale(self, make):
        with pytest.raises(UserError, match="three numbers"):
            make(
                {"model.onnx": picture_onnx(), "preprocessor_config.json": b'{"image_std": [0, 1]}'}
            )

    def test_windows(self, make):
        base = make({"model.onnx": window_onnx()})
        step = read_metadata(onnx.load_from_string(base.graph))[0].steps[0]
        assert (step.channels, step.samples) == (3, 32)
        assert embed(base, samples("signal", step)).shape == (3, 8)


class TestChoice:
    def test_of_several_files_one_is_named(self, make):
        files = {"a.onnx": window_onnx(), "b.onnx": window_onnx(samples=16)}
        with pytest.raises(UserError, match="several ONNX files"):
            make(files)
        assert make(files, "b.onnx")
        with pytest.raises(UserError, match=r"no ONNX file 'c.onnx'"):
            make(files, "c.onnx")

    def test_no_onnx_file(self, make):
        with pytest.raises(UserError, match="optimum-cli"):
            make({"config.json": b"{}"})

    def test_an_input_that_nothing_prepares(self, make):
        odd = serialised(
            [helper.make_node("Identity", ["x"], ["y"])],
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 5])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 5])],
            {},
        )
        with pytest.raises(UserError, match="choose an encoder"):
            make({"model.onnx": odd})

    def test_a_file_changed_after_it_was_vetted(self, tmp_path):
        (tmp_path / "model.onnx").write_bytes(window_onnx())
        found = vet(Subject("it", path=tmp_path), today=date(2026, 11, 24), cache=tmp_path / "no")
        (tmp_path / "model.onnx").write_bytes(window_onnx(samples=16))
        with pytest.raises(UserError, match="changed after it was looked at"):
            encoder(Files(tmp_path, found.files), SAID)


def test_multiply_adds_are_those_of_the_shapes() -> None:
    assert operations(onnx.load_from_string(window_onnx(3, 32))) == 3 * 32 * 8
    # 4 × 4 places, each 8 outputs of 3 × 4 × 4.
    assert operations(onnx.load_from_string(picture_onnx())) == 16 * 8 * 3 * 16
    assert operations(onnx.load_from_string(text_onnx())) == 0

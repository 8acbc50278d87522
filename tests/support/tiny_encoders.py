"""Small encoders in the files their publishers would ship, made from nothing."""

import json
from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WORDS = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]"),
    *"abcdefghijklmnopqrstuvwxyz",
    *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"),
    *("hose", "leaking", "oil", "seal", "leak", "bracket", "crack", "##ed", "broken", "weld"),
    *("routine", "service", "inspect", "grease", "check", "levels", "pump", "cylinder", "pin"),
)
WIDTH = 16


def serialised(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: dict[str, np.ndarray],
    opset: int = 17,
) -> bytes:
    graph = helper.make_graph(
        list(nodes),
        "tiny",
        list(inputs),
        list(outputs),
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def text_onnx(
    seed: int = 0,
    *,
    opset: int = 17,
    output: str = "last_hidden_state",
    whole: type = np.int64,
    types: bool = True,
    vocabulary: int = len(WORDS),
) -> bytes:
    """Return an encoder of tokens: a vector each, and the sum of all that are attended to."""
    rng = np.random.default_rng(seed)
    kind = TensorProto.INT64 if whole is np.int64 else TensorProto.INT32
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if types else [])]
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"]),
        helper.make_node("Mul", ["rows", "column"], ["seen"]),
        helper.make_node("ReduceSum", ["seen", "middle"], ["sum"], keepdims=1),
        helper.make_node("Add", ["rows", "sum"], [output]),
    ]
    if types:
        nodes[0:0] = [
            helper.make_node("Add", ["input_ids", "token_type_ids"], ["shifted"]),
        ]
        nodes[1].input[1] = "shifted"
    return serialised(
        nodes,
        [helper.make_tensor_value_info(name, kind, ["batch", "sequence"]) for name in names],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", "sequence", WIDTH])],
        {
            "table": rng.normal(size=(vocabulary + 1, WIDTH)).astype(np.float32),
            "last": np.array([-1], dtype=np.int64),
            "middle": np.array([1], dtype=np.int64),
        },
        opset,
    )


def tokenizer(words: Sequence[str] = WORDS, **changed: object) -> bytes:
    """Return a tokenizer.json of BERT's lower-casing kind."""
    content: dict[str, object] = {
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "vocab": {word: place for place, word in enumerate(words)},
        },
        "normalizer": {"type": "BertNormalizer", "lowercase": True, "strip_accents": None},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
    }
    return json.dumps({**content, **changed}).encode()


def text_encoder(seed: int = 0, **changed: bytes) -> dict[str, bytes]:
    """Return the files of a small text encoder, as a repository has them."""
    files = {
        "onnx/model.onnx": text_onnx(seed),
        "tokenizer.json": tokenizer(),
        "1_Pooling/config.json": b'{"pooling_mode_mean_tokens": true}',
        "config.json": b'{"max_position_embeddings": 64}',
        "README.md": b"---\nlicense: mit\nbase_model: acme/mother\n---\n# Tiny\n",
        "LICENSE": b"MIT",
    }
    return {**files, **changed}


def picture_onnx(seed: int = 0, *, size: int | str = 16, rank: int = 4) -> bytes:
    """Return an encoder of pictures: one convolution; its map, or the map's mean."""
    rng = np.random.default_rng(seed)
    nodes = [helper.make_node("Conv", ["pixel_values", "kernel"], ["map"], strides=[4, 4])]
    output = helper.make_tensor_value_info("map", TensorProto.FLOAT, ["n", 8, None, None])
    if rank == 2:
        nodes.append(helper.make_node("ReduceMean", ["map"], ["vector"], axes=[2, 3], keepdims=0))
        output = helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", 8])
    return serialised(
        nodes,
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, size, size])],
        [output],
        {"kernel": rng.normal(size=(8, 3, 4, 4)).astype(np.float32)},
    )


def window_onnx(channels: int = 3, samples: int = 32) -> bytes:
    """Return an encoder of windows: one matrix for every channel."""
    rng = np.random.default_rng(1)
    return serialised(
        [
            helper.make_node("MatMul", ["window", "matrix"], ["rows"]),
            helper.make_node("ReduceMean", ["rows"], ["vector"], axes=[1], keepdims=0),
        ],
        [helper.make_tensor_value_info("window", TensorProto.FLOAT, ["n", channels, samples])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, ["n", 8])],
        {"matrix": rng.normal(size=(samples, 8)).astype(np.float32)},
    )

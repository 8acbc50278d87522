"""Text encoders: tokenizer files → a `wordpiece` step; hidden states → one vector a text."""

from typing import Any

import onnx

from twoloops.digital.encoders.files import Files
from twoloops.digital.encoders.graph import needed_inputs, rank_of
from twoloops.digital.graphs import TINY, Sketch, step_inputs
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.preprocess import WordPiece

TENSORS = ("input_ids", "attention_mask", "token_type_ids")
SENTENCE = "sentence_embedding"
STATES = ("last_hidden_state", "token_embeddings")
LONGEST = 512
"""Tokens; encoders of this kind learned no positions beyond."""
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
POOLINGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
}
LAYERS = ("Transformer", "Pooling", "Normalize")
"""What of sentence-transformers' modules is done here; others would be left out silently."""


def vocabulary_of(files: Files) -> str:
    """Return the tokens of a lower-casing WordPiece tokenizer, one a line, line number = id.

    Raises:
        UserError: There is no tokenizer, or one of another kind.
    """
    if "tokenizer.json" in files:
        return _of_tokenizer(files.settings("tokenizer.json"))
    settings = files.settings("tokenizer_config.json")
    if "vocab.txt" not in files:
        raise UserError(
            "a text encoder needs its tokenizer: got neither tokenizer.json nor vocab.txt beside "
            "the ONNX file; copy it there"
        )
    if settings.get("do_lower_case", True) is not True:
        raise UserError(_wrong("a tokenizer that keeps capitals (do_lower_case is false)"))
    tokens = files.read("vocab.txt").decode().removesuffix("\n")
    return _checked(tokens.replace("\r\n", "\n").split("\n"))


def _of_tokenizer(content: dict[str, Any]) -> str:
    model = content.get("model") or {}
    normalizer = content.get("normalizer") or {}
    splitter = (content.get("pre_tokenizer") or {}).get("type")
    if model.get("type", "WordPiece") != "WordPiece" or "vocab" not in model:
        raise UserError(_wrong(f"a tokenizer of the kind {model.get('type')}"))
    if normalizer.get("type") != "BertNormalizer" or splitter != "BertPreTokenizer":
        raise UserError(_wrong(f"{normalizer.get('type')} with {splitter}"))
    lowers = normalizer.get("lowercase") is True
    if not lowers or normalizer.get("strip_accents") is False:
        raise UserError(_wrong("a tokenizer that keeps capitals or accents"))
    prefix, unknown = model.get("continuing_subword_prefix", "##"), model.get("unk_token", "[UNK]")
    if prefix != "##" or unknown != "[UNK]":
        raise UserError(_wrong(f"pieces that begin with {prefix!r}, or {unknown!r} for unknown"))
    vocabulary = model["vocab"]
    ids = sorted(vocabulary.values())
    if ids != list(range(len(ids))):
        raise UserError(_wrong("ids with gaps"))
    return _checked(sorted(vocabulary, key=vocabulary.__getitem__))


def _checked(tokens: list[str]) -> str:
    missing = [token for token in SPECIAL if token not in tokens]
    if missing:
        raise UserError(_wrong(f"a vocabulary without {missing}"))
    if any("\n" in token for token in tokens):
        raise UserError(_wrong("a token with a line break in it"))
    return "\n".join(tokens)


def _wrong(got: str) -> str:
    return (
        f"this tokenizer cannot be run at an edge: got {got}; BERT's lower-casing WordPiece is "
        "understood (all-MiniLM, BGE, E5, GTE and others in English have it): choose such an "
        "encoder"
    )


def step_of(files: Files, prefix: str) -> tuple[WordPiece, str]:
    """Return the preprocess step and the vocabulary it names."""
    tokens = vocabulary_of(files)
    digest = digest_bytes(tokens.encode())
    return WordPiece(vocabulary=digest, prefix=prefix, max_tokens=_length(files)), tokens


def _length(files: Files) -> int:
    """Return how many tokens the encoder takes: the least of what its files say."""
    truncation = files.settings("tokenizer.json").get("truncation") or {}
    said = [
        files.settings("sentence_bert_config.json").get("max_seq_length"),
        files.settings("tokenizer_config.json").get("model_max_length"),
        files.settings("config.json").get("max_position_embeddings"),
        truncation.get("max_length"),
        LONGEST,
    ]
    return int(min(n for n in said if isinstance(n, int | float) and n >= len(SPECIAL)))


def pooling_of(files: Files) -> str:
    """Return how hidden states become one vector: `mean`, `cls` or `max`; `mean` if unsaid.

    Raises:
        UserError: The encoder's files ask for something else.
    """
    content = files.settings("1_Pooling/config.json")
    asked = [POOLINGS.get(key, key) for key, value in content.items() if value is True]
    asked = [one for one in asked if one != "include_prompt"]
    if len(asked) > 1 or any(one not in POOLINGS.values() for one in asked):
        raise UserError(
            f"1_Pooling/config.json asks for {asked}: one of {sorted(POOLINGS.values())} can be "
            "done; choose a file with the output sentence_embedding"
        )
    return asked[0] if asked else "mean"


def check_modules(layers: list[Any]) -> None:
    """Refuse layers behind the ONNX file that would be left out.

    Raises:
        UserError: There is one.
    """
    names = [str(one.get("type", "")).rpartition(".")[2] for one in layers if isinstance(one, dict)]
    more = [name for name in names if name not in LAYERS]
    if more:
        raise UserError(
            f"modules.json has the layers {more} behind the encoder, which its ONNX file lacks: "
            "choose a file with the output sentence_embedding"
        )


def fits(graph: onnx.GraphProto) -> bool:
    """Whether a graph takes tokens."""
    return "input_ids" in {one.name for one in needed_inputs(graph)}


def join(graph: onnx.GraphProto, files: Files, step: WordPiece, sketch: Sketch) -> str:
    """Connect tokens to a prefixed graph; return the tensor with one vector a text, (n, d).

    Raises:
        UserError: The graph wants other tensors, or gives no hidden states.
    """
    prefix = step.prefix
    wanted = {one.name: one for one in needed_inputs(graph)}
    odd = sorted(name.removeprefix(prefix) for name in wanted.keys() - _prefixed(prefix))
    if odd:
        raise UserError(f"the encoder wants the tensors {odd}: {list(TENSORS)} can be made")
    declared = step_inputs(step)
    for name in [name for name, one in wanted.items() if _elem(one) == onnx.TensorProto.INT32]:
        narrow = sketch.node("Cast", name, to=onnx.TensorProto.INT32)
        for node in graph.node:
            node.input[:] = [narrow if one == name else one for one in node.input]
    del graph.input[:]
    graph.input.extend(declared)
    output = _output(graph, prefix)
    if output != prefix + SENTENCE:
        check_modules(files.rows("modules.json"))
    if output == prefix + SENTENCE or rank_of(_value(graph, output)) == 2:
        return output
    return _pooled(sketch, output, prefix + "attention_mask", pooling_of(files))


def _prefixed(prefix: str) -> set[str]:
    return {prefix + name for name in TENSORS}


def _elem(value: onnx.ValueInfoProto) -> int:
    return int(value.type.tensor_type.elem_type)


def _value(graph: onnx.GraphProto, name: str) -> onnx.ValueInfoProto:
    return next(one for one in graph.output if one.name == name)


def _output(graph: onnx.GraphProto, prefix: str) -> str:
    names = [one.name for one in graph.output]
    for preferred in (SENTENCE, *STATES):
        if prefix + preferred in names:
            return prefix + preferred
    found = [one.name for rank in (3, 2) for one in graph.output if rank_of(one) == rank]
    if not found:
        bare = [name.removeprefix(prefix) for name in names]
        raise UserError(f"the encoder gives {bare}: {SENTENCE} or {STATES[0]} was expected")
    return str(found[0])


def _pooled(sketch: Sketch, states: str, attention: str, pooling: str) -> str:
    """Turn hidden states (n, tokens, d) into (n, d), padding left out."""
    if pooling == "cls":
        first = sketch.node("Gather", states, sketch.ints(0), axis=1)
        return sketch.node("Squeeze", first, sketch.ints(1))
    mask = sketch.node("Cast", attention, to=onnx.TensorProto.FLOAT)
    column = sketch.node("Unsqueeze", mask, sketch.ints(-1))
    if pooling == "max":
        kept = sketch.node("Mul", states, column)
        away = sketch.node(
            "Mul", sketch.node("Sub", column, sketch.floats(1.0)), sketch.floats(1e9)
        )
        return sketch.node("ReduceMax", sketch.node("Add", kept, away), axes=[1], keepdims=0)
    return mean_of_tokens(sketch, states, mask)


def mean_of_tokens(sketch: Sketch, states: str, mask: str) -> str:
    """Return the mean (n, d) of states (n, tokens, d) over tokens whose mask (float) is 1."""
    kept = sketch.node("Mul", states, sketch.node("Unsqueeze", mask, sketch.ints(-1)))
    total = sketch.node("ReduceSum", kept, sketch.ints(1), keepdims=0)
    count = sketch.node("ReduceSum", mask, sketch.ints(1), keepdims=1)
    return sketch.node("Div", total, sketch.node("Max", count, sketch.floats(TINY)))

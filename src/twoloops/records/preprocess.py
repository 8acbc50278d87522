"""The versioned `preprocess` record a model file carries, and `edge.preprocess` interprets.

Each step turns raw input bytes into one or more named tensors of the ONNX graph.
"""

from typing import Literal

import msgspec

from twoloops.records.digests import Digest


class CharNgrams(msgspec.Struct, frozen=True, tag="char-ngrams"):
    """UTF-8 text → hashed counts of character n-grams and words, float32 (n, dimension).

    Args:
        output: Name of the tensor.
        dimension: Number of buckets.
        low: Shortest n-gram.
        high: Longest n-gram.
        words: Whether whole words are counted too.
    """

    output: str = "counts"
    dimension: int = 8192
    low: int = 3
    high: int = 5
    words: bool = True


class WordPiece(msgspec.Struct, frozen=True, tag="wordpiece"):
    """UTF-8 text → `input_ids`, `attention_mask`, `token_type_ids`, int64 (n, tokens).

    Args:
        vocabulary: Digest of the vocabulary (one token a line, UTF-8), which the model file
            carries as an asset.
        prefix: Put before the three tensor names.
        max_tokens: Longer texts are cut, `[CLS]` and `[SEP]` included.
    """

    vocabulary: Digest
    prefix: str = ""
    max_tokens: int = 128


class Window(msgspec.Struct, frozen=True, tag="window"):
    """A `.npy` array of float32 (channels, samples) → float32 (n, channels, samples)."""

    channels: int
    samples: int
    output: str = "window"


class Picture(msgspec.Struct, frozen=True, tag="picture"):
    """An encoded image → float32 (n, 3, height, width), RGB, bilinear, (x/255 − mean)/deviation."""

    height: int
    width: int
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    deviation: tuple[float, float, float] = (1.0, 1.0, 1.0)
    output: str = "picture"


Step = CharNgrams | WordPiece | Window | Picture


class Preprocess(msgspec.Struct, frozen=True):
    """All steps of a model, in one versioned record."""

    steps: tuple[Step, ...]
    version: Literal[1] = 1

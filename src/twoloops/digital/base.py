"""A base: a model used as encoder. A card, and the ONNX graph that is deployed inside a model."""

from dataclasses import dataclass
from functools import cached_property

from twoloops.records.base import BaseCard
from twoloops.records.digests import Digest, digest_bytes


@dataclass(frozen=True)
class Base:
    """An encoder with what is known of it.

    Args:
        card: What is known of it before it runs.
        graph: ONNX bytes (opset 17, IR version 10). Inputs are the tensors named by the
            `preprocess` record in its metadata; the one output `embedding` is float32
            (n, card.dimension).
    """

    card: BaseCard
    graph: bytes

    @cached_property
    def digest(self) -> Digest:
        """Digest of the graph's bytes, which is the base's identity."""
        return digest_bytes(self.graph)

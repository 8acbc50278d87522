"""A base: a model used as encoder, with what its card says of its past."""

from typing import Literal

import msgspec

from twoloops.records.digests import Digest
from twoloops.records.task import Kind

BaseKind = Literal["features", "open model", "concatenation"]


class Ancestor(msgspec.Struct, frozen=True):
    """One step of a base's own lineage, as its card states it.

    Args:
        name: What it was made from.
        relation: `distilled from`, `fine-tuned from`, `quantised from`, `exported from`, …
        publisher: Who published it.
        licence: SPDX expression, or `unknown`.
        source: Where that is stated.
    """

    name: str
    relation: str
    publisher: str
    licence: str
    source: str


class BaseCard(msgspec.Struct, frozen=True):
    """What is known of a base before it runs.

    Args:
        name: `builtin/char-ngram`, `minilm`, `builtin/char-ngram+minilm`, …
        kind: Built-in features are no open models and are called features.
        input: The kind of input it encodes.
        dimension: Width of its embedding.
        parameters: Learned parameters (0 for features).
        operations: Multiply-adds for one typical input.
        licence: SPDX expression.
        publisher: Who published it.
        origin: Country of the publisher, or `unknown`.
        revision: What pins it: a package version or a code version.
        lineage: Its ancestors, nearest first.
        parts: The names it concatenates.
        sources: Where it, or its parts, were published: `hub:owner/name`; empty where that is said
            by no place others can reach.
        sparse: How many leading dimensions are non-negative counts (features whose weight a
            recipe may learn); 0 where none.
    """

    name: str
    kind: BaseKind
    input: Kind
    dimension: int
    parameters: int
    operations: int
    licence: str
    publisher: str
    origin: str
    revision: str
    lineage: tuple[Ancestor, ...] = ()
    parts: tuple[str, ...] = ()
    sparse: int = 0
    sources: tuple[str, ...] = ()


class ModelCard(msgspec.Struct, frozen=True):
    """What a model file says of itself, in its `metadata_props`.

    Args:
        task: The task's name.
        labels: Order of the `probabilities` output.
        normal: The label that is no fault, if there is one.
        threshold: Probability of any fault above which an item is called a fault; `None`
            where the most probable label decides.
        base: Name of the base.
        base_digest: Digest of the base's graph.
        recipe: Name and settings of the recipe.
        dataset: Digest of the dataset it was specialised on.
    """

    task: str
    labels: tuple[str, ...]
    normal: str | None
    threshold: float | None
    base: str
    base_digest: Digest
    recipe: str
    dataset: Digest

"""The card that built-in features share."""

from twoloops.records.base import BaseCard
from twoloops.records.task import Kind

# Raised when a graph changes, since models stand on the exact graph they were fitted on.
REVISION = "features-1"


def features_card(
    name: str, kind: Kind, dimension: int, operations: int, sparse: int = 0
) -> BaseCard:
    """Return the card of built-in features: no parameters, no ancestors, this project's licence.

    Args:
        name: `builtin/…`.
        kind: The kind of input.
        dimension: Width of the embedding.
        operations: Multiply-adds for one input.
        sparse: How many leading dimensions are non-negative counts.
    """
    return BaseCard(
        name=name,
        kind="features",
        input=kind,
        dimension=dimension,
        parameters=0,
        operations=operations,
        licence="Apache-2.0",
        publisher="twoloops",
        origin="unknown",
        revision=REVISION,
        sparse=sparse,
    )

"""Several bases side by side as one graph."""

from collections.abc import Sequence

import msgspec
import onnx

from twoloops.digital.base import Base
from twoloops.digital.graphs import (
    EMBEDDING,
    new_model,
    read_metadata,
    rename_step,
    seal,
    step_inputs,
    step_tensors,
)
from twoloops.edge.metadata import to_properties
from twoloops.records.base import BaseCard
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.records.preprocess import Preprocess, Step


def concatenate(bases: Sequence[Base]) -> Base:
    """Return one base whose embedding is the parts' embeddings, one after the other.

    Each base already has about unit length by a scaling of its own, so none outweighs another.
    Parts that want the same tensor share it, so an input is prepared once. Counts stay usable
    as counts (`card.sparse`) only as far as they lead: give sparse parts first.

    Law: `encode(concatenate([a, b])) == hstack([encode(a), encode(b)])`.

    Raises:
        UserError: With fewer than two bases, or bases for different kinds of input.
    """
    cards = [base.card for base in bases]
    if len(bases) < 2 or len({card.input for card in cards}) != 1:
        raise UserError(
            "a concatenation needs two or more bases for one kind of input: got "
            f"{[f'{card.name} ({card.input})' for card in cards]}"
        )
    joined = onnx.GraphProto(name="base")
    steps: dict[bytes, Step] = {}
    assets: dict[Digest, str] = {}
    domains: list[onnx.OperatorSetIdProto] = []
    ends = [f"p{index}.{EMBEDDING}" for index in range(len(bases))]
    for index, base in enumerate(bases):
        model = onnx.load_from_string(base.graph)
        preprocess, carried = read_metadata(model)
        assets |= carried
        domains += model.opset_import
        _append(joined, model, f"p{index}.", _share(steps, preprocess, f"p{index}."))
    card = joined_card(cards)
    joined.node.append(onnx.helper.make_node("Concat", ends, [EMBEDDING], name="join", axis=1))
    record = Preprocess(tuple(steps.values()))
    joined.input.extend(value for step in record.steps for value in step_inputs(step))
    joined.output.append(
        onnx.helper.make_tensor_value_info(EMBEDDING, onnx.TensorProto.FLOAT, ["n", card.dimension])
    )
    return Base(card, seal(new_model(joined, domains), to_properties(record, assets)))


def joined_card(cards: Sequence[BaseCard]) -> BaseCard:
    """Return the card of a concatenation: sums, and everything said of its parts."""
    return BaseCard(
        name="+".join(card.name for card in cards),
        kind="concatenation",
        input=cards[0].input,
        dimension=sum(card.dimension for card in cards),
        parameters=sum(card.parameters for card in cards),
        operations=sum(card.operations for card in cards),
        licence=" AND ".join(_distinct([card.licence for card in cards])),
        publisher=", ".join(_distinct([card.publisher for card in cards])),
        origin=", ".join(_distinct([card.origin for card in cards])),
        revision="+".join(card.revision for card in cards),
        lineage=tuple(step for card in cards for step in card.lineage),
        parts=tuple(part for card in cards for part in (card.parts or (card.name,))),
        sparse=leading_sparse(cards),
        sources=tuple(_distinct([source for card in cards for source in card.sources])),
    )


def leading_sparse(cards: Sequence[BaseCard]) -> int:
    """Return how many leading dimensions of the concatenation are counts."""
    total = 0
    for card in cards:
        total += card.sparse
        if card.sparse < card.dimension:
            break
    return total


def _share(steps: dict[bytes, Step], preprocess: Preprocess, prefix: str) -> dict[str, str]:
    """Add a part's steps to the shared ones; return old tensor name → shared tensor name."""
    names: dict[str, str] = {}
    for step in preprocess.steps:
        # Tensor names are left out of the comparison: the same preparation is done once.
        key = msgspec.json.encode(_nameless(step))
        shared = steps.setdefault(key, rename_step(step, prefix))
        names |= dict(zip(step_tensors(step), step_tensors(shared), strict=True))
    return names


def _nameless(step: Step) -> Step:
    field = "prefix" if hasattr(step, "prefix") else "output"
    return msgspec.structs.replace(step, **{field: ""})


def _append(
    joined: onnx.GraphProto, model: onnx.ModelProto, prefix: str, inputs: dict[str, str]
) -> None:
    """Copy a part's nodes and constants under prefixed names, its inputs under shared ones."""
    graph = onnx.compose.add_prefix_graph(model.graph, prefix)
    shared = {prefix + old: new for old, new in inputs.items()}
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name in shared:
                node.input[position] = shared[name]
    joined.node.extend(graph.node)
    joined.initializer.extend(graph.initializer)


def _distinct(values: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(values))

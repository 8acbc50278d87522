"""Everything an ONNX model holds, graph by graph: the main one, subgraphs, functions."""

from collections.abc import Iterator
from typing import Any, NamedTuple

MAIN = ""
"""The standard operators' domain; `ai.onnx` is its other name."""


class Scope(NamedTuple):
    """A list of nodes with its names.

    Attributes:
        place: How to say where it is.
        nodes: Its nodes.
        opsets: Version of each domain there.
        graph: The graph; `None` of a function's body.
        function: Domain and name of the function it is (in) the body of, or `None`.
    """

    place: str
    nodes: Any
    opsets: dict[str, int]
    graph: Any
    function: tuple[str, str] | None


class Held(NamedTuple):
    """A tensor, and where it is.

    Attributes:
        place: How to say where it is.
        tensor: The `TensorProto`.
        part: Whether it is a part of a sparse tensor.
    """

    place: str
    tensor: Any
    part: bool = False


def domain(name: str) -> str:
    """Return a domain by its one name."""
    return MAIN if name == "ai.onnx" else name


def node_place(scope: Scope, number: int, node: Any) -> str:
    """Return how to say where a node is."""
    from twoloops.digital.vetting.book import shown

    named = f" {shown(node.name)}" if node.name else ""
    return f"{scope.place}node {number}{named}"


def scopes(model: Any) -> Iterator[Scope]:
    """Yield every graph and every function's body; how deep they go was capped on the wire."""
    opsets = {domain(entry.domain): entry.version for entry in model.opset_import}
    yield from _graphs("", model.graph, opsets, None)
    for one in model.functions:
        key = (domain(one.domain), one.name)
        own = {domain(entry.domain): entry.version for entry in one.opset_import}
        place = f"function {one.domain}.{one.name}, "[:120]
        yield Scope(place, one.node, own, None, key)
        for graph_place, graph in _inner(Scope(place, one.node, own, None, key)):
            yield from _graphs(graph_place, graph, own, key)


def tensors(model: Any) -> Iterator[Held]:
    """Yield every tensor: initialisers, sparse ones' parts, attributes, defaults of functions."""
    from twoloops.digital.vetting.book import shown

    for scope in scopes(model):
        if scope.graph is not None:
            for tensor in scope.graph.initializer:
                yield Held(f"{scope.place}tensor {shown(tensor.name)}", tensor)
            for sparse in scope.graph.sparse_initializer:
                yield from _parts(f"{scope.place}sparse {shown(sparse.values.name)}", sparse)
        for number, node in enumerate(scope.nodes):
            for attribute in node.attribute:
                place = f"{node_place(scope, number, node)}, attribute {shown(attribute.name)}"
                yield from _attribute(place, attribute)
    for one in model.functions:
        for attribute in one.attribute_proto:
            place = f"function {shown(one.name)}, attribute {shown(attribute.name)}"
            yield from _attribute(place, attribute)


def _graphs(
    place: str, graph: Any, opsets: dict[str, int], function: tuple[str, str] | None
) -> Iterator[Scope]:
    scope = Scope(place, graph.node, opsets, graph, function)
    yield scope
    for inner_place, inner in _inner(scope):
        yield from _graphs(inner_place, inner, opsets, function)


def _inner(scope: Scope) -> Iterator[tuple[str, Any]]:
    for number, node in enumerate(scope.nodes):
        for attribute in node.attribute:
            for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield f"{node_place(scope, number, node)} > ", graph


def _attribute(place: str, attribute: Any) -> Iterator[Held]:
    for tensor in (*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors):
        yield Held(place, tensor)
    sparse = [attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []
    for one in (*sparse, *attribute.sparse_tensors):
        yield from _parts(place, one)


def _parts(place: str, sparse: Any) -> Iterator[Held]:
    yield Held(f"{place}, values", sparse.values, part=True)
    yield Held(f"{place}, indices", sparse.indices, part=True)

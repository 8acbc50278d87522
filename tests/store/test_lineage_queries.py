"""Both ways, paths, depth, and many at once."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.records.errors import UserError
from twoloops.records.observation import Decision, Kept, Observation, Place
from twoloops.records.task import Task
from twoloops.store.rows import Edge, Node
from twoloops.store.workspace import Store

pairs = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=16)


def made(pairs_of: list[tuple[int, int]]) -> tuple[list[Node], list[Edge]]:
    """A thing is made from those of smaller numbers only."""
    nodes = [Node("model", f"model {n}", str(n)) for n in range(8)]
    edges = [Edge(str(max(a, b)), str(min(a, b)), "made from") for a, b in pairs_of if a != b]
    return nodes, edges


@settings(deadline=None, max_examples=50)
@given(pairs)
def test_many_at_once_is_the_same_as_one_by_one(drawn) -> None:
    nodes, edges = made(drawn)
    with Store.in_memory() as one, Store.in_memory() as many:
        for node in nodes:
            one.lineage.node(node.digest, node.kind, node.title)
        for edge in edges:
            one.lineage.edge(edge.child, edge.parent, edge.relation)
        for _ in range(2):
            many.lineage.add_many(nodes, edges)
        assert one.lineage.edges() == many.lineage.edges()
        assert one.lineage.nodes() == many.lineage.nodes()


@settings(deadline=None, max_examples=50)
@given(pairs, st.integers(0, 7), st.integers(0, 7))
def test_paths_lead_from_one_to_the_other_and_none_is_shorter(drawn, start, end) -> None:
    with Store.in_memory() as store:
        store.lineage.add_many(*made(drawn))
        path = store.lineage.path(str(start), str(end))
        above = {node.digest for node in store.lineage.ancestors(str(start))}
        assert bool(path) == (str(end) in above)
        if path:
            assert (path[0].child, path[-1].parent) == (str(start), str(end))
            assert all(a.parent == b.child for a, b in pairwise(path))
            near = {n.digest for n in store.lineage.ancestors(str(start), len(path))}
            nearer = {n.digest for n in store.lineage.ancestors(str(start), len(path) - 1)}
            assert str(end) in near - nearer


@settings(deadline=None, max_examples=50)
@given(pairs, st.integers(0, 7), st.booleans())
def test_the_lines_around_a_thing_touch_all_that_is_reached(drawn, start, upwards) -> None:
    with Store.in_memory() as store:
        store.lineage.add_many(*made(drawn))
        whole = store.lineage.ancestors if upwards else store.lineage.descendants
        lines = store.lineage.lines(str(start), upwards=upwards)
        ends = {edge.parent if upwards else edge.child for edge in lines}
        assert ends == {node.digest for node in whole(str(start))}
        assert whole(str(start), 8) == whole(str(start))


def test_many_with_a_cycle_or_without_a_node_are_none() -> None:
    nodes = [Node("model", name, name) for name in "abc"]
    with Store.in_memory() as store:
        with pytest.raises(UserError, match="which was made from it"):
            store.lineage.add_many(
                nodes, [Edge("a", "b", "x"), Edge("b", "c", "x"), Edge("c", "a", "x")]
            )
        with pytest.raises(UserError, match="no node d; add it before its edges"):
            store.lineage.add_many(nodes, [Edge("a", "d", "x")])
        assert store.lineage.nodes() == []
        store.lineage.add_many(nodes, [Edge("a", "b", "x")])
        with pytest.raises(UserError, match="b cannot be made from a, which was made from it"):
            store.lineage.add_many([], [Edge("b", "a", "x")])
        with pytest.raises(UserError, match="c cannot be made from c"):
            store.lineage.add_many([], [Edge("c", "c", "x")])


def test_an_edge_runs_the_model_that_it_decided_with_last() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with Store.in_memory() as store:
        store.tasks.put(Task("orders", "text", ("a", "b")))
        seen = []
        for number, model in enumerate(["m1", "m2", None]):
            for edge in ("line-1", "line-2")[: 2 if number == 0 else 1]:
                digest = store.inputs.put(f"{edge} {number}".encode(), "text")
                decided = None if model is None else Decision("a", (1.0, 0.0), model, None, 0.0)
                seen.append(
                    Observation(
                        Place(edge, "e", number),
                        "orders",
                        digest,
                        start + timedelta(hours=number),
                        "p",
                        decided,
                        Kept("routine", 1.0),
                    )
                )
        store.observations.add_many(seen[:-1])
        assert store.lineage.runs() == [("line-1", "m2"), ("line-2", "m1")]
        # One without a decision is of no model: nothing is known to run there now.
        store.observations.add_many(seen)
        assert store.lineage.runs() == [("line-2", "m1")]

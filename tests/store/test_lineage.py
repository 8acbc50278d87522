import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.records.errors import UserError
from twoloops.store.rows import Edge, Node
from twoloops.store.workspace import Store

pairs = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20)


@settings(deadline=None, max_examples=50)
@given(pairs)
def test_ancestors_and_descendants_mirror_each_other_and_nothing_is_its_own(
    edges: list[tuple[int, int]],
) -> None:
    parents: dict[int, set[int]] = {number: set() for number in range(8)}

    def above(number: int) -> set[int]:
        found = set(parents[number])
        for parent in parents[number]:
            found |= above(parent)
        return found

    with Store.in_memory() as store:
        for number in range(8):
            store.lineage.node(str(number), "model", f"model {number}")
        for child, parent in edges:
            if child == parent or child in above(parent):
                with pytest.raises(UserError, match=f"{child} cannot be made from {parent}"):
                    store.lineage.edge(str(child), str(parent), "made from")
            else:
                store.lineage.edge(str(child), str(parent), "made from")
                parents[child].add(parent)
        for number in range(8):
            ancestors = {int(node.digest) for node in store.lineage.ancestors(str(number))}
            assert ancestors == above(number)
            descendants = {int(node.digest) for node in store.lineage.descendants(str(number))}
            assert descendants == {other for other in range(8) if number in above(other)}


def test_nodes_and_edges_are_kept_once() -> None:
    with Store.in_memory() as store:
        for _ in range(2):
            store.lineage.node("d", "dataset", "turn 1")
            store.lineage.node("m", "model", "turn 1")
            store.lineage.edge("m", "d", "specialised on")
        assert store.lineage.nodes() == [
            Node("dataset", "turn 1", "d"),
            Node("model", "turn 1", "m"),
        ]
        assert store.lineage.edges() == [Edge("m", "d", "specialised on")]


def test_an_edge_needs_its_nodes() -> None:
    with Store.in_memory() as store:
        store.lineage.node("d", "dataset", "turn 1")
        with pytest.raises(UserError, match="lineage: no node m; add it before its edges"):
            store.lineage.edge("m", "d", "specialised on")

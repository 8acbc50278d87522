"""Where the boxes of a lineage stand: columns by distance, rows so that lines cross little.

Pure functions. What a thing rests on stands to its left, what was made from it to its right; the
column of a box is its longest distance, so every line leads from left to right. Where a line
passes a column it has a place of its own there, which all lines from one thing share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from twoloops.digital.obligations import Graph
from twoloops.records.digests import Digest

SWEEPS = 6


@dataclass(frozen=True)
class Layout:
    """Columns from left to right, each from top to bottom.

    Args:
        columns: Ids of boxes, and of places where lines pass.
        passing: The places where lines pass.
        ways: For each parent and child, the places its line passes, from left to right.
    """

    columns: tuple[tuple[Digest, ...], ...]
    passing: frozenset[Digest]
    ways: Mapping[tuple[Digest, Digest], tuple[Digest, ...]]

    @property
    def places(self) -> dict[Digest, tuple[int, int]]:
        """Return the column and the row of every box."""
        return {
            id_: (column, row)
            for column, ids in enumerate(self.columns)
            for row, id_ in enumerate(ids)
        }


def lay_out(graph: Graph) -> Layout:
    """Return the columns of a graph without cycles.

    Law: the parent of every edge stands in a column before its child's.
    """
    parents: dict[Digest, list[Digest]] = {one.id: [] for one in graph.things}
    children: dict[Digest, list[Digest]] = {one.id: [] for one in graph.things}
    for edge in graph.edges:
        parents[edge.child].append(edge.parent)
        children[edge.parent].append(edge.child)
    column = _columns(parents, children)
    kinds = {one.id: (one.kind, one.title, one.id) for one in graph.things}
    ways = {}
    passing: set[Digest] = set()
    for edge in graph.edges:
        way = [
            f"past {number} {edge.parent}"
            for number in range(column[edge.parent] + 1, column[edge.child])
        ]
        ways[edge.parent, edge.child] = tuple(way)
        steps = [edge.parent, *way, edge.child]
        for number, one in enumerate(way, start=column[edge.parent] + 1):
            column[one], kinds[one] = number, kinds[edge.parent]
            passing.add(one)
        for left, right in pairwise(steps):
            if way:
                parents.setdefault(right, []).append(left)
                children.setdefault(left, []).append(right)
    columns = [
        sorted((id_ for id_ in column if column[id_] == number), key=kinds.__getitem__)
        for number in range(max(column.values(), default=-1) + 1)
    ]
    neighbours = _neighbours(parents, column), _neighbours(children, column)
    for sweep in range(SWEEPS):
        forth = sweep % 2 == 0
        numbers = range(1, len(columns)) if forth else range(len(columns) - 2, -1, -1)
        for number in numbers:
            row = {id_: at / max(len(ids), 1) for ids in columns for at, id_ in enumerate(ids)}
            near = neighbours[0] if forth else neighbours[1]
            columns[number] = sorted(columns[number], key=lambda id_: _mean(id_, near, row))
    return Layout(tuple(map(tuple, columns)), frozenset(passing), ways)


def _neighbours(
    near: Mapping[Digest, Sequence[Digest]], column: Mapping[Digest, int]
) -> dict[Digest, list[Digest]]:
    """Return what stands in the column beside each."""
    return {
        id_: [one for one in near.get(id_, ()) if abs(column[one] - column[id_]) == 1]
        for id_ in column
    }


def _columns(
    parents: Mapping[Digest, Sequence[Digest]], children: Mapping[Digest, Sequence[Digest]]
) -> dict[Digest, int]:
    """Return the column of each box: the longest path from a root, then drawn to its children."""
    column: dict[Digest, int] = {}
    waiting = {id_: len(above) for id_, above in parents.items()}
    front = [id_ for id_, left in waiting.items() if left == 0]
    order: list[Digest] = []
    while front:
        id_ = front.pop()
        order.append(id_)
        column[id_] = max((column[one] + 1 for one in parents[id_]), default=0)
        for one in children[id_]:
            waiting[one] -= 1
            if waiting[one] == 0:
                front.append(one)
    # A root stands just before what was made from it, and not far on the left.
    for id_ in reversed(order):
        if children[id_]:
            column[id_] = min(column[one] for one in children[id_]) - 1
    return column


def _mean(
    id_: Digest, near: Mapping[Digest, Sequence[Digest]], row: Mapping[Digest, float]
) -> float:
    around = [row[one] for one in near[id_]]
    return sum(around) / len(around) if around else row[id_]

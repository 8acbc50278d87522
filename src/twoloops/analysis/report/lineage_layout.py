"""Where the boxes of the lineage drawing stand: pure functions over nodes and edges.

Three columns: bases under what they were made from, models in the order they were made, and
datasets beside the first model that used them. Models that were never released are folded into
one box a base, so that a long replay stays legible.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from twoloops.convergence.replays.outcome import Edge, Node

MOST_MODELS = 25
ROW = 54  # pixels from one model to the next
BOX = 42
COLUMN_GAP = 18  # between a base and its ancestor, room for the relation


@dataclass(frozen=True)
class Lineage:
    """Nodes and edges as they will be drawn.

    Args:
        nodes: By id, in order.
        edges: Between nodes that are there.
        released: Ids of models that were released.
        folded: Ids of boxes that stand for several models.
    """

    nodes: dict[str, Node]
    edges: tuple[Edge, ...]
    released: frozenset[str]
    folded: frozenset[str] = frozenset()

    def parents(self, child: str, kinds: Iterable[str]) -> list[str]:
        """Return the parents of a node that are of the given kinds, without repetition."""
        found = (e.parent for e in self.edges if e.child == child)
        return list(dict.fromkeys(p for p in found if self.nodes[p].kind in set(kinds)))


@dataclass(frozen=True)
class Placed:
    """A layout: upper edges of boxes in pixels, by id, for each column, and the height."""

    left: dict[str, int] = field(default_factory=dict)
    middle: dict[str, int] = field(default_factory=dict)
    right: dict[str, int] = field(default_factory=dict)
    height: int = 0


def _sound(nodes: Sequence[Node], edges: Sequence[Edge]) -> Lineage:
    """Drop edges that point nowhere or at themselves; a release becomes a mark on its model."""
    by_id = {node.id: node for node in nodes}
    kept = [e for e in edges if e.child in by_id and e.parent in by_id and e.child != e.parent]
    marks = {
        edge.child: edge.parent
        for edge in kept
        if by_id[edge.child].kind == "release" and by_id[edge.parent].kind == "model"
    }
    released = frozenset(marks.values())
    by_id = {key: node for key, node in by_id.items() if key not in marks}
    kept = [e for e in kept if e.child in by_id and e.parent in by_id]
    return Lineage(by_id, tuple(dict.fromkeys(kept)), released)


def _fold(lineage: Lineage, groups: Mapping[str, tuple[str, Sequence[str]]]) -> Lineage:
    """Put one box in the place of several: `groups` maps its id to (title, folded ids)."""
    into = {member: key for key, (_, members) in groups.items() for member in members}
    nodes: dict[str, Node] = {}
    for key, node in lineage.nodes.items():
        target = into.get(key)
        if target is None:
            nodes[key] = node
        else:
            nodes.setdefault(target, Node(id=target, kind="model", title=groups[target][0]))
    edges = []
    for edge in lineage.edges:
        child, parent = into.get(edge.child, edge.child), into.get(edge.parent, edge.parent)
        # A folded box keeps its bases only: its datasets and predecessors would be a tangle.
        if parent in groups or (child in groups and nodes[parent].kind != "base"):
            continue
        edges.append(Edge(child=child, parent=parent, relation=edge.relation))
    return Lineage(
        nodes, tuple(dict.fromkeys(edges)), lineage.released, lineage.folded | set(groups)
    )


def _without_idle_datasets(lineage: Lineage) -> Lineage:
    used = {edge.parent for edge in lineage.edges if lineage.nodes[edge.child].kind == "model"}
    nodes = {k: n for k, n in lineage.nodes.items() if n.kind != "dataset" or k in used}
    edges = tuple(e for e in lineage.edges if e.child in nodes and e.parent in nodes)
    return Lineage(nodes, edges, lineage.released, lineage.folded)


def collapse(nodes: Sequence[Node], edges: Sequence[Edge]) -> Lineage:
    """Return the lineage to draw.

    Unreleased models of one base share a box where there are several; so does the middle of a
    line of more than `MOST_MODELS` models.
    """
    lineage = _sound(nodes, edges)
    models = [key for key, node in lineage.nodes.items() if node.kind == "model"]
    if lineage.released:
        by_base: dict[tuple[str, ...], list[str]] = {}
        for key in models:
            if key not in lineage.released:
                by_base.setdefault(tuple(lineage.parents(key, ["base"])), []).append(key)
        groups = {
            f"folded:{number}": (f"{len(members)} candidates not released", members)
            for number, members in enumerate(by_base.values())
            if len(members) > 1
        }
        lineage = _fold(lineage, groups)
    models = [key for key, node in lineage.nodes.items() if node.kind == "model"]
    if len(models) > MOST_MODELS:
        middle = models[5 : 5 + len(models) - MOST_MODELS + 1]
        lineage = _fold(lineage, {"folded:more": (f"{len(middle)} more models", middle)})
    return _without_idle_datasets(lineage)


def _blocks(lineage: Lineage) -> list[list[str]]:
    """Return the left column in blocks: a base under its ancestors, the oldest on top."""
    placed: set[str] = set()
    blocks: list[list[str]] = []

    def climb(key: str, block: list[str]) -> None:
        if key in placed:
            return
        placed.add(key)
        for parent in lineage.parents(key, ["base", "ancestor"]):
            climb(parent, block)
        block.append(key)

    for kind in ("base", "ancestor"):
        for key, node in lineage.nodes.items():
            if node.kind == kind and key not in placed:
                blocks.append([])
                climb(key, blocks[-1])
    return blocks


def place(lineage: Lineage) -> Placed:
    """Return where every box stands."""
    models = [k for k, n in lineage.nodes.items() if n.kind in ("model", "release")]
    middle = {key: number * ROW for number, key in enumerate(models)}
    right: dict[str, int] = {}
    floor = 0
    for key in models:
        for data in lineage.parents(key, ["dataset"]):
            if data not in right:
                right[data] = max(middle[key], floor)
                floor = right[data] + ROW
    left: dict[str, int] = {}
    floor = 0
    for block in _blocks(lineage):
        rows = [middle[m] for m in models for p in lineage.parents(m, ["base"]) if p == block[-1]]
        tall = (len(block) - 1) * (BOX + COLUMN_GAP)
        top = max(floor, (min(rows) if rows else floor) - tall)
        for number, key in enumerate(block):
            left[key] = top + number * (BOX + COLUMN_GAP)
        floor = left[block[-1]] + BOX + COLUMN_GAP + 10
    every = [*left.values(), *middle.values(), *right.values()]
    return Placed(left, middle, right, (max(every) + BOX) if every else 0)

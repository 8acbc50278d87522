"""Lineage: what was made from what. A graph without cycles."""

from collections import deque
from collections.abc import Iterable, Sequence
from graphlib import CycleError, TopologicalSorter

import msgspec
from sqlalchemy import CTE, Column, func, literal, select

from twoloops.records.base import BaseCard
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.records.observation import Observation
from twoloops.store.database import Database, chunks
from twoloops.store.rows import Edge, Node
from twoloops.store.schema import lineage_edges, lineage_nodes, observations

_seen = msgspec.json.Decoder(Observation)


class Lineage:
    """Laws: a is an ancestor of b if and only if b is a descendant of a; nothing is its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def node(self, digest: Digest, kind: str, title: str) -> None:
        """Add a node; one that is there stays as it is."""
        self._database.insert_absent(
            lineage_nodes, [{"digest": digest, "kind": kind, "title": title}]
        )

    def edge(self, child: Digest, parent: Digest, relation: str) -> None:
        """Say that `child` was made from `parent`; both nodes come first.

        Raises:
            UserError: If a node is missing, or something would become its own ancestor.
        """
        with self._database.transaction():
            for digest in (child, parent):
                if self.find(digest) is None:
                    raise UserError(f"lineage: no node {digest}; add it before its edges")
            if child == parent or child in self._reach(parent, upwards=True):
                raise UserError(
                    f"lineage: {child} cannot be made from {parent}, which was made from it"
                )
            self._database.insert_absent(
                lineage_edges, [{"child": child, "parent": parent, "relation": relation}]
            )

    def base(self, digest: Digest, card: BaseCard) -> None:
        """Add a base with the ancestors that its card states.

        Raises:
            UserError: The card states a past that contradicts what is here.
        """
        with self._database.transaction():
            for ancestor in reversed(card.lineage):
                self.node(f"ancestor:{ancestor.name}", "ancestor", ancestor.name)
            self.node(digest, "base", card.name)
            child = digest
            for ancestor in card.lineage:
                self.edge(child, f"ancestor:{ancestor.name}", ancestor.relation)
                if not card.parts:  # a chain; the ancestors of several parts all stand beside it
                    child = f"ancestor:{ancestor.name}"

    def find(self, digest: Digest) -> Node | None:
        """Return a node, or `None`."""
        found = self._nodes([digest])
        return found[0] if found else None

    def nodes(self) -> list[Node]:
        """Return every node, by kind and title."""
        with self._database.reading() as connection:
            return sorted(
                Node(row.kind, row.title, row.digest)
                for row in connection.execute(select(lineage_nodes))
            )

    def edges(self) -> list[Edge]:
        """Return every edge."""
        with self._database.reading() as connection:
            return sorted(
                Edge(row.child, row.parent, row.relation)
                for row in connection.execute(select(lineage_edges))
            )

    def add_many(self, nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
        """Add nodes and edges together: all of them, or none.

        Cycles are looked for once, and not an edge at a time.

        Raises:
            UserError: If a node is missing, or something would become its own ancestor.
        """
        with self._database.transaction():
            self._database.insert_absent(
                lineage_nodes,
                [{"digest": one.digest, "kind": one.kind, "title": one.title} for one in nodes],
            )
            ends = {end for edge in edges for end in (edge.child, edge.parent)}
            missing = ends - {one.digest for one in self._nodes(sorted(ends))}
            if missing:
                raise UserError(f"lineage: no node {min(missing)}; add it before its edges")
            _without_cycle((*self.edges(), *edges))
            self._database.insert_absent(
                lineage_edges,
                [
                    {"child": one.child, "parent": one.parent, "relation": one.relation}
                    for one in dict.fromkeys(edges)
                ],
            )

    def ancestors(self, digest: Digest, depth: int | None = None) -> list[Node]:
        """Return everything it was made from, by kind and title; up to `depth` steps away."""
        return self._around(digest, depth, upwards=True)

    def descendants(self, digest: Digest, depth: int | None = None) -> list[Node]:
        """Return everything made from it, by kind and title; up to `depth` steps away."""
        return self._around(digest, depth, upwards=False)

    def runs(self) -> list[tuple[str, Digest]]:
        """Return which model each edge decided with last, for each of its tasks."""
        latest = (
            select(
                observations.c.edge,
                observations.c.task,
                func.max(observations.c.observed_at).label("at"),
            )
            .group_by(observations.c.edge, observations.c.task)
            .subquery()
        )
        query = select(observations.c.edge, observations.c.body).join(
            latest,
            (observations.c.edge == latest.c.edge)
            & (observations.c.task == latest.c.task)
            & (observations.c.observed_at == latest.c.at),
        )
        with self._database.reading() as connection:
            found = [(row.edge, _seen.decode(row.body)) for row in connection.execute(query)]
        return sorted(
            {(edge, one.decision.model) for edge, one in found if one.decision is not None}
        )

    def lines(self, digest: Digest, *, upwards: bool) -> list[Edge]:
        """Return the edges on every path from it to its ancestors, or its descendants."""
        here, _ = _columns(upwards=upwards)
        reached = _reached(digest, upwards=upwards)
        whole = select(reached.c.digest).union(select(literal(digest)))
        query = select(lineage_edges).where(here.in_(whole))
        with self._database.reading() as connection:
            return sorted(
                Edge(row.child, row.parent, row.relation) for row in connection.execute(query)
            )

    def path(self, descendant: Digest, ancestor: Digest) -> list[Edge]:
        """Return a shortest path from a thing up to an ancestor; empty where there is none."""
        above: dict[Digest, list[Edge]] = {}
        for edge in self.lines(descendant, upwards=True):
            above.setdefault(edge.child, []).append(edge)
        came: dict[Digest, Edge] = {}
        waiting = deque([descendant])
        while waiting and ancestor not in came:
            for edge in above.get(waiting.popleft(), ()):
                if edge.parent not in came:
                    came[edge.parent] = edge
                    waiting.append(edge.parent)
        path: list[Edge] = []
        while ancestor in came:
            path.append(came[ancestor])
            ancestor = came[ancestor].child
        return path[::-1]

    def _around(self, digest: Digest, depth: int | None, *, upwards: bool) -> list[Node]:
        if depth is not None:
            return self._nodes(self._near(digest, depth, upwards=upwards))
        reached = _reached(digest, upwards=upwards)
        query = select(lineage_nodes).join(reached, lineage_nodes.c.digest == reached.c.digest)
        with self._database.reading() as connection:
            return sorted(
                Node(row.kind, row.title, row.digest) for row in connection.execute(query)
            )

    def _near(self, digest: Digest, depth: int, *, upwards: bool) -> list[Digest]:
        """Return what is at most `depth` steps away: one query a step, each thing once."""
        here, there = _columns(upwards=upwards)
        found: set[Digest] = set()
        front = {digest}
        with self._database.reading() as connection:
            for _ in range(depth):
                step = {
                    one
                    for chunk in chunks(sorted(front))
                    for one in connection.scalars(select(there).where(here.in_(chunk)))
                }
                front = step - found
                if not front:
                    break
                found |= front
        return sorted(found)

    def _reach(self, digest: Digest, *, upwards: bool) -> list[Digest]:
        with self._database.reading() as connection:
            return list(connection.scalars(select(_reached(digest, upwards=upwards).c.digest)))

    def _nodes(self, digests: Iterable[Digest]) -> list[Node]:
        found: list[Node] = []
        for chunk in chunks(digests):
            query = select(lineage_nodes).where(lineage_nodes.c.digest.in_(chunk))
            with self._database.reading() as connection:
                found += [
                    Node(row.kind, row.title, row.digest) for row in connection.execute(query)
                ]
        return sorted(found)


def _columns(*, upwards: bool) -> tuple[Column[str], Column[str]]:
    """Return the column of an edge one stands at, and the one it leads to."""
    here, there = lineage_edges.c.child, lineage_edges.c.parent
    return (here, there) if upwards else (there, here)


def _reached(digest: Digest, *, upwards: bool) -> CTE:
    here, there = _columns(upwards=upwards)
    reached = select(there.label("digest")).where(here == digest).cte(recursive=True)
    # UNION, not UNION ALL: a node reached by many paths is followed once.
    return reached.union(select(there).join(reached, here == reached.c.digest))


def _without_cycle(edges: Iterable[Edge]) -> None:
    """Raise `UserError` where edges lead back to where they began."""
    above: dict[Digest, set[Digest]] = {}
    for edge in edges:
        above.setdefault(edge.child, set()).add(edge.parent)
    try:
        TopologicalSorter(above).prepare()
    except CycleError as error:
        parent, child = error.args[1][:2]
        raise UserError(
            f"lineage: {child} cannot be made from {parent}, which was made from it"
        ) from error

"""Lineage: what was made from what. A graph without cycles."""

from sqlalchemy import Column, select

from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.store.database import Database, chunks
from twoloops.store.rows import Edge, Node
from twoloops.store.schema import lineage_edges, lineage_nodes


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

    def ancestors(self, digest: Digest) -> list[Node]:
        """Return everything it was made from, at any distance, by kind and title."""
        return self._nodes(self._reach(digest, upwards=True))

    def descendants(self, digest: Digest) -> list[Node]:
        """Return everything made from it, at any distance, by kind and title."""
        return self._nodes(self._reach(digest, upwards=False))

    def _reach(self, digest: Digest, *, upwards: bool) -> list[Digest]:
        here: Column[str] = lineage_edges.c.child if upwards else lineage_edges.c.parent
        there: Column[str] = lineage_edges.c.parent if upwards else lineage_edges.c.child
        reached = select(there.label("digest")).where(here == digest).cte(recursive=True)
        # UNION, not UNION ALL: a node reached by many paths is followed once.
        reached = reached.union(select(there).join(reached, here == reached.c.digest))
        with self._database.reading() as connection:
            return list(connection.scalars(select(reached.c.digest)))

    def _nodes(self, digests: list[Digest]) -> list[Node]:
        found: list[Node] = []
        for chunk in chunks(digests):
            query = select(lineage_nodes).where(lineage_nodes.c.digest.in_(chunk))
            with self._database.reading() as connection:
                found += [
                    Node(row.kind, row.title, row.digest) for row in connection.execute(query)
                ]
        return sorted(found)

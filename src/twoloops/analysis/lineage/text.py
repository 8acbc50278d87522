"""A lineage as text: a tree of what a thing rests on, or of what was made from it."""

from collections.abc import Iterator

from twoloops.digital.obligations import Graph, Thing
from twoloops.records.digests import Digest, short
from twoloops.store.rows import Edge


def tree(graph: Graph, subject: Digest, *, upwards: bool) -> Iterator[str]:
    """Yield the lines of a tree below a thing; what came before is not gone into again.

    Args:
        graph: Without cycles.
        subject: Where the tree begins; it is not printed itself.
        upwards: Towards what it rests on, or towards what was made from it.
    """
    things = {one.id: one for one in graph.things}
    steps: dict[Digest, list[Edge]] = {}
    for edge in graph.edges:
        steps.setdefault(edge.child if upwards else edge.parent, []).append(edge)
    shown: set[Digest] = set()

    # A stack and no recursion: a long line of generations is deeper than Python's own stack.
    def below(id_: Digest, indent: str) -> list[tuple[Edge, Thing, str, bool]]:
        there = sorted(
            ((edge, things[edge.parent if upwards else edge.child]) for edge in steps.get(id_, ())),
            key=lambda pair: (pair[1].kind, pair[1].title, pair[1].id, pair[0].relation),
        )
        last = len(there) - 1
        return [
            (edge, thing, indent, at == last) for at, (edge, thing) in reversed([*enumerate(there)])
        ]

    waiting = below(subject, "")
    while waiting:
        edge, thing, indent, last = waiting.pop()
        again = thing.id in shown and bool(steps.get(thing.id))
        shown.add(thing.id)
        branch = "└─ " if last else "├─ "
        words = f"{edge.relation} " if upwards else ""
        yield f"{indent}{branch}{words}{described(thing)}{' (see above)' if again else ''}"
        if not again:
            waiting += below(thing.id, indent + ("   " if last else "│  "))


def described(thing: Thing) -> str:
    """Return a thing in a few words: title, kind, what names it, its licence.

    >>> described(Thing("sha256:" + "ab" * 32, "dataset", "orders of turn 2"))
    'orders of turn 2 [dataset abababababab]'
    """
    digest = f" {short(thing.id)}" if thing.id.startswith("sha256:") else ""
    licence = f", {thing.own.licence}" if thing.own.licence else ""
    return f"{thing.title} [{thing.kind}{digest}{licence}]"

"""The lineage of a workspace: what the catalog keeps, with the terms that cards state."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import partial

import msgspec
from msgspec.structs import replace

from twoloops.convergence.turns.terms import CONFIRMED, brought_by, taught, words_of
from twoloops.digital.obligations import TEACHER, Graph, Own, Thing, flow
from twoloops.records.base import BaseCard
from twoloops.records.digests import Digest, short
from twoloops.records.errors import UserError
from twoloops.records.finding import Purpose
from twoloops.records.obligations import Carried, Confirmation
from twoloops.records.task import Task
from twoloops.records.teacher import PREFIX
from twoloops.store.rows import Edge
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import workbench

UNKNOWN = "unknown"
FEWEST = 4
"""Digits of a digest that name a thing."""


def graph_of(store: Store) -> Graph:
    """Return everything of a workspace with what it was made from, and what each brings.

    To what the catalog keeps are added: teachers by the labels they gave, recipes, releases with
    their evidence, edges by what they last decided with.
    """
    cards = _cards(store)
    licences = _licences(cards.values())
    bring = partial(_own, cards=cards, licences=licences, confirmed=words_of(store), store=store)
    things = [
        Thing(node.digest, node.kind, node.title, bring(node.digest, node.kind, node.title))
        for node in store.lineage.nodes()
    ]
    graph = Graph(tuple(things), tuple(store.lineage.edges()))
    for task in store.tasks.all():
        for more in (_made, taught, _released):
            found, edges = more(store, task)
            own = [replace(one, own=bring(one.id, one.kind, one.title)) for one in found]
            graph = _sound(graph.joined(own, edges))
    running = [(f"edge:{edge}", edge, model) for edge, model in store.lineage.runs()]
    graph = graph.joined(
        [Thing(id_, "edge", f"edge {name}") for id_, name, _ in running],
        [Edge(id_, model, "runs") for id_, _, model in running],
    )
    return _sound(graph)


def obligations_of(
    store: Store, digest: Digest, purpose: Purpose, today: date
) -> tuple[Carried, ...]:
    """Return what a thing of a workspace carries for a purpose, the heaviest first.

    Raises:
        UserError: The lineage has no such thing.
    """
    return flow(graph_of(store), digest, purpose, today)


def confirm(store: Store, thing: Thing, word: Confirmation, at: datetime) -> None:
    """Keep a person's word on the terms of one thing; the journal says who and when.

    Raises:
        UserError: Nobody, or nothing, is said, or the thing has no terms of its own.
    """
    own = thing.own
    if not (own.licence or own.teacher or own.declared):
        raise UserError(
            f"{thing.title} has no terms of its own: name the base, the ancestor or the teacher at "
            "the end of the obligation's path"
        )
    if not word.by.strip() or not word.says.strip():
        raise UserError(
            "a word on record needs who says it (--by NAME) and what was found: got "
            f"{word.by!r} and {word.says!r}"
        )
    store.journal.append(
        CONFIRMED,
        task="",
        turn=-1,
        key=f"{CONFIRMED}/{thing.id}/{word.on}/{word.by}/{','.join(word.purposes)}/{word.says}",
        at=at,
        body={
            "about": thing.id,
            "title": thing.title,
            "word": msgspec.json.encode(word, order="deterministic").decode(),
        },
    )


def find(graph: Graph, words: str, deployed: Digest | None) -> Thing:
    """Return the thing that words name.

    Args:
        graph: The workspace's.
        words: `deployed`, a title, the name of an ancestor or a teacher, or the first digits of
            a digest.
        deployed: The deployed model.

    Raises:
        UserError: They name nothing, or several things.
    """
    if words == "deployed":
        if deployed is None:
            raise UserError("no model is released yet: name a base, a dataset or a digest")
        return graph.thing(deployed)
    wanted = words.strip().casefold()
    digits = wanted.removeprefix("sha256:")
    exact = [
        one
        for one in graph.things
        if wanted in (one.id.casefold(), _name(one), f"{one.kind}:{_name(one)}")
    ]
    found = exact or [
        one
        for one in graph.things
        if len(digits) >= FEWEST
        and one.id.startswith("sha256:")
        and short(one.id).startswith(digits[:12])
        and one.id[7:].startswith(digits)
    ]
    if len(found) == 1:
        return found[0]
    if not found and len(wanted) >= FEWEST:
        found = [one for one in graph.things if wanted in _name(one)]
        if len(found) == 1:
            return found[0]
    what = "names several things" if found else "names nothing in the lineage"
    shown = found or [one for one in graph.things if one.kind in ("base", "ancestor", TEACHER)]
    known = (
        "; ".join(f"{one.title} ({one.kind}, {named(one)})" for one in shown[:6]) or "nothing yet"
    )
    raise UserError(
        f"{words!r} {what}: give  deployed , a name, or four or more digits of a digest; "
        f"{'it may be one of' if found else 'known are'} {known}"
    )


def named(thing: Thing) -> str:
    """Return what names a thing in a command: the first digits of its digest, or its id."""
    return short(thing.id) if thing.id.startswith("sha256:") else thing.id


def _name(thing: Thing) -> str:
    return thing.title.removeprefix(PREFIX).casefold()


def _sound(graph: Graph) -> Graph:
    """Leave out edges to what was never kept, such as a model whose workspace is elsewhere."""
    there = {one.id for one in graph.things}
    return Graph(
        graph.things,
        tuple(one for one in graph.edges if one.child in there and one.parent in there),
    )


def _own(
    id_: Digest,
    kind: str,
    title: str,
    *,
    cards: dict[Digest, BaseCard],
    licences: dict[str, str],
    confirmed: dict[Digest, tuple[Confirmation, ...]],
    store: Store,
) -> Own:
    words = confirmed.get(id_, ())
    if kind == "base":
        # Terms are those of a revision: the card of another one does not answer for it.
        licence = cards[id_].licence if id_ in cards else UNKNOWN
        return Own(licence or UNKNOWN, confirmed=words)
    if kind == "ancestor":
        return Own(licences.get(title, UNKNOWN), confirmed=words)
    if kind == TEACHER:
        return brought_by(store, title.removeprefix(PREFIX), words)
    return Own(confirmed=words)


def _cards(store: Store) -> dict[Digest, BaseCard]:
    """Return the cards of the bases in the lineage that can be had, by digest."""
    wanted = {node.title for node in store.lineage.nodes() if node.kind == "base"}
    found: dict[Digest, BaseCard] = {one.digest: one.card for one in store.bases.all()}
    for task in store.tasks.all():
        bench = workbench(task, store)
        first = bench.first(task)
        found[first.digest] = first.card
        for name in sorted((wanted & set(bench.offers)) - {one.name for one in store.bases.all()}):
            base = bench.load(name)
            if not isinstance(base, str):
                found[base.digest] = base.card
    return found


def _licences(cards: Iterable[BaseCard]) -> dict[str, str]:
    """Return the licences of ancestors by name; where cards differ, both hold."""
    stated: dict[str, dict[str, None]] = {}
    for card in cards:
        for one in card.lineage:
            stated.setdefault(one.name, {})[one.licence or UNKNOWN] = None
    return {name: " AND ".join(said) for name, said in stated.items()}


Found = tuple[list[Thing], list[Edge]]


def _made(store: Store, task: Task) -> Found:
    """Return the recipes of a task's models; what a card says holds where the catalog is silent."""
    things, edges = [], []
    for model in store.models.of_task(task.name):
        recipe = f"recipe:{model.card.recipe}"
        things.append(Thing(recipe, "recipe", f"recipe {model.card.recipe}"))
        edges.append(Edge(model.digest, recipe, "made by"))
    return things, edges


def _released(store: Store, task: Task) -> Found:
    """Return a task's releases, each resting on its model and on what the gate said."""
    things, edges = [], []
    for one in store.releases.all(task.name):
        place = f"{task.name}/{one.turn}/{short(one.model)}"
        verdict = one.verdict
        things += [
            Thing(f"release:{place}", "release", f"{task.name} release of turn {one.turn}"),
            Thing(
                f"evidence:{place}",
                "evidence",
                f"gate of turn {one.turn}: {verdict.claim}, {verdict.labels:,} labels",
            ),
        ]
        edges += [
            Edge(f"release:{place}", one.model, "releases"),
            Edge(f"release:{place}", f"evidence:{place}", "approved on"),
        ]
    return things, edges


def around(graph: Graph, thing: Thing, *, up: bool, down: bool, depth: int | None = None) -> Graph:
    """Return the part of a graph around a thing: what it rests on, what was made from it."""
    edges: set[Edge] = set()
    for upwards in (one for one, asked in ((True, up), (False, down)) if asked):
        edges |= set(_near(graph, thing.id, depth, upwards=upwards))
    kept = {thing.id, *(end for edge in edges for end in (edge.child, edge.parent))}
    return Graph(
        tuple(one for one in graph.things if one.id in kept),
        tuple(one for one in graph.edges if one in edges),
    )


def _near(graph: Graph, start: Digest, depth: int | None, *, upwards: bool) -> Iterator[Edge]:
    steps: dict[Digest, list[Edge]] = {}
    for edge in graph.edges:
        steps.setdefault(edge.child if upwards else edge.parent, []).append(edge)
    seen, front, far = {start}, [start], 0
    while front and (depth is None or far < depth):
        following = []
        for id_ in front:
            for edge in steps.get(id_, ()):
                yield edge
                other = edge.parent if upwards else edge.child
                if other not in seen:
                    seen.add(other)
                    following.append(other)
        front, far = following, far + 1

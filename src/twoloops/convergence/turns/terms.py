"""Whether what a teacher said may train: its terms, its licence, and what people found of them.

Asked when a teacher is attached, before each call, and again before anything learns from its
labels. Nothing here is legal advice: it says what dated tables know, and who said what when.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

import msgspec
from msgspec.structs import replace

from twoloops.atlas.contracts import licences
from twoloops.convergence.turns.keeping import teachers as models_that_teach
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import TurnState, Waiting
from twoloops.digital.obligations import TEACHER, Graph, Own, Thing, blocking, flow
from twoloops.digital.vetting.licensing import find_licence
from twoloops.physical.labelling.teaching.left_out import LEFT_OUT, key_of, left_out
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.records.finding import Purpose
from twoloops.records.obligations import Carried, Confirmation
from twoloops.records.task import Task
from twoloops.records.teacher import PREFIX, Teacher
from twoloops.store.rows import Edge
from twoloops.store.workspace import Store

CONFIRMED = "terms confirmed"
"""Kind of the journal's fact that keeps a person's word."""
ASKS = ("no-train-on-outputs", "unknown", "research-only", "non-commercial", "threshold")
"""Kinds of obligations that stop learning from outputs, where a person has to settle them."""


class Standing(msgspec.Struct, frozen=True):
    """How it stands with a teacher's terms for a purpose.

    Args:
        purpose: For what.
        blocked: What stands in the way.
        others: What is carried, or needs a fresh reading, and stops nothing.
    """

    purpose: Purpose
    blocked: tuple[Carried, ...]
    others: tuple[Carried, ...]

    @property
    def is_forbidden(self) -> bool:
        """Whether something stands against it that nobody's word can settle."""
        return any(one.obligation.weight(self.purpose) == "against" for one in self.blocked)


def words_of(store: Store) -> dict[Digest, tuple[Confirmation, ...]]:
    """Return what people said of terms, by the thing they spoke of."""
    found: dict[Digest, tuple[Confirmation, ...]] = {}
    for fact in store.journal.facts(kind=CONFIRMED):
        word = msgspec.json.decode(fact.body["word"], type=Confirmation)
        found[fact.body["about"]] = (*found.get(fact.body["about"], ()), word)
    return found


def brought_by(store: Store, name: str, confirmed: Sequence[Confirmation] = ()) -> Own:
    """Return what a teacher brings: the terms it was attached with; else those its name tells."""
    stored = store.teachers.find(name)
    return own_of(name if stored is None else stored.teacher, confirmed)


def own_of(teacher: Teacher | str, confirmed: Sequence[Confirmation] = ()) -> Own:
    """Return what a teacher brings.

    A licence that the table does not know is as unknown as terms that it does not know.
    """
    if isinstance(teacher, str):
        return Own(teacher=teacher, confirmed=tuple(confirmed))
    licence, terms = teacher.licence, teacher.terms
    if licence and find_licence(licence, licences()) is None:
        licence, terms = "", terms or f"{teacher.name} (licence {teacher.licence})"
    if not licence and not terms:
        terms = teacher.name
    return Own(licence=licence, teacher=terms, confirmed=tuple(confirmed))


def thing_of(store: Store, name: str) -> Thing:
    """Return a teacher as a thing of the lineage, attached or known by its labels only."""
    id_ = PREFIX + name
    return Thing(id_, TEACHER, id_, brought_by(store, name, words_of(store).get(id_, ())))


def standing(thing: Thing, purpose: Purpose, today: date) -> Standing:
    """Return how it stands with a teacher's terms for a model that would learn from its labels."""
    dataset = Thing("planned dataset", "dataset", "a dataset it labelled")
    graph = Graph((dataset, thing), (Edge(dataset.id, thing.id, "labelled by"),))
    carried = flow(graph, dataset.id, purpose, today)
    blocked = blocking(carried, purpose)
    return Standing(purpose, blocked, tuple(one for one in carried if one not in blocked))


def refuse(name: str, found: Standing) -> None:
    """Refuse to ask a teacher whose terms stand in the way.

    Raises:
        UserError: They do; the reason, and what to do.
    """
    if found.blocked:
        raise UserError("; ".join([*map(said, found.blocked), ways_out(name, found)]))


def said(one: Carried) -> str:
    """Return an obligation as a clause."""
    own = one.obligation
    return f"{own.text} ({own.source})"


def ways_out(name: str, found: Standing) -> str:
    """Say what a person may do."""
    if found.is_forbidden:
        return f"nobody's word settles that: teacher {name!r} is not asked for {found.purpose!r}"
    return (
        "who has found that it is allowed says so with  twoloops teacher confirm "
        f"{name} --by WHO --says WHAT --for {found.purpose}"
    )


def taught(store: Store, task: Task) -> tuple[list[Thing], list[Edge]]:
    """Return the teachers of a task's datasets.

    A dataset was labelled by a teacher where an item has the label that the teacher gave its
    input, whoever else gave the same. Once a teacher's labels are left out, only what the lineage
    kept then is held against what was made before.
    """
    gone = left_out(store)
    labels = [one for one in store.labels.of_task(task.name) if one.labeller.startswith(PREFIX)]
    labels = [one for one in labels if one.labeller.removeprefix(PREFIX) not in gone]
    if not labels:
        return [], []
    seen = store.observations.find({one.observation for one in labels})
    pairs: dict[str, set[tuple[Digest, str]]] = {}
    for one in labels:
        if one.observation in seen:
            pair = (seen[one.observation].input, one.label)
            pairs.setdefault(one.labeller, set()).add(pair)
    edges = []
    for _, digest in store.datasets.of_task(task.name):
        items = {(item.input, item.label) for item in store.datasets.get(digest).items}
        edges += [Edge(digest, name, "labelled by") for name, own in pairs.items() if items & own]
    return [Thing(name, TEACHER, name) for name in pairs], edges


def leave_out(store: Store, name: str, at: datetime) -> int:
    """Learn no more from a teacher's labels; returns how many it has given.

    What was made with them keeps its obligations: the lineage is written down first.
    """
    labeller = PREFIX + name
    with store.transaction():
        count = 0
        for task in store.tasks.all():
            count += sum(one.labeller == labeller for one in store.labels.of_task(task.name))
            for edge in taught(store, task)[1]:
                if edge.parent == labeller and store.models.made_from([edge.child]):
                    store.lineage.node(labeller, TEACHER, labeller)
                    store.lineage.edge(edge.child, labeller, edge.relation)
        store.journal.append(
            LEFT_OUT,
            task="",
            turn=-1,
            key=key_of(name),
            at=at,
            body={"teacher": name},
        )
    return count


def wait_for_terms(loop: Loop, turn: TurnState) -> Waiting | None:
    """Return what has to be settled before a turn's models learn; `None`: nothing stands against.

    Looked at are the turn's dataset, its bases, and, where a student is distilled on, its teacher
    and what that learned from, through all generations that the lineage keeps.
    """
    assert turn.dataset is not None
    graph = _graph(loop, taught(loop.store, loop.task))
    parents = [turn.dataset, *_also(loop, turn)]
    there = {one.id for one in graph.things}
    student = Thing("planned", "model", f"{loop.task.name} turn {turn.number}")
    edges = [Edge(student.id, one, _relation(graph, one)) for one in parents if one in there]
    graph = graph.joined([student], edges)
    carried = flow(graph, student.id, "internal", loop.clock().date())
    blocked = [
        one for one in blocking(carried, "internal") if one.obligation.kind in ASKS and _of(one)
    ]
    if not blocked:
        return None
    # Only what comes through a teacher is asked here: the rest is vetting's and publishing's.
    lines = [f"{said(one)}; path: {' → '.join(one.path)}" for one in blocked]
    names = list(dict.fromkeys(_of(one) for one in blocked))
    ways = [
        f"confirm it with  twoloops teacher confirm {name} --by WHO --says WHAT , or leave its "
        f"labels out with  twoloops teacher drop {name} --without-labels"
        for name in names
    ]
    return Waiting(
        "a person's word on what a teacher's terms say of learning from its labels: "
        + "; ".join(lines + ways)
    )


def _of(one: Carried) -> str:
    """Return the teacher an obligation comes from, or nothing."""
    found = [step for step in one.path if step.startswith(PREFIX)]
    return found[-1].removeprefix(PREFIX) if found else ""


def _graph(loop: Loop, found: tuple[Iterable[Thing], Iterable[Edge]]) -> Graph:
    store = loop.store
    words = words_of(store)
    things = [Thing(node.digest, node.kind, node.title) for node in store.lineage.nodes()]
    graph = Graph(tuple(things), tuple(store.lineage.edges())).joined(found[0], found[1])

    def bring(one: Thing) -> Thing:
        if one.kind != TEACHER:
            return one
        name = one.title.removeprefix(PREFIX)
        own = brought_by(store, name, words.get(one.id, ()))
        # Teachers of adopted models have no prefix of their own.
        return replace(one, title=PREFIX + name, own=own)

    there = {one.id for one in graph.things}
    return Graph(
        tuple(bring(one) for one in graph.things),
        tuple(one for one in graph.edges if one.child in there and one.parent in there),
    )


def _also(loop: Loop, turn: TurnState) -> list[Digest]:
    """Return what else the turn's models rest on: bases, and what distils them."""
    assert turn.dataset is not None
    found = []
    for name in turn.bases:
        found.append(loop.base(name).digest)
        if (recipe := loop.recipe_on(name)) is not None:
            base = loop.base(recipe.teacher)
            found += [base.digest, recipe.unlabelled]
            found += models_that_teach(loop, base, turn.dataset)
    return found


def _relation(graph: Graph, id_: Digest) -> str:
    kind = graph.thing(id_).kind
    if kind == "dataset":
        return "learned from"
    return "distilled from" if kind == "model" else "specialised from"

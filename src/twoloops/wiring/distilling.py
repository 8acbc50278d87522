"""Distil in a workspace: what the teacher's lineage brings is asked before anything is fitted."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from twoloops.convergence.trials.distilling import UNLABELLED, Distilled, distil_task
from twoloops.convergence.turns.keeping import teachers
from twoloops.convergence.turns.loop import Loop
from twoloops.digital.base import Base
from twoloops.digital.obligations import Graph, Own, Thing, blocking, flow, student_of
from twoloops.records.digests import Digest
from twoloops.store.rows import Edge
from twoloops.store.workspace import Store
from twoloops.wiring.lineage import graph_of, obligations_of
from twoloops.wiring.workspace import OnWait, loop, now, writing


def distil_tasks(
    folder: Path,
    name: str | None,
    *,
    student: str | None = None,
    teacher: str | None = None,
    count: int = UNLABELLED,
    dry_run: bool = False,
    wait: float = 10.0,
    on_wait: OnWait | None = None,
    on_task: Callable[[str], None] = lambda _: None,
) -> tuple[Distilled, ...]:
    """Distil on one task of a workspace, or on all; what was released before a kill stays so.

    Args:
        folder: The workspace.
        name: Which task; all where none is named.
        student: Its base; `convergence.trials.distilling` says what is taken without one.
        teacher: Its base, likewise.
        count: Most unlabelled observations to learn from.
        dry_run: Whether to keep nothing.
        wait: Seconds to wait for another writer.
        on_wait: Told once who that is.
        on_task: Told each task before it is tried.

    Raises:
        UserError: There is no workspace or no such task.
    """
    today = now().date()
    out = []
    with writing(folder, wait=wait, on_wait=on_wait) as store:

        def against(model: Digest) -> list[str]:
            carried = obligations_of(store, model, "internal", today)
            return [str(one) for one in blocking(carried, "internal")]

        for task in store.tasks.all() if name is None else [store.tasks.get(name)]:
            on_task(task.name)
            two = loop(store, task)
            planned = _planned(store, two, today)
            out.append(
                distil_task(two, student, teacher, planned, against, count=count, dry_run=dry_run)
            )
    return tuple(out)


def _planned(store: Store, two: Loop, today: date) -> Callable[[Base, Base, Digest], Sequence[str]]:
    """Return a function that says what stands against a student, before it is made."""

    def against(student: Base, teacher: Base, dataset: Digest) -> list[str]:
        graph = with_base(with_base(graph_of(store), student), teacher)
        known = teachers(two, teacher, dataset)
        if not known:  # the teacher is no model yet: it will be one of its base and the dataset
            made = Thing("planned teacher", "model", f"{two.task.name} on {teacher.card.name}")
            edges = [
                Edge(made.id, teacher.digest, "specialised from"),
                Edge(made.id, dataset, "learned from"),
            ]
            graph, known = graph.joined([made], edges), (made.id,)
        title = f"{two.task.name} on {student.card.name} distilled from {teacher.card.name}"
        graph, planned = student_of(graph, known, title)
        graph = graph.joined([], [Edge(planned, student.digest, "specialised from")])
        return [str(one) for one in blocking(flow(graph, planned, "internal", today), "internal")]

    return against


def with_base(graph: Graph, base: Base) -> Graph:
    """Return the graph with a base and its ancestors in it, as its card states them."""
    things = [Thing(base.digest, "base", base.card.name, Own(base.card.licence or "unknown"))]
    edges = []
    child = base.digest
    for one in base.card.lineage:
        id_ = f"ancestor:{one.name}"
        things.append(Thing(id_, "ancestor", one.name, Own(one.licence or "unknown")))
        edges.append(Edge(child, id_, one.relation))
        if not base.card.parts:
            child = id_
    return graph.joined(things, edges)

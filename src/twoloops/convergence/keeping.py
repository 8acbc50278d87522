"""Write the lineage of what a turn makes: bases with their ancestors, students with teachers."""

from collections.abc import Sequence

from twoloops.convergence.loop import DISTILLED, Loop
from twoloops.convergence.recipes import HEAD, Distil
from twoloops.convergence.state import TurnState
from twoloops.digital.base import Base
from twoloops.records.dataset import Dataset
from twoloops.records.digests import Digest
from twoloops.store.lineage import Lineage


def keep_base(graph: Lineage, base: Base) -> None:
    """Keep a base with the ancestors that its card names."""
    for ancestor in reversed(base.card.lineage):
        graph.node(f"ancestor:{ancestor.name}", "ancestor", ancestor.name)
    graph.node(base.digest, "base", base.card.name)
    child = base.digest
    for ancestor in base.card.lineage:
        graph.edge(child, f"ancestor:{ancestor.name}", ancestor.relation)
        if not base.card.parts:  # a chain; the ancestors of several parts all stand beside it
            child = f"ancestor:{ancestor.name}"


def keep_distilled(
    loop: Loop, turn: TurnState, dataset: Dataset, model: Digest, recipe: Distil
) -> None:
    """Keep a student's recipe, and that it was distilled from its teacher over what."""
    loop.store.evidence.put(loop.task.name, DISTILLED + model, turn.number, recipe)
    base = loop.base(recipe.teacher)
    keep_base(loop.store.lineage, base)
    for teacher in teachers(loop, base, dataset.digest) or (base.digest,):
        loop.store.lineage.edge(model, teacher, "distilled from")
    loop.store.lineage.edge(model, recipe.unlabelled, "learned from")


def teachers(loop: Loop, base: Base, dataset: Digest) -> Sequence[Digest]:
    """Return the models kept here that are the teacher itself: its base on the same dataset."""
    return tuple(
        one.digest
        for one in loop.store.models.of_task(loop.task.name)
        if (one.card.base_digest, one.card.dataset) == (base.digest, dataset)
        and one.card.recipe.startswith(HEAD)
    )

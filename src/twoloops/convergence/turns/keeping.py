"""Write the lineage of what a turn makes: bases with their ancestors, students with teachers."""

from collections.abc import Sequence

from twoloops.convergence.recipes.settings import HEAD, Distil
from twoloops.convergence.turns.loop import DISTILLED, Loop
from twoloops.convergence.turns.state import TurnState
from twoloops.digital.base import Base
from twoloops.records.dataset import Dataset
from twoloops.records.digests import Digest


def keep_distilled(
    loop: Loop, turn: TurnState, dataset: Dataset, model: Digest, recipe: Distil
) -> None:
    """Keep a student's recipe, and that it was distilled from its teacher over what."""
    loop.store.evidence.put(loop.task.name, DISTILLED + model, turn.number, recipe)
    base = loop.base(recipe.teacher)
    loop.store.lineage.base(base.digest, base.card)
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

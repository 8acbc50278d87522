"""Distil a task's teacher into a student between its turns: same dataset, same gate, same release.

The unlabelled observations are drawn once and kept as a list under its digest, so that the student
can be made again from the very same ones.
"""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from msgspec.structs import replace

from twoloops.convergence.recipes.settings import Distil
from twoloops.convergence.trials.compare import times
from twoloops.convergence.trials.trial import (
    Outcome,
    Terms,
    Tried,
    attempt,
    deployed_base,
    found_base,
    judged,
    last_turn,
)
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.stages import candidate_of
from twoloops.convergence.turns.state import TurnState
from twoloops.digital.base import Base
from twoloops.records.dataset import Dataset, Item
from twoloops.records.digests import Digest

Planned = Callable[[Base, Base, Digest], Sequence[str]]
"""What stands against a student of a base, by student, teacher and dataset, before it is made."""

UNLABELLED = 1000
"""Unlabelled observations a student learns from, unless somebody says otherwise."""


class Cost(msgspec.Struct, frozen=True):
    """What a deployed file takes.

    Args:
        ms: Median time of one decision on this machine.
        mb: Size, in 10⁶ bytes.
    """

    ms: float
    mb: float


class Distilled(Tried, frozen=True, kw_only=True):
    """What became of a student on one task; `base` is its own.

    Args:
        teacher: The teacher's base.
        unlabelled: Observations without a label that the student learned from.
        weight: Of the teacher's outputs beside the labels, as cross-validation chose it.
        temperature: That softened them.
        cost: What the student takes, where one was made.
        cost_before: What the deployed model takes.
    """

    teacher: str
    unlabelled: int = 0
    weight: float | None = None
    temperature: float | None = None
    cost: Cost | None = None
    cost_before: Cost | None = None


def distil_task(
    loop: Loop,
    student: str | None,
    teacher: str | None,
    planned: Planned,
    terms: Terms,
    *,
    count: int = UNLABELLED,
    dry_run: bool = False,
) -> Distilled:
    """Distil a teacher into a student on a task, and release it if the gate lets it pass.

    Args:
        loop: The task's.
        student: The student's base; without one the deployed base, or the first one where the
            deployed base is the teacher's.
        teacher: The teacher's base; without one the last that is on offer.
        planned: Asked before anything is fitted.
        terms: Called with the candidate, whose lineage is known by then.
        count: Most unlabelled observations to learn from.
        dry_run: Do all of it, and keep nothing.

    Raises:
        UserError: The deployed file would answer differently than in training.
    """
    before, first = deployed_base(loop), loop.bench.first(loop.task).card.name
    teacher = teacher or next(reversed(loop.bench.offers), first)
    student = student or (before if before and before != teacher else first)

    def left(outcome: Outcome, reason: str) -> Distilled:
        return Distilled(
            task=loop.task.name,
            base=student,
            before=before,
            teacher=teacher,
            outcome=outcome,
            reason=reason,
        )

    if student == teacher:
        return left("does not fit", f"{student} cannot teach itself: name another --teacher")
    turn = last_turn(loop)
    if isinstance(turn, str):
        return left("waits", turn)
    base, larger = found_base(loop, student), found_base(loop, teacher)
    if isinstance(base, str) or isinstance(larger, str):
        return left("does not fit", base if isinstance(base, str) else str(larger))
    assert turn.dataset is not None
    if against := planned(base, larger, turn.dataset):
        return left("terms", "; ".join(against))
    listed = unlabelled(loop, turn, count)
    if not listed.items:
        return left("waits", "every observation has a label: ingest more with  twoloops ingest")
    recipe = Distil(teacher=teacher, unlabelled=listed.digest)
    if _is_deployed(loop, student, turn, recipe):
        return left("same already", "the deployed model was distilled so")
    started = replace(turn, bases=(before, student), verifying=())
    return attempt(loop, lambda: _try(loop, started, base, listed, recipe, terms), dry_run=dry_run)


def unlabelled(loop: Loop, turn: TurnState, count: int) -> Dataset:
    """Draw unlabelled observations: distinct inputs, the same ones however often it is asked."""
    assert turn.dataset is not None
    name = loop.task.name
    labelled = {item.input for item in loop.store.datasets.get(turn.dataset).items}
    seen = {
        one.input: one
        for one in reversed(loop.store.observations.of_task(name))
        if one.input not in labelled
    }
    gone = loop.store.inputs.forgotten(seen)
    # By digest: the draw does not depend on when they came in.
    left = [seen[digest] for digest in sorted(seen) if digest not in gone]
    rng = np.random.default_rng([loop.policy.seed, turn.number, 20_261])
    drawn = [left[i] for i in sorted(rng.permutation(len(left))[:count].tolist())]
    items = [
        Item(
            turn=turn.number,
            input=one.input,
            label="",
            split="unlabelled",
            judges=False,
            probability=-1.0,
            group=group,
        )
        for one, group in zip(drawn, loop.groups(drawn), strict=True)
    ]
    return Dataset.of(name, items)


def _is_deployed(loop: Loop, student: str, turn: TurnState, recipe: Distil) -> bool:
    release = loop.store.releases.deployed(loop.task.name)
    assert release is not None
    card = loop.store.models.find(release.model).card
    return (card.base, card.dataset) == (student, turn.dataset) and loop.recipe_on(
        student
    ) == recipe


def _try(
    loop: Loop, turn: TurnState, base: Base, listed: Dataset, recipe: Distil, terms: Terms
) -> Distilled:
    assert turn.dataset is not None
    store, task, (before, student) = loop.store, loop.task.name, turn.bases
    # Turn −1: no turn froze it, so that it is never taken for one's latest dataset.
    store.datasets.put(listed, -1)
    title = f"{task} {len(listed.items):,} unlabelled observations, turn {turn.number}"
    store.lineage.node(listed.digest, "dataset", title)
    candidate = candidate_of(loop, turn, store.datasets.get(turn.dataset), base, recipe)
    chosen = loop.recipe_of(candidate.model)
    assert chosen is not None
    release = store.releases.deployed(task)
    assert release is not None
    made = Distilled(
        task=task,
        base=student,
        before=before,
        teacher=recipe.teacher,
        outcome="no weight",
        reason=f"cross-validation on the labels gives {recipe.teacher} no weight beside them: "
        "the student would be plain training",
        model=candidate.model,
        unlabelled=len(loop.unlabelled(recipe, store.datasets.get(turn.dataset))),
        weight=chosen.weight,
        temperature=chosen.temperature,
        cost=_cost(loop, turn, candidate.model),
        cost_before=_cost(loop, turn, release.model),
    )
    if not chosen.weight:
        return made
    about = f"distil {student} from {recipe.teacher} over {recipe.unlabelled}"
    return judged(loop, turn, candidate, made, terms, about)


def _cost(loop: Loop, turn: TurnState, model: Digest) -> Cost:
    assert turn.dataset is not None
    data = loop.store.models.get(model)
    items = loop.present(loop.store.datasets.get(turn.dataset).items)
    return Cost(float(np.median(times(loop, data, items))), len(data) / 1e6)

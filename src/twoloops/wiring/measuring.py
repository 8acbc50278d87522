"""Measure other bases on the labels that are there: fit each anew, look only, keep nothing.

Every decision compared comes from a head that did not learn from the item's group, on the items
of known chance of the last closed turn's dataset: the figures the gate would look at. The gate
itself is not asked: it wants evidence at a level, and these are estimates.
"""

from pathlib import Path

from twoloops.analysis.controls.shocks import Compared, Fit, TaskBases
from twoloops.convergence.turns.evidence import evidence_of
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import TurnState
from twoloops.digital.base import Base
from twoloops.records.errors import UserError
from twoloops.wiring.system import place_of
from twoloops.wiring.workspace import loop, reading


def measured(folder: Path, task: TaskBases) -> TaskBases:
    """Return what is known of a task's bases, with each of them fitted now.

    Raises:
        UserError: No turn of the task has labels to fit on.
    """
    where, _ = place_of(folder)
    with reading(where) as store:
        two = loop(store, store.tasks.get(task.task))
        turn = _last(two)
        fits, accuracies = [], {}
        evidence = evidence_of(two, turn)
        for base in _bases(two, task):
            made = two.specialised(base, evidence.dataset, two.recipe_on(base.card.name))
            name = base.card.name
            items = len(two.present(evidence.dataset.split("train")))
            how = f"fitted now on {items:,} items of turn {turn.number}"
            fits.append(
                Fit(
                    base=name,
                    items=items,
                    cpu_seconds=made.cpu_seconds,
                    flop=made.fitted.operations,
                    how=how,
                )
            )
            if evidence.items:
                accuracies[name] = evidence.accuracy(evidence.contender(made))
    n = len(evidence.items)
    compared = tuple(
        Compared(
            base=name,
            against=task.deployed or "",
            points=round(100 * (accuracy - accuracies[task.deployed]), 2),
            n=n,
            how=f"measured now on {n:,} labels of known chance, by heads that did not learn them",
        )
        for name, accuracy in accuracies.items()
        if task.deployed in accuracies and name != task.deployed
    )
    return TaskBases(
        task=task.task,
        labels=task.labels,
        releases=task.releases,
        ancestry=task.ancestry,
        offered=task.offered,
        compared=(*compared, *task.compared),
        fits=(*fits, *task.fits),
    )


def _last(two: Loop) -> TurnState:
    """Return the last closed turn that froze a dataset with training items."""
    for row in reversed(two.store.turns.all(two.task.name)):
        state = row.read(TurnState)
        if state.stage != "closed" or state.dataset is None:
            continue
        if two.store.datasets.get(state.dataset).split("train"):
            return state
    raise UserError(
        f"task {two.task.name!r} has no closed turn with labels to fit on: go on with  "
        f"twoloops turn {two.task.name}"
    )


def _bases(two: Loop, task: TaskBases) -> list[Base]:
    """Return the bases that can be had here: the first one, released ones, offered ones."""
    first = two.bench.first(two.task)
    names = dict.fromkeys((*(one.base for one in task.releases), *task.offered))
    found = [first if n == first.card.name else two.bench.load(n) for n in names]
    return [base for base in found if isinstance(base, Base)]

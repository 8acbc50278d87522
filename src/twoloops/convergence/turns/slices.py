"""Where the deployed model fails: slices whose labels are decided wrong more often than the rest.

A failing slice is how the physical loop asks the digital one for another base. It is found on
labels of known chance alone, and it only decides what is *tried*: whether another base is released
is the gate's to say, on labels of every slice. A slice that looks worse by chance therefore costs
a trial, never a release; looking every turn does no harm beyond that.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from twoloops.convergence.judging.evaluate import ENOUGH
from twoloops.convergence.recipes.specialise import Specialised
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import TurnState
from twoloops.records.dataset import Dataset

SLICES = "failing slices"
"""Evidence: what failed at the end of each turn, worst first."""

LEVEL = 0.05
"""Of the family of all slices of one look (Holm 1979)."""

WINDOW = 4
"""Turns whose labels say how the floor is doing now; older ones are about an older floor."""


class Slice(msgspec.Struct, frozen=True):
    """A slice in which the deployed model fails.

    Args:
        label: The true label whose items it is made of.
        judged: Judging labels in it.
        wrong: How many of them are decided wrong.
        others: Judging labels outside of it.
        others_wrong: How many of those are decided wrong.
        p: Of Fisher's exact test that the slice is no worse than the rest.
    """

    label: str
    judged: int
    wrong: int
    others: int
    others_wrong: int
    p: float

    def __str__(self) -> str:
        rest = f"{self.others_wrong} of {self.others} elsewhere"
        return f"{self.label!r}: {self.wrong} of {self.judged} wrong, {rest}"


def failing(labels: Sequence[str], wrong: ArrayLike, level: float = LEVEL) -> tuple[Slice, ...]:
    """Return the slices that fail, the most items wrong first.

    Each label against all others by Fisher's (1922) exact test, one-sided, with Holm's (1979)
    step-down over the labels; a label with fewer than `ENOUGH` judging items is unknown, and
    an unknown slice does not fail.

    Args:
        labels: True label of each judging item (n,).
        wrong: Whether it was decided wrong (n,).
        level: Chance that any slice is named where none is worse.

    >>> [str(one) for one in failing(["a"] * 8 + ["b"] * 40, [True] * 6 + [False] * 42)]
    ["'a': 6 of 8 wrong, 0 of 40 elsewhere"]
    >>> failing(["a"] * 8 + ["b"] * 40, [False] * 48)
    ()
    """
    from scipy.stats import hypergeom

    names, errors = np.asarray(labels), np.asarray(wrong, dtype=bool)
    found: list[Slice] = []
    for name in np.unique(names):
        inside: NDArray[np.bool_] = names == name
        judged, hit, total = int(inside.sum()), int(errors[inside].sum()), int(errors.sum())
        if judged < ENOUGH:
            continue
        # Chance of as many errors or more among the slice's items, drawn from all of them.
        p = float(hypergeom.sf(hit - 1, errors.size, total, judged))
        found.append(Slice(str(name), judged, hit, errors.size - judged, total - hit, p))
    out: list[Slice] = []
    for rank, one in enumerate(sorted(found, key=lambda one: one.p)):
        if one.p > level / (len(found) - rank):
            break
        out.append(one)
    return tuple(sorted(out, key=lambda one: (-one.wrong, one.label)))


def keep_failing(loop: Loop, turn: TurnState, found: tuple[Slice, ...]) -> None:
    """Keep what failed at the end of a turn; with the next one it opens or closes a re-base."""
    loop.store.evidence.put(loop.task.name, SLICES, turn.number, found)


def open_slices(loop: Loop, turn: TurnState) -> tuple[Slice, ...]:
    """Return what failed at the end of the turn before."""
    return failing_after(loop, turn.number - 1)


def failing_after(loop: Loop, number: int) -> tuple[Slice, ...]:
    """Return what failed at the end of a turn."""
    kept = loop.store.evidence.get(loop.task.name, SLICES, tuple[Slice, ...], turn=number)
    return kept or ()


def loss_on(loop: Loop, made: Specialised, dataset: Dataset, slices: Sequence[Slice]) -> float:
    """Return the cross-validated log-loss on the training items of slices, in nats.

    Every item is scored by a head that has not learned from its group. Without any training
    item in the slices it is the loss on all: nothing tells bases apart there.
    """
    wanted = {one.label for one in slices}
    items = [item for item in dataset.split("train") if item.label in wanted]
    items = loop.present([item for item in items if item.label in made.labels])
    if not items:
        return made.fitted.loss
    x = loop.bench.encoder.embed(made.base, [item.input for item in items], loop.read)
    said = made.honest(x, [item.group for item in items])
    own = [made.labels.index(item.label) for item in items]
    # One mislabelled item must not choose for all, as in the head's own cross-validation.
    return float(-np.log(np.maximum(said[np.arange(len(items)), own], 1e-3)).mean())

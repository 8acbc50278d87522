"""The `distil` recipe: a head on a small base, taught by a larger base over unlabelled inputs.

The teacher is a plain head on its own base, fitted on the same labels. It says of observations
that nobody labelled what they probably are, and the student learns from the labels and from that
(`convergence.recipes.soft`). How much the teacher counts is chosen by cross-validation on the
labels; 0 is among the choices and is the plain head itself.

No leak: the student of a fold learns neither that fold's labels, nor observations whose group
falls into it, and its teacher is the teacher's head of the same fold, which did not learn those
labels either. So `CrossFitted.honest` of a student is as honest as that of a plain head. What is
chosen on all labels is as few numbers as there: strength, temperature, and here weight.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from twoloops.convergence.recipes.encode import Encoder, Read
from twoloops.convergence.recipes.head import (
    FOLDS,
    CrossFitted,
    Embeddings,
    Floats,
    Head,
    calibrated,
    fold_of,
    held_out,
    log_loss,
    remainders,
    seen_by_folds,
)
from twoloops.convergence.recipes.settings import Distil
from twoloops.convergence.recipes.soft import Lesson, fit_soft
from twoloops.convergence.recipes.specialise import Specialised, label_indices, specialise
from twoloops.digital.base import Base
from twoloops.records.dataset import Dataset, Item
from twoloops.records.task import Task


@dataclass(frozen=True)
class Setting:
    """How much the teacher counts beside the labels, and the temperature of its outputs."""

    weight: float
    temperature: float


SETTINGS = (Setting(0, 1), Setting(1, 1), Setting(3, 1), Setting(1, 2))
"""What cross-validation chooses from. Few, since the best of many on few labels is luck."""


@dataclass(frozen=True)
class Outputs:
    """Unlabelled observations, and what the teacher makes of them.

    Attributes:
        x: (m, d) embeddings by the student's base.
        groups: Group of each; folds keep groups whole.
        teacher: Fitted on the same labelled items as the student will be.
        teacher_x: (m, e) embeddings by the teacher's base.
    """

    x: Embeddings
    groups: Sequence[str]
    teacher: CrossFitted
    teacher_x: Embeddings

    def of(self, head: Head, kept: NDArray[np.bool_]) -> Floats:
        """Return a teacher's probabilities of some, a column for each class that it knows."""
        labels = int(self.teacher.full.classes.max()) + 1
        out: Floats = head.probabilities(self.teacher_x[kept], labels)[:, head.classes]
        return out


def fit_student(
    plain: CrossFitted,
    x: Embeddings,
    y: NDArray[np.intp],
    groups: Sequence[str],
    outputs: Outputs,
    *,
    sparse: int = 0,
    judges: NDArray[np.bool_] | None = None,
    settings: Sequence[Setting] = SETTINGS,
) -> tuple[CrossFitted, Setting]:
    """Fit a student, and choose how much its teacher counts.

    Each setting is fitted for itself, so that one chosen before gives the same student alone.

    Args:
        plain: `head.fit` of the same items; a student of weight 0 is this very one.
        x: (n, d) embeddings of labelled items.
        y: (n,) indices into the task's labels.
        groups: Group of each item.
        outputs: The teacher's over unlabelled observations.
        sparse: How many leading features are counts.
        judges: (n,) items with a known inclusion probability, which calibrate.
        settings: What to choose from.
    """
    rows, fold = seen_by_folds(groups)
    xs, ys = x[rows], y[rows]
    mask = np.ones(len(rows), bool) if judges is None else judges[rows]
    soft_fold = np.array([fold_of(one) for one in outputs.groups], dtype=np.intp)
    tried = []
    for setting in settings:
        parts = tuple(
            _student(
                part, teacher, xs[keep], ys[keep], outputs, soft_fold != k, setting, plain, sparse
            )
            for k, (part, teacher, keep) in enumerate(
                zip(plain.parts, outputs.teacher.parts, remainders(fold), strict=True)
            )
        )
        logits = held_out(parts, xs, ys, fold)
        temperature = calibrated(logits, ys, mask)
        tried.append((log_loss(logits, ys, temperature), setting, parts, temperature))
    loss, setting, parts, temperature = min(tried, key=lambda one: one[0])
    if not setting.weight:
        return plain, setting
    all_ = np.ones(len(outputs.x), bool)
    full = _student(plain.full, outputs.teacher.full, x, y, outputs, all_, setting, plain, sparse)
    operations = _operations(len(rows) + len(outputs.x), int(np.count_nonzero(x)) // len(x), y)
    return CrossFitted(
        full=replace(full, temperature=temperature),
        parts=tuple(replace(one, temperature=temperature) for one in parts),
        # An unlabelled observation too is asked of the head that did not see its like.
        known=frozenset(groups) | frozenset(outputs.groups),
        strength=plain.strength,
        loss=loss,
        operations=plain.operations
        + outputs.teacher.operations
        + operations * (FOLDS * len(settings) + 1),
    ), setting


def _student(
    part: Head,
    teacher: Head,
    x: Embeddings,
    y: NDArray[np.intp],
    outputs: Outputs,
    kept: NDArray[np.bool_],
    setting: Setting,
    plain: CrossFitted,
    sparse: int,
) -> Head:
    """Fit one student beside the plain head of the same items, which it is where none teaches."""
    if not setting.weight or len(part.classes) == 1 or not kept.any():
        return part
    lesson = Lesson(x, y, outputs.x[kept], outputs.of(teacher, kept), sparse)
    return fit_soft(
        part,
        lesson,
        weight=setting.weight,
        temperature=setting.temperature,
        strength=plain.strength,
    )


def distil(
    base: Base,
    teacher: Base,
    dataset: Dataset,
    unlabelled: Sequence[Item],
    recipe: Distil,
    task: Task,
    encoder: Encoder,
    read: Read,
) -> Specialised:
    """Distil a teacher into a student on the training split of a dataset.

    Args:
        base: The student's.
        teacher: The teacher's base; its head learns from the same training split.
        dataset: Whose training split is learned from.
        unlabelled: Observations that none of its items labels.
        recipe: Its weight and temperature are chosen where it names none.
        task: Names the labels and the normal one.
        encoder: Encodes by the exact graphs of both bases.
        read: Reads input bytes by digest.

    Raises:
        UserError: The dataset has no training items.
    """
    plain = specialise(base, dataset, task, encoder, read)
    taught_by = specialise(teacher, dataset, task, encoder, read)
    items = dataset.split("train")
    digests = [item.input for item in items]
    inputs = [one.input for one in unlabelled]
    x, soft_x = encoder.embed(base, digests, read), encoder.embed(base, inputs, read)
    outputs = Outputs(
        soft_x,
        [one.group for one in unlabelled],
        taught_by.fitted,
        encoder.embed(teacher, inputs, read),
    )
    started = time.process_time()
    settings: Sequence[Setting] = SETTINGS
    if recipe.weight is not None and recipe.temperature is not None:
        settings = (Setting(recipe.weight, recipe.temperature),)
    fitted, chosen = fit_student(
        plain.fitted,
        x,
        label_indices(items, plain.labels),
        [item.group for item in items],
        outputs,
        sparse=base.card.sparse,
        judges=np.array([item.judges for item in items]),
        settings=settings,
    )
    spent = plain.cpu_seconds + taught_by.cpu_seconds + time.process_time() - started
    made = msgspec.structs.replace(recipe, weight=chosen.weight, temperature=chosen.temperature)
    return replace(plain, fitted=fitted, cpu_seconds=spent, recipe=made, unlabelled=len(unlabelled))


def _operations(n: int, nonzero: int, y: NDArray[np.intp]) -> float:
    """Multiply-adds × 2 of one fit: about 90 steps, each there and back."""
    return 2.0 * 2.0 * 90 * n * nonzero * len(np.unique(y))

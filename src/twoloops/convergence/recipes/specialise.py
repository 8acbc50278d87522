"""`specialise(base, dataset) → small model`: the one place where the two loops meet."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twoloops.convergence.recipes.encode import Encoder, Read
from twoloops.convergence.recipes.export import export
from twoloops.convergence.recipes.head import CrossFitted, fit
from twoloops.convergence.recipes.settings import Distil, described
from twoloops.digital.base import Base
from twoloops.records.base import ModelCard
from twoloops.records.dataset import Dataset, Item
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.records.task import Task


@dataclass(frozen=True)
class Specialised:
    """A base specialised on a dataset, before a threshold is set and it becomes a file.

    Attributes:
        labels: What the columns of its probabilities stand for: the labels it has seen.
        fitted: The head, with the heads of its folds.
        cpu_seconds: Spent on fitting.
        recipe: How it was distilled; `None` for a plain head.
        unlabelled: Observations without a label that it learned from.
    """

    base: Base
    dataset: Digest
    labels: tuple[str, ...]
    normal: str | None
    task: str
    fitted: CrossFitted
    cpu_seconds: float
    recipe: Distil | None = None
    unlabelled: int = 0

    @property
    def title(self) -> str:
        """What tells it from others of its task: its base, and its teacher if it has one."""
        name = self.base.card.name
        return name if self.recipe is None else f"{name} distilled from {self.recipe.teacher}"

    def honest(self, x: NDArray[np.float32], groups: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities (n, labels), for each item by a head that did not learn its group."""
        return self.fitted.honest(x, groups, len(self.labels))

    def p_fault(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Probability of any fault (n,), or `None` without a normal label.

        A normal label the model has never seen counts as probability 0 of being normal.
        """
        if self.normal is None:
            return None
        if self.normal not in self.labels:
            return np.ones(len(probabilities))
        return 1.0 - probabilities[:, self.labels.index(self.normal)]

    def card(self, threshold: float | None) -> ModelCard:
        """Return the card of the model file."""
        return ModelCard(
            task=self.task,
            labels=self.labels,
            normal=self.normal if self.normal in self.labels else None,
            threshold=threshold if self.normal in self.labels else None,
            base=self.base.card.name,
            base_digest=self.base.digest,
            recipe=described(self.recipe, self.fitted.strength, self.unlabelled),
            dataset=self.dataset,
        )

    def model(self, threshold: float | None) -> bytes:
        """Return the bytes of the deployed ONNX file."""
        return export(self.base, self.fitted.full, self.card(threshold))


def specialise(
    base: Base,
    dataset: Dataset,
    task: Task,
    encoder: Encoder,
    read: Read,
) -> Specialised:
    """Specialise a base on the training split of a dataset.

    Args:
        base: The encoder.
        dataset: Only its `train` split is learned from.
        task: Names the labels and the normal one.
        encoder: Encodes by the exact graph of the base.
        read: Reads input bytes by digest.
    """
    items = dataset.split("train")
    if not items:
        raise UserError(
            f"dataset {dataset.digest[:19]} of task {task.name!r} has no training items: label "
            "some observations first with  twoloops label import FILE"
        )
    labels = tuple(sorted({item.label for item in items}))
    x = encoder.embed(base, [item.input for item in items], read)
    started = time.process_time()
    fitted = fit(
        x,
        label_indices(items, labels),
        [item.group for item in items],
        sparse=base.card.sparse,
        judges=np.array([item.judges for item in items]),
    )
    return Specialised(
        base=base,
        dataset=dataset.digest,
        labels=labels,
        normal=task.normal,
        task=task.name,
        fitted=fitted,
        cpu_seconds=time.process_time() - started,
    )


def label_indices(items: Sequence[Item], labels: tuple[str, ...]) -> NDArray[np.intp]:
    """Indices into labels (n,); −1 for a label that is not among them."""
    place = {label: i for i, label in enumerate(labels)}
    return np.array([place.get(item.label, -1) for item in items], dtype=np.intp)

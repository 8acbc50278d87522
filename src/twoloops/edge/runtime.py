"""A deployed model: raw inputs → decisions, by the same code in a replay and on the floor."""

from collections.abc import Sequence
from itertools import chain
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from twoloops.edge.graph import Graph
from twoloops.edge.metadata import card_of
from twoloops.records.base import ModelCard
from twoloops.records.digests import Digest, short
from twoloops.records.errors import UserError
from twoloops.records.observation import Decision
from twoloops.records.preprocess import Picture, Window
from twoloops.records.task import Kind


class Outputs(NamedTuple):
    """What a model says of n inputs.

    Args:
        probabilities: float32 (n, k), in the order of the card's labels.
        embedding: float32 (n, d).
        novelty: float32 (n,), 0 (like the training data) to 1.
    """

    probabilities: NDArray[np.float32]
    embedding: NDArray[np.float32]
    novelty: NDArray[np.float32]


class Runtime:
    """A model file, ready to decide.

    Args:
        model: The bytes of the ONNX file, with card and preprocess record inside.
        threads: Threads one call may use.

    Raises:
        UserError: When the file is no such model.
    """

    def __init__(self, model: bytes, *, threads: int = 1) -> None:
        self._graph = Graph(model, threads=threads)
        self.digest: Digest = self._graph.digest
        self.card: ModelCard = card_of(self._graph.metadata)
        missing = sorted(set(Outputs._fields) - set(self._graph.outputs))
        if missing:
            raise UserError(
                f"model {short(self.digest)} has no output {missing}, only "
                f"{list(self._graph.outputs)}: use a model file, not that of a base"
            )

    @property
    def kind(self) -> Kind:
        """The kind of input it decides on, as its preprocess record says."""
        steps = self._graph.preprocess.steps
        if any(isinstance(step, Picture) for step in steps):
            return "image"
        return "signal" if any(isinstance(step, Window) for step in steps) else "text"

    @property
    def shape(self) -> tuple[int, int] | None:
        """(channels, samples) of a signal, else `None`."""
        windows = [step for step in self._graph.preprocess.steps if isinstance(step, Window)]
        return (windows[0].channels, windows[0].samples) if windows else None

    def run(self, inputs: Sequence[bytes]) -> Outputs:
        """Return the three outputs of each input.

        Raises:
            UserError: When an input cannot be read, or the model gives NaN or infinity.
        """
        outputs = self._outputs(inputs)
        for name, values in outputs._asdict().items():
            _refuse_nan(name, values, self.card, self.digest)
        return outputs

    def decide(self, inputs: Sequence[bytes]) -> list[Decision]:
        """Return one decision per input.

        Raises:
            UserError: When an input cannot be read, or `decisions` refuses what the model gives.
        """
        return decisions(self.card, self.digest, self._outputs(inputs))

    def _outputs(self, inputs: Sequence[bytes]) -> Outputs:
        found = self._graph.run(inputs)
        return Outputs(
            found["probabilities"], found["embedding"], found["novelty"].reshape(len(inputs))
        )


def decisions(card: ModelCard, digest: Digest, outputs: Outputs) -> list[Decision]:
    """Turn outputs into decisions.

    With a normal label and a threshold t, an item is called a fault when P(any fault) =
    1 − p[normal] > t, and then the most probable fault is its label; otherwise the most
    probable label decides (the first one of equals).

    Raises:
        UserError: When a probability is NaN or infinite, or there is not one per label.
    """
    probabilities = outputs.probabilities
    if probabilities.shape[1] != len(card.labels):
        raise UserError(
            f"model {short(digest)} of task {card.task!r} gives {probabilities.shape[1]} "
            f"probabilities for {len(card.labels)} labels: export it again"
        )
    rows, novelties = probabilities.tolist(), outputs.novelty.tolist()
    # On lists: for one input, the usual case, several times faster than on arrays.
    if not (all(map(isfinite, chain.from_iterable(rows))) and all(map(isfinite, novelties))):
        _refuse_nan("probabilities", probabilities, card, digest)
        _refuse_nan("novelty", outputs.novelty, card, digest)
    normal = None if card.normal is None else card.labels.index(card.normal)
    return [
        Decision(_label(card, normal, row), tuple(row), digest, card.threshold, novelty)
        for row, novelty in zip(rows, novelties, strict=True)
    ]


def _label(card: ModelCard, normal: int | None, row: list[float]) -> str:
    if normal is None or card.threshold is None or len(row) == 1:
        return card.labels[row.index(max(row))]
    if not 1.0 - row[normal] > card.threshold:
        return card.labels[normal]
    faults = [*row[:normal], -1.0, *row[normal + 1 :]]  # the normal label below every fault
    return card.labels[faults.index(max(faults))]


def _refuse_nan(name: str, values: NDArray[Any], card: ModelCard, digest: Digest) -> None:
    if not np.isfinite(values).all():
        rows = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
        raise UserError(
            f"model {short(digest)} of task {card.task!r} gives NaN or infinity in {name!r} for "
            f"{len(rows)} of {len(values)} inputs, the first at index {rows[0]}: "
            "nothing was decided; check these inputs, or go back to the release before"
        )

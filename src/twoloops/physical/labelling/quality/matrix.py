"""Labels of several labellers as arrays: who said what of which item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twoloops.records.label import Label
from twoloops.records.observation import Place

Ints = NDArray[np.intp]
Floats = NDArray[np.float64]

TRIAL = "#"
"""What follows it in a labeller's name numbers a repeated trial: `person:ann#2`."""


def person(labeller: str) -> str:
    """Return who a labeller is, whichever trial it is.

    >>> person("person:ann#2")
    'person:ann'
    """
    return labeller.partition(TRIAL)[0]


@dataclass(frozen=True)
class Answers:
    """Answers to items: one answer is one place in each of the four arrays.

    Attributes:
        places: The items (n).
        labellers: Who answered (w); trials of one person are one labeller.
        labels: What they may say (k).
        item: (m,) index into `places`.
        who: (m,) index into `labellers`.
        said: (m,) index into `labels`.
        weight: (m,) 1 for a single answer, 1/t for each of a person's t trials of the item:
            repeating oneself is no second opinion.
    """

    places: tuple[Place, ...]
    labellers: tuple[str, ...]
    labels: tuple[str, ...]
    item: Ints
    who: Ints
    said: Ints
    weight: Floats

    @classmethod
    def of(cls, given: Mapping[Place, Sequence[Label]]) -> "Answers":
        """Arrange labels by place; places without a label are left out."""
        places = tuple(sorted(place for place, labels in given.items() if labels))
        rows = [
            (number, person(one.labeller), one.label)
            for number, place in enumerate(places)
            for one in given[place]
        ]
        labellers = tuple(sorted({who for _, who, _ in rows}))
        labels = tuple(sorted({label for _, _, label in rows}))
        index = {name: i for i, name in enumerate(labellers)}
        column = {name: i for i, name in enumerate(labels)}
        item = np.array([number for number, _, _ in rows], dtype=np.intp)
        who = np.array([index[name] for _, name, _ in rows], dtype=np.intp)
        said = np.array([column[label] for _, _, label in rows], dtype=np.intp)
        trials = np.zeros((len(places), len(labellers)))
        np.add.at(trials, (item, who), 1.0)
        return cls(places, labellers, labels, item, who, said, 1.0 / trials[item, who])

    @property
    def opinions(self) -> Ints:
        """How many different people answered each item, (n,)."""
        answered = np.zeros((len(self.places), len(self.labellers)), dtype=bool)
        answered[self.item, self.who] = True
        return np.asarray(answered.sum(axis=1), dtype=np.intp)

    def only(self, keep: NDArray[np.bool_]) -> "Answers":
        """Return the answers to the items kept (n,); labellers and labels stay as they are."""
        number = np.cumsum(keep) - 1
        at = keep[self.item]
        places = tuple(
            place for place, kept in zip(self.places, keep.tolist(), strict=True) if kept
        )
        return Answers(
            places,
            self.labellers,
            self.labels,
            np.asarray(number[self.item[at]], dtype=np.intp),
            self.who[at],
            self.said[at],
            self.weight[at],
        )

    def votes(self) -> Floats:
        """Weighted votes for each label of each item, (n, k)."""
        out = np.zeros((len(self.places), len(self.labels)))
        np.add.at(out, (self.item, self.said), self.weight)
        return out

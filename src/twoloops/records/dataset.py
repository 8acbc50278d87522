"""A dataset: an immutable, content-addressed version of labelled observations."""

from typing import Literal

import msgspec

from twoloops.records.digests import Digest, digest_record

Split = Literal["train", "golden", "audit", "unlabelled"]


class Item(msgspec.Struct, frozen=True, order=True):
    """One labelled input. Ids and times stay outside, so that equal content has one digest.

    Args:
        turn: The turn in which it was labelled (0 is the seed).
        input: Digest of the input's bytes.
        label: Its label.
        split: `train`, `golden` (never trains) or `audit` (this turn's evidence, not trained
            on yet); `unlabelled` in a frozen list of what a teacher was asked about.
        judges: Whether its inclusion probability is known, so that it may serve as evidence.
        probability: That probability, or -1 where it is not known.
        group: Near-duplicates and items of one origin share it; folds and splits keep it whole.
    """

    turn: int
    input: Digest
    label: str
    split: Split
    judges: bool
    probability: float
    group: str


class Dataset(msgspec.Struct, frozen=True):
    """A task's items in canonical order."""

    task: str
    items: tuple[Item, ...]

    @classmethod
    def of(cls, task: str, items: list[Item]) -> "Dataset":
        """Build a dataset; the order of the items given does not matter."""
        return cls(task, tuple(sorted(items)))

    @property
    def digest(self) -> Digest:
        """Digest of the content."""
        return digest_record(self)

    def split(self, name: Split) -> list[Item]:
        """Return the items of a split, in canonical order."""
        return [item for item in self.items if item.split == name]

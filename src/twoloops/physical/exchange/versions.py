"""Versions of a task's dataset: what is in each, who labelled it, what that cost, what used it."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

import msgspec

from twoloops.records.dataset import Dataset, Item
from twoloops.records.digests import Digest, short
from twoloops.records.errors import UserError
from twoloops.records.label import Label
from twoloops.records.money import Money
from twoloops.records.observation import Place
from twoloops.store.workspace import Store

FROZEN = "dataset frozen"
"""Kind of the journal's fact that a turn froze a dataset."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a task's dataset.

    Args:
        digest: Of its content.
        task: The task's name.
        turn: The first turn that froze it; -1 for a list of unlabelled inputs.
        frozen_at: When; `None` where the journal does not say.
        items: How many.
        inputs: How many distinct inputs they have.
        splits: Items by split.
        known: Items by split whose inclusion probability is known.
        judging: Items by split that may serve as evidence.
        labels: Items by label.
        labellers: Labels by who gave them, up to the freeze.
        costs: What these cost, a sum for each currency.
        models: Digests of the models specialised on it.
        forgotten: Inputs of it whose bytes are gone.
    """

    digest: Digest
    task: str
    turn: int
    frozen_at: datetime | None
    items: int
    inputs: int
    splits: dict[str, int]
    known: dict[str, int]
    judging: dict[str, int]
    labels: dict[str, int]
    labellers: dict[str, int]
    costs: tuple[Money, ...]
    models: tuple[Digest, ...]
    forgotten: int


class Sources(NamedTuple):
    """Where a version's items come from.

    Args:
        labels: The labels behind each (turn, input), by place and labeller.
        frozen_at: Later labels are left out, so that a version stays as it is.
    """

    labels: dict[tuple[int, Digest], list[Label]]
    frozen_at: datetime | None

    def of(self, item: Item) -> list[Label]:
        """Return the labels behind an item."""
        return self.labels.get((item.turn, item.input), [])


def versions_of(store: Store, task: str) -> list[Version]:
    """Return every version of a task's dataset, by turn; those without items are left out."""
    datasets = [store.datasets.get(digest) for _, digest in store.datasets.of_task(task)]
    return [version_of(store, one) for one in datasets if one.items]


def version_of(store: Store, dataset: Dataset) -> Version:
    """Say what is known of a version."""
    digest = dataset.digest
    sources = sources_of(store, dataset)
    keys = dict.fromkeys((item.turn, item.input) for item in dataset.items)
    labels = [one for key in keys for one in sources.labels.get(key, ())]
    inputs = {item.input for item in dataset.items}
    return Version(
        digest=digest,
        task=dataset.task,
        turn=next(turn for turn, one in store.datasets.of_task(dataset.task) if one == digest),
        frozen_at=sources.frozen_at,
        items=len(dataset.items),
        inputs=len(inputs),
        splits=_counted(item.split for item in dataset.items),
        known=_counted(item.split for item in dataset.items if item.probability >= 0),
        judging=_counted(item.split for item in dataset.items if item.judges),
        labels=_counted(item.label for item in dataset.items if item.split != "unlabelled"),
        labellers=_counted(one.labeller for one in labels),
        costs=_costs(labels),
        models=tuple(one.digest for one in store.models.made_from([digest])),
        forgotten=len(store.inputs.forgotten(inputs)),
    )


def find_version(store: Store, words: str, task: str) -> Dataset:
    """Return the dataset that `latest` or the beginning of a digest names.

    Args:
        store: The workspace's.
        words: `latest`, or at least four digits of a digest.
        task: Whose datasets are meant.

    Raises:
        UserError: There is none, or several begin so.
    """
    known = store.datasets.of_task(task)
    full = [digest for _, digest in known if store.datasets.get(digest).items]
    if words == "latest":
        frozen = [digest for turn, digest in known if turn >= 0 and digest in full]
        if not frozen:
            raise UserError(
                f"task {task!r} has no dataset yet: a turn freezes one from its labels, go on with "
                f" twoloops turn {task}"
            )
        return store.datasets.get(frozen[-1])
    prefix = words.removeprefix("sha256:").lower()
    found = [digest for digest in full if digest.removeprefix("sha256:").startswith(prefix)]
    if len(prefix) < 4 or len(found) != 1:
        what = "names several datasets" if len(found) > 1 else "names no dataset"
        latest = ", ".join(short(digest) for digest in full[-8:]) or "none yet"
        raise UserError(
            f"{words!r} {what} of task {task!r}: give  latest , or four or more digits of a "
            f"digest; they are {latest}"
        )
    return store.datasets.get(found[0])


def sources_of(store: Store, dataset: Dataset) -> Sources:
    """Return the labels behind a dataset's items, as they were when it was frozen."""
    frozen_at = _frozen_at(store, dataset)
    inputs = {item.input for item in dataset.items}
    asked = store.questions.of_task(dataset.task)
    seen = store.observations.find(one.observation for one in asked)
    places: dict[tuple[int, Digest], dict[Place, None]] = {}
    for one in asked:
        digest = seen[one.observation].input
        if digest in inputs:
            places.setdefault((one.turn, digest), {})[one.observation] = None
    said = store.labels.find(place for found in places.values() for place in found)
    labels = {
        key: [
            label
            for place in sorted(found)
            for label in said.get(place, ())
            if frozen_at is None or label.labelled_at <= frozen_at
        ]
        for key, found in places.items()
    }
    return Sources(labels, frozen_at)


def _frozen_at(store: Store, dataset: Dataset) -> datetime | None:
    digest = dataset.digest
    facts = store.journal.facts(dataset.task, kind=FROZEN)
    return next((one.recorded_at for one in facts if one.body.get("dataset") == digest), None)


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _costs(labels: Iterable[Label]) -> tuple[Money, ...]:
    sums: dict[str, Money] = {}
    # An observation asked about in two turns has its labels behind both items, and paid once.
    for one in {(one.observation, one.labeller): one for one in labels}.values():
        known = sums.get(one.cost.currency)
        sums[one.cost.currency] = one.cost if known is None else known + one.cost
    return tuple(cost for _, cost in sorted(sums.items()))

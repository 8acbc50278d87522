"""One task's two loops over a store: what the stages of a turn share.

Holds no state of its own that cannot be computed again: what is remembered here (embeddings,
fitted heads, loaded bases) follows from what lies in the store.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np

from twoloops.convergence.recipes.adopted import adopted
from twoloops.convergence.recipes.distil import distil
from twoloops.convergence.recipes.encode import Encoder, Read
from twoloops.convergence.recipes.settings import Distil
from twoloops.convergence.recipes.specialise import Specialised, specialise
from twoloops.convergence.turns.policy import Policy
from twoloops.convergence.turns.state import STAGES, TurnState
from twoloops.digital.base import Base
from twoloops.digital.catalogue import Offer, first_base, try_load
from twoloops.physical.duplicates import Signature, group, signature
from twoloops.records.dataset import Dataset, Item
from twoloops.records.digests import Digest, digest_record
from twoloops.records.errors import UserError
from twoloops.records.observation import Observation, Place
from twoloops.records.task import Kind, Task
from twoloops.store.workspace import Store

DISTILLED = "distilled "
"""Evidence: the recipe of a distilled model; its digest follows in the name."""


class Workbench:
    """Loaded bases and embeddings, shared by all arms of a replay.

    Args:
        offers: What arrives from upstream.
        cache: Folder for what bases fetch or convert.
        encoder: Remembers embeddings.
        dropped: What is no longer offered, and can be had for the models that stand on it.
    """

    def __init__(
        self,
        offers: Sequence[Offer],
        cache: Path,
        encoder: Encoder | None = None,
        dropped: Sequence[Offer] = (),
    ):
        self.offers = {offer.name: offer for offer in offers}
        self._dropped = {offer.name: offer for offer in dropped}
        self.encoder = encoder or Encoder()
        self._cache = cache
        self._loaded: dict[str, Base | str] = {}
        self._signatures: dict[Digest, Signature] = {}

    def first(self, task: Task) -> Base:
        """Return the built-in features the task starts on."""
        name = f"first/{task.kind}/{task.shape}"
        if name not in self._loaded:
            self._loaded[name] = first_base(task.kind, task.shape)
        found = self._loaded[name]
        assert isinstance(found, Base)
        return found

    def signatures(self, kind: Kind, digests: Sequence[Digest], read: Read) -> list[Signature]:
        """Return the signature of each input; one that was forgotten is only like itself."""
        missing = [digest for digest in digests if digest not in self._signatures]
        data = read(missing) if missing else {}
        for digest in missing:
            known = digest in data
            self._signatures[digest] = signature(kind, data[digest]) if known else Signature(digest)
        return [self._signatures[digest] for digest in digests]

    def load(self, name: str) -> Base | str:
        """Return an offered base, or in one sentence why it cannot be had."""
        if name not in self._loaded:
            offer = self.offers.get(name) or self._dropped.get(name)
            self._loaded[name] = (
                try_load(offer, self._cache)
                if offer
                else f"{name} is not available: nothing of that name is offered upstream"
            )
        return self._loaded[name]


class Loop:
    """One task's two loops.

    Args:
        store: Where facts stay.
        task: The task's name.
        policy: How its turns are run.
        bench: Bases and embeddings.
        clock: Gives the present time, UTC.
    """

    def __init__(
        self,
        store: Store,
        task: str,
        policy: Policy,
        bench: Workbench,
        clock: Callable[[], datetime],
    ) -> None:
        self.store = store
        self.policy = policy
        self.bench = bench
        self.clock = clock
        self.training_flop = 0.0
        self.training_cpu_seconds = 0.0
        self.answerable: Callable[[Sequence[Place]], Sequence[bool]] | None = None
        self._name = task
        self._groups: dict[Place, str] = {}
        self._fitted: dict[tuple[Digest | Distil, ...], Specialised] = {}

    @property
    def task(self) -> Task:
        """The task as it stands: its labels may have grown."""
        return self.store.tasks.get(self._name)

    def rng(self, turn: TurnState) -> np.random.Generator:
        """Return the generator of a turn's stage: the same after a restart."""
        return np.random.default_rng(
            [self.policy.seed, turn.number, STAGES.index(turn.stage), 20_260]
        )

    def read(self, digests: Sequence[Digest]) -> Mapping[Digest, bytes]:
        """Read input bytes."""
        return self.store.inputs.get_many(digests)

    def askable(self, seen: Sequence[Observation]) -> list[Observation]:
        """Leave out observations that the labeller at hand cannot answer (a replay's gaps)."""
        if self.answerable is None:
            return list(seen)
        known = self.answerable([one.place for one in seen])
        return [one for one, is_known in zip(seen, known, strict=True) if is_known]

    def groups(self, seen: Sequence[Observation]) -> list[str]:
        """Return the group of each observation: near-duplicates and one origin share it."""
        count = self.store.observations.count(self._name)
        if count != len(self._groups):
            every = self.store.observations.of_task(self._name)
            signatures = self.bench.signatures(
                self.task.kind, [one.input for one in every], self.read
            )
            names = group(signatures, [one.origin for one in every])
            # Named by its earliest member: later ones must not move it to another fold.
            first: dict[str, str] = {}
            for name, one in zip(names, signatures, strict=True):
                first.setdefault(name, one.key)
            names = [first[name] for name in names]
            self._groups = {one.place: name for one, name in zip(every, names, strict=True)}
        return [self._groups[one.place] for one in seen]

    def base(self, name: str) -> Base:
        """Return a base by its name.

        Raises:
            UserError: It was there when it was adopted, and cannot be had now.
        """
        first = self.bench.first(self.task)
        if name == first.card.name:
            return first
        found = self.bench.load(name)
        if isinstance(found, str):
            raise UserError(f"task {self._name!r} stands on base {name}: {found}")
        return found

    def present(self, items: Sequence[Item]) -> list[Item]:
        """Leave out items whose input was forgotten since they were frozen."""
        gone = self.store.inputs.forgotten({item.input for item in items})
        return [item for item in items if item.input not in gone]

    def seen(self, number: int) -> list[Observation]:
        """Return the observations of a turn, but for those that were forgotten."""
        found = self.store.observations.of_turn(self._name, number)
        gone = self.store.inputs.forgotten({one.input for one in found})
        return [one for one in found if one.input not in gone]

    def specialised(
        self, base: Base, dataset: Dataset, recipe: Distil | None = None
    ) -> Specialised:
        """Specialise, or return what was fitted before: equal inputs give equal models.

        Args:
            base: The model's own base.
            dataset: Its training split is learned from.
            recipe: How to distil it; `None` for a plain head.
        """
        # Only the training split is learned from: other audit labels make no other model.
        items = self.present(dataset.split("train"))
        key: tuple[Digest | Distil, ...] = (base.digest, digest_record(items))
        more = [] if recipe is None else self.unlabelled(recipe, dataset)
        if recipe is not None:
            key = (*key, digest_record(more))
        wanted = key if recipe is None else (*key, recipe)
        if wanted not in self._fitted:
            left = Dataset.of(dataset.task, items)
            made = self._make(base, left, more, recipe)
            self.training_flop += made.fitted.operations
            self.training_cpu_seconds += made.cpu_seconds
            self._fitted[wanted] = made
            if made.recipe is not None:  # what was chosen by cross-validation is found by it too
                self._fitted[*key, made.recipe] = made
        return dataclasses.replace(self._fitted[wanted], dataset=dataset.digest)

    def _make(
        self, base: Base, dataset: Dataset, more: Sequence[Item], recipe: Distil | None
    ) -> Specialised:
        encoder, read = self.bench.encoder, self.read
        if recipe is None:
            return specialise(base, dataset, self.task, encoder, read)
        teacher = self.base(recipe.teacher)
        return distil(base, teacher, dataset, more, recipe, self.task, encoder, read)

    def unlabelled(self, recipe: Distil, dataset: Dataset) -> list[Item]:
        """Return a recipe's unlabelled observations that a model of the dataset may learn from.

        Left out are those that were forgotten, those that have a label by now, and those like an
        item that is not to be trained on.
        """
        labelled = {item.input for item in dataset.items}
        apart = {item.group for item in dataset.items if item.split != "train"}
        listed = self.present(self.store.datasets.get(recipe.unlabelled).split("unlabelled"))
        return [one for one in listed if one.input not in labelled and one.group not in apart]

    def recipe_of(self, model: Digest) -> Distil | None:
        """Return how a model was distilled, or `None` where it was not."""
        return self.store.evidence.get(self._name, DISTILLED + model, Distil)

    def recipe_on(self, base: str) -> Distil | None:
        """Return how more data is learned on a base: as the deployed model was, if it is on it.

        Teacher and unlabelled observations stay; how much they count is chosen anew.
        """
        release = self.store.releases.deployed(self._name)
        if release is None or self.store.models.find(release.model).card.base != base:
            return None
        found = self.recipe_of(release.model)
        return found and Distil(teacher=found.teacher, unlabelled=found.unlabelled)

    def deployed(self) -> tuple[Specialised, float | None] | None:
        """Return the last release, fitted again if need be, with its threshold."""
        release = self.store.releases.deployed(self._name)
        if release is None:
            return None
        return self.made(release.model), self.store.models.find(release.model).card.threshold

    def made(self, model: Digest) -> Specialised:
        """Return a model as it was specialised: fitted again, or read from an adopted one's file.

        An adopted model's dataset is not here; the empty one stands for it.
        """
        card = self.store.models.find(model).card
        base = self.base(card.base)
        recipe = self.recipe_of(model)
        if self.store.datasets.find(card.dataset) is not None:
            return self.specialised(base, self.store.datasets.get(card.dataset), recipe)
        self.store.datasets.put(Dataset.of(self._name, []), -1)
        return adopted(base, self.store.models.get(model), card, self.task)

    def state(self, number: int) -> TurnState | None:
        """Read a turn's state."""
        row = self.store.turns.get(self._name, number)
        return None if row is None else msgspec.json.decode(row.state, type=TurnState)

    def save(self, turn: TurnState) -> None:
        """Write a turn's state; part of the stage's own transaction."""
        self.store.turns.put(
            self._name, turn.number, turn.stage, turn, closed=turn.stage == "closed"
        )

    def note(self, turn: TurnState, kind: str, about: str = "", **body: str) -> None:
        """Append a fact about a turn to the journal, once."""
        self.store.journal.append(
            kind,
            task=self._name,
            turn=turn.number,
            key=f"{self._name}/{turn.number}/{kind}/{about}",
            at=self.clock(),
            body=body,
        )

"""What the catalog hands out beside the shared records."""

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from twoloops.records.base import BaseCard, ModelCard
from twoloops.records.digests import Digest
from twoloops.records.finding import Vetting
from twoloops.records.gate import Verdict
from twoloops.records.observation import Place

T = TypeVar("T")


class StoredModel(msgspec.Struct, frozen=True):
    """A model of a task, and the turn that first made it."""

    digest: Digest
    task: str
    turn: int
    card: ModelCard


class StoredBase(msgspec.Struct, frozen=True):
    """A base that was added: what is known of it, how it was vetted, where it came from."""

    name: str
    digest: Digest
    source: str
    shape: tuple[int, int] | None
    card: BaseCard
    vetting: Vetting
    added_at: datetime
    dropped_at: datetime | None


class Release(msgspec.Struct, frozen=True):
    """A model approved for a task, with the evidence that approved it."""

    task: str
    turn: int
    model: Digest
    verdict: Verdict
    approved_at: datetime


class Turn(msgspec.Struct, frozen=True):
    """One turn of a task: the stage it is in, and that stage's own state as JSON."""

    task: str
    number: int
    stage: str
    closed: bool
    state: str

    def read(self, type_: type[T]) -> T:
        """Return the state as a record."""
        return msgspec.json.decode(self.state, type=type_)

    def as_dict(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return msgspec.json.decode(self.state, type=dict[str, Any])


class Rollout(msgspec.Struct, frozen=True, kw_only=True):
    """One roll-out of a task: what it rolls out, and its own state as JSON."""

    task: str
    number: int
    model: Digest
    status: str
    open: bool
    state: str

    def read(self, type_: type[T]) -> T:
        """Return the state as a record."""
        return msgspec.json.decode(self.state, type=type_)


class RolloutMove(msgspec.Struct, frozen=True, kw_only=True):
    """One transition of a roll-out, with its reason and evidence as JSON."""

    rollout: int
    number: int
    what: str
    stage: int
    at: datetime
    body: str

    def read(self, type_: type[T]) -> T:
        """Return reason and evidence as a record."""
        return msgspec.json.decode(self.body, type=type_)


class Quarantined(msgspec.Struct, frozen=True):
    """One unusable input: where it came from, its place there, and why it is unusable."""

    source: str
    place: str
    reason: str
    at: datetime


class Reason(msgspec.Struct, frozen=True):
    """How many inputs of a source are unusable for one reason, and when the last of them came."""

    source: str
    reason: str
    count: int
    last: datetime


class Gap(msgspec.Struct, frozen=True, order=True):
    """Counters of an edge's epoch that never arrived, both ends included."""

    edge: str
    epoch: str
    first: int
    last: int

    @property
    def missing(self) -> int:
        """How many observations that are."""
        return self.last - self.first + 1


class Node(msgspec.Struct, frozen=True, order=True):
    """A thing with a past, of a kind: `base`, `dataset`, `model`, `labeller` and so on."""

    kind: str
    title: str
    digest: Digest


class Edge(msgspec.Struct, frozen=True, order=True):
    """`child` was made from `parent`."""

    child: Digest
    parent: Digest
    relation: str


class Forgotten(msgspec.Struct, frozen=True):
    """What an input was used for before it was forgotten.

    Args:
        input: Its digest, which stays.
        observations: The observations that had exactly these bytes.
        datasets: Digests of the datasets that hold it.
        models: Digests of the models made from one of them.
    """

    input: Digest
    observations: tuple[Place, ...]
    datasets: tuple[Digest, ...]
    models: tuple[Digest, ...]

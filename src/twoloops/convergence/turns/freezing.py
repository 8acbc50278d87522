"""Freeze what is labelled by now into a dataset, and again where labels were left out since."""

from msgspec.structs import replace

from twoloops.convergence.turns.labelled import answered, contested
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import TurnState
from twoloops.physical import datasets
from twoloops.physical.labelling.teaching.left_out import left_out
from twoloops.records.dataset import Dataset
from twoloops.records.digests import Digest


def freeze(loop: Loop, turn: TurnState) -> TurnState:
    """Freeze the labelled observations into an immutable dataset."""
    dataset = _labelled(loop, turn)
    digest = _keep(loop, turn, dataset)
    disputed = contested(loop)
    more = {"contested": str(disputed)} if disputed else {}
    loop.note(turn, "dataset frozen", dataset=digest, items=str(len(dataset.items)), **more)
    return replace(turn, dataset=digest)


def without_left_out(loop: Loop, turn: TurnState) -> TurnState:
    """Freeze again where a teacher's labels were left out since: nothing may learn from them."""
    if not left_out(loop.store):
        return turn
    dataset = _labelled(loop, turn)
    if dataset.digest == turn.dataset:
        return turn
    digest = _keep(loop, turn, dataset)
    loop.note(turn, "dataset frozen again", digest, items=str(len(dataset.items)))
    return replace(turn, dataset=digest)


def _labelled(loop: Loop, turn: TurnState) -> Dataset:
    rows = answered(loop, turn)
    return datasets.freeze(loop.task.name, turn.number, rows, audits_train=loop.policy.data)


def _keep(loop: Loop, turn: TurnState, dataset: Dataset) -> Digest:
    digest = loop.store.datasets.put(dataset, turn.number)
    title = f"{loop.task.name} dataset of turn {turn.number}"
    loop.store.lineage.node(digest, "dataset", title)
    return digest

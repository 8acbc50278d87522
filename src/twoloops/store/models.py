"""Models of tasks, and the releases that approved some of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select

from twoloops.records.base import ModelCard
from twoloops.records.digests import Digest, canonical
from twoloops.records.errors import UserError
from twoloops.records.gate import Verdict
from twoloops.store.database import Database, chunks, stamp
from twoloops.store.inputs import Inputs
from twoloops.store.rows import Release, StoredModel
from twoloops.store.schema import journal, models, releases

REVOKED = "model revoked"
"""Kind of the journal's fact that revokes a model; its key is the kind, a slash and the digest."""
WITHDRAWN, REINSTATED = "release withdrawn", "release reinstated"
"""Kinds of the facts that take a release back and put it in force again; they belong to no
turn, their body names turn and model."""

_cards = msgspec.json.Decoder(ModelCard)
_verdicts = msgspec.json.Decoder(Verdict)


class Models:
    """Models: bytes, card, and the turn that first made them."""

    def __init__(self, database: Database, inputs: Inputs) -> None:
        self._database = database
        self._inputs = inputs

    def put(self, data: bytes, card: ModelCard, turn: int) -> Digest:
        """Keep a model under the digest of its bytes; putting it twice is putting it once."""
        with self._database.transaction():
            digest = self._inputs.put(data, "model")
            self._database.insert_absent(
                models,
                [
                    {
                        "task": card.task,
                        "digest": digest,
                        "turn": turn,
                        "dataset": card.dataset,
                        "card": canonical(card).decode(),
                    }
                ],
            )
        return digest

    def get(self, digest: Digest) -> bytes:
        """Return a model's bytes; `UserError` when there are none."""
        return self._inputs.get(digest)

    def find(self, digest: Digest) -> StoredModel:
        """Return a model's card and turn.

        Raises:
            UserError: If there is no such model.
        """
        found = self._list(models.c.digest == digest)
        if not found:
            raise UserError(f"no model {digest} in this workspace: see  twoloops status")
        return found[0]

    def of_task(self, task: str) -> list[StoredModel]:
        """Return a task's models, by turn."""
        return self._list(models.c.task == task)

    def latest(self, task: str) -> StoredModel | None:
        """Return a model of the last turn that made one, released or not, or `None`."""
        found = self.of_task(task)
        return found[-1] if found else None

    def made_from(self, datasets: Sequence[Digest]) -> list[StoredModel]:
        """Return the models specialised on any of the datasets."""
        return [
            model for chunk in chunks(datasets) for model in self._list(models.c.dataset.in_(chunk))
        ]

    def _list(self, condition: Any) -> list[StoredModel]:
        query = select(models).where(condition).order_by(models.c.turn, models.c.digest)
        with self._database.reading() as connection:
            return [
                StoredModel(row.digest, row.task, row.turn, _cards.decode(row.card))
                for row in connection.execute(query)
            ]


class Releases:
    """Releases, in the order of their approval."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def approve(
        self, task: str, turn: int, model: Digest, verdict: Verdict, at: datetime
    ) -> Release:
        """Approve a model; approving it twice in a turn is approving it once.

        Raises:
            ValueError: If the verdict refused it.
        """
        if not verdict.released:
            raise ValueError(f"the gate refused {model}: {verdict.reason}")
        row = {
            "task": task,
            "turn": turn,
            "model": model,
            "verdict": canonical(verdict).decode(),
            "approved_at": stamp(at),
        }
        with self._database.transaction():
            self._database.insert_absent(releases, [row])
            return next(one for one in self.all(task) if (one.turn, one.model) == (turn, model))

    def deployed(self, task: str) -> Release | None:
        """Return the last release that holds, or `None`."""
        found = self.holding(task)
        return found[-1] if found else None

    def holding(self, task: str) -> list[Release]:
        """Return the releases that were not withdrawn and whose model was not revoked."""
        revoked, withdrawn = self.revoked(), self.withdrawn(task)
        return [
            one
            for one in self.all(task)
            if one.model not in revoked and (one.turn, one.model) not in withdrawn
        ]

    def withdrawn(self, task: str) -> frozenset[tuple[int, Digest]]:
        """Return turn and model of the releases that were taken back, as the journal says."""
        query = (
            select(journal.c.kind, journal.c.body)
            .where(
                journal.c.task == task,
                journal.c.turn == -1,  # by the index: few facts belong to no turn
                journal.c.kind.in_((WITHDRAWN, REINSTATED)),
            )
            .order_by(journal.c.sequence)
        )
        found: dict[tuple[int, Digest], bool] = {}
        with self._database.reading() as connection:
            for kind, body in connection.execute(query):
                said = msgspec.json.decode(body, type=dict[str, str])
                found[int(said["turn"]), said["model"]] = kind == WITHDRAWN
        return frozenset(one for one, out in found.items() if out)

    def revoked(self) -> frozenset[Digest]:
        """Return the models that were revoked: the journal says it, and nothing takes it back."""
        query = select(journal.c.key).where(journal.c.kind == REVOKED)
        with self._database.reading() as connection:
            return frozenset(key.partition("/")[2] for key in connection.scalars(query))

    def all(self, task: str) -> list[Release]:
        """Return a task's releases, the oldest first."""
        query = select(releases).where(releases.c.task == task).order_by(releases.c.number)
        with self._database.reading() as connection:
            return [
                Release(
                    row.task,
                    row.turn,
                    row.model,
                    _verdicts.decode(row.verdict),
                    datetime.fromisoformat(row.approved_at),
                )
                for row in connection.execute(query)
            ]

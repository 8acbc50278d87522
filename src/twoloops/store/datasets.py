"""Datasets by digest."""

import msgspec
from sqlalchemy import select

from twoloops.records.dataset import Dataset
from twoloops.records.digests import Digest, canonical
from twoloops.records.errors import UserError
from twoloops.store.database import Database
from twoloops.store.schema import dataset_inputs, datasets

_decoder = msgspec.json.Decoder(Dataset)


class Datasets:
    """Immutable dataset versions. Law: `get(put(dataset, turn)) == dataset`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, dataset: Dataset, turn: int) -> Digest:
        """Keep a dataset under its digest; the first turn that made it stays noted."""
        digest = dataset.digest
        with self._database.transaction():
            self._database.insert_absent(
                datasets,
                [
                    {
                        "digest": digest,
                        "task": dataset.task,
                        "turn": turn,
                        "body": canonical(dataset).decode(),
                    }
                ],
            )
            used = dict.fromkeys(item.input for item in dataset.items)
            self._database.insert_absent(
                dataset_inputs, [{"dataset": digest, "input": one} for one in used]
            )
        return digest

    def get(self, digest: Digest) -> Dataset:
        """Return a dataset.

        Raises:
            UserError: If there is none of that digest.
        """
        found = self.find(digest)
        if found is None:
            raise UserError(f"no dataset {digest} in this workspace: check the digest")
        return found

    def find(self, digest: Digest) -> Dataset | None:
        """Return a dataset, or `None`."""
        with self._database.reading() as connection:
            body = connection.scalar(select(datasets.c.body).where(datasets.c.digest == digest))
        return None if body is None else _decoder.decode(body)

    def of_task(self, task: str) -> list[tuple[int, Digest]]:
        """Return turn and digest of every dataset of a task, by turn."""
        query = (
            select(datasets.c.turn, datasets.c.digest)
            .where(datasets.c.task == task)
            .order_by(datasets.c.turn, datasets.c.digest)
        )
        with self._database.reading() as connection:
            return [(turn, digest) for turn, digest in connection.execute(query)]

    def latest(self, task: str) -> Dataset | None:
        """Return the dataset of the last turn that froze one, or `None`."""
        known = self.of_task(task)
        return self.get(known[-1][1]) if known else None

    def using(self, digest: Digest) -> list[Digest]:
        """Return the datasets that hold an input."""
        query = (
            select(dataset_inputs.c.dataset)
            .where(dataset_inputs.c.input == digest)
            .order_by(dataset_inputs.c.dataset)
        )
        with self._database.reading() as connection:
            return list(connection.scalars(query))

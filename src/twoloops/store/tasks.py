"""Tasks by name."""

import msgspec
from sqlalchemy import select

from twoloops.records.digests import canonical
from twoloops.records.errors import NotKnownError
from twoloops.records.task import Task
from twoloops.store.database import Database
from twoloops.store.schema import tasks

_decoder = msgspec.json.Decoder(Task)


class Tasks:
    """The tasks of a workspace."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, task: Task) -> None:
        """Add a task, or replace the one of its name."""
        self._database.upsert(tasks, {"name": task.name, "body": canonical(task).decode()})

    def find(self, name: str) -> Task | None:
        """Return a task, or `None`."""
        with self._database.reading() as connection:
            body = connection.scalar(select(tasks.c.body).where(tasks.c.name == name))
        return None if body is None else _decoder.decode(body)

    def get(self, name: str) -> Task:
        """Return a task.

        Raises:
            NotKnownError: If there is none of that name.
        """
        task = self.find(name)
        if task is None:
            names = [task.name for task in self.all()]
            known = f"choose one of {names}" if names else "there is none yet"
            raise NotKnownError(
                f"no task {name!r}: {known}, or add it with  twoloops task add", name
            )
        return task

    def all(self) -> list[Task]:
        """Return every task, by name."""
        with self._database.reading() as connection:
            bodies = connection.scalars(select(tasks.c.body).order_by(tasks.c.name)).all()
        return [_decoder.decode(body) for body in bodies]

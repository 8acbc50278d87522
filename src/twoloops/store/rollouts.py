"""Roll-outs of a task's releases: where each stands, and every transition with its evidence."""

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, func, select

from twoloops.records.digests import Digest, canonical
from twoloops.store.database import Database, stamp
from twoloops.store.rows import Rollout, RolloutMove
from twoloops.store.schema import rollout_moves, rollouts


class Rollouts:
    """Roll-outs, by number. Law: of a task at most one is open."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, one: Rollout) -> None:
        """Keep where a roll-out stands, instead of where it stood.

        Raises:
            ValueError: Another one of the task is open.
        """
        with self._database.transaction():
            found = self.open(one.task)
            if one.open and found is not None and found.number != one.number:
                raise ValueError(f"task {one.task!r} has roll-out {found.number} open")
            self._database.upsert(rollouts, msgspec.structs.asdict(one))

    def moved(
        self, task: str, rollout: int, what: str, stage: int, at: datetime, record: object
    ) -> RolloutMove:
        """Append a transition, with its reason and evidence."""
        with self._database.transaction() as connection:
            same = (rollout_moves.c.task == task, rollout_moves.c.rollout == rollout)
            last = connection.scalar(select(func.max(rollout_moves.c.number)).where(*same)) or 0
            row = {
                "task": task,
                "rollout": rollout,
                "number": last + 1,
                "what": what,
                "stage": stage,
                "moved_at": stamp(at),
                "body": canonical(record).decode(),
            }
            self._database.insert(rollout_moves, [row])
        return RolloutMove(
            rollout=rollout, number=last + 1, what=what, stage=stage, at=at, body=str(row["body"])
        )

    def open(self, task: str) -> Rollout | None:
        """Return the one that is open, or `None`."""
        found = self._list(rollouts.c.task == task, rollouts.c.open)
        return found[0] if found else None

    def last(self, task: str) -> Rollout | None:
        """Return the last one, open or not, or `None`."""
        found = self.all(task)
        return found[-1] if found else None

    def all(self, task: str) -> list[Rollout]:
        """Return every one of a task, the first one first."""
        return self._list(rollouts.c.task == task)

    def of_model(self, task: str, model: Digest) -> list[Rollout]:
        """Return every one of a model."""
        return self._list(rollouts.c.task == task, rollouts.c.model == model)

    def moves(self, task: str, rollout: int) -> list[RolloutMove]:
        """Return the transitions of a roll-out, in order."""
        query = (
            select(rollout_moves)
            .where(rollout_moves.c.task == task, rollout_moves.c.rollout == rollout)
            .order_by(rollout_moves.c.number)
        )
        with self._database.reading() as connection:
            return [_move(row) for row in connection.execute(query)]

    def _list(self, *conditions: Any) -> list[Rollout]:
        query = select(rollouts).where(*conditions).order_by(rollouts.c.number)
        with self._database.reading() as connection:
            return [Rollout(**row._asdict()) for row in connection.execute(query)]


def _move(row: Row[Any]) -> RolloutMove:
    return RolloutMove(
        rollout=row.rollout,
        number=row.number,
        what=row.what,
        stage=row.stage,
        at=datetime.fromisoformat(row.moved_at),
        body=row.body,
    )

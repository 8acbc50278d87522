"""What the plant calls an observation: a serial number, an order, a file; outcomes join by it."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select

from twoloops.records.observation import Place
from twoloops.store.database import Database, chunks
from twoloops.store.observations import at_places, place_columns
from twoloops.store.schema import observation_keys


class Keys:
    """One key an observation at most; one key may name several observations."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add_many(self, task: str, keys: Mapping[Place, str]) -> None:
        """Note keys; an observation that has one keeps it."""
        self._database.insert_absent(
            observation_keys,
            [{**place_columns(place), "task": task, "key": key} for place, key in keys.items()],
        )

    def find(self, task: str, keys: Iterable[str]) -> dict[str, list[Place]]:
        """Return the observations of a task by key, in order; unknown keys are absent."""
        found: dict[str, list[Place]] = {}
        table = observation_keys.c
        for chunk in chunks(sorted(set(keys))):
            query = select(observation_keys).where(table.task == task, table.key.in_(chunk))
            query = query.order_by(table.edge, table.epoch, table.counter)
            with self._database.reading() as connection:
                for row in connection.execute(query):
                    found.setdefault(row.key, []).append(Place(row.edge, row.epoch, row.counter))
        return found

    def of(self, places: Iterable[Place]) -> dict[Place, str]:
        """Return the keys of observations; those without one are absent."""
        found: dict[Place, str] = {}
        for condition in at_places(observation_keys, places):
            with self._database.reading() as connection:
                for row in connection.execute(select(observation_keys).where(condition)):
                    found[Place(row.edge, row.epoch, row.counter)] = row.key
        return found

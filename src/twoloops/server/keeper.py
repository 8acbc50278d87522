"""The threads that hold the workspace open: a store is used by one thread at a time.

Reading goes to two threads; everything that writes queues on one. What is a single transaction
(a label, a lease, a token) needs no more than the catalog's own lock. What spans several (taking
in observations with their blobs, a stage of a turn) takes the workspace's lock besides, as the
command line does, and only for as long as it works: both can be used beside each other.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from twoloops.store.lock import workspace_lock
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import now

T = TypeVar("T")

READERS = 2
PATIENCE = 10.0
"""Seconds to wait for another process that holds the workspace."""


class Keeper:
    """A workspace's stores, each on its own thread.

    Args:
        folder: The workspace; it must be there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._own = threading.local()
        self._stores: list[Store] = []
        self._readers = ThreadPoolExecutor(READERS, "reader", self._open)
        self._writer = ThreadPoolExecutor(1, "writer", self._open)

    def _open(self) -> None:
        self._own.store = Store.open(self.folder, create=False)
        self._stores.append(self._own.store)

    def close(self) -> None:
        """Finish what has begun, and let go of the workspace."""
        for pool in (self._writer, self._readers):
            pool.shutdown(wait=True, cancel_futures=True)
        for store in self._stores:
            store.close()

    async def read(self, act: Callable[[Store], T]) -> T:
        """Look at the workspace; a writer may be at work meanwhile."""
        return await self._run(self._readers, act)

    async def write(self, act: Callable[[Store], T]) -> T:
        """Do what is one transaction of the catalog."""
        return await self._run(self._writer, act)

    async def hold(self, act: Callable[[Store], T]) -> T:
        """Do what needs the workspace to itself.

        Raises:
            UserError: Another process keeps it for too long.
        """

        def alone(store: Store) -> T:
            with workspace_lock(self.folder, "twoloops serve", now(), wait=PATIENCE):
                return act(store)

        return await self._run(self._writer, alone)

    async def _run(self, pool: ThreadPoolExecutor, act: Callable[[Store], T]) -> T:
        def call() -> T:
            return act(self._own.store)

        return await asyncio.get_running_loop().run_in_executor(pool, call)

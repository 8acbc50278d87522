"""The threads that hold the workspace open: a store is used by one thread at a time.

Reading goes to two threads, looking up tokens to one of its own, so that nobody waits at the door
for somebody else's long report; everything that writes queues on one. What is a single transaction
(a label, a lease, a token) needs no more than the catalog's own lock. What spans several (taking
in observations with their blobs, a stage of a turn) takes the workspace's lock besides, as the
command line does, and only for as long as it works: both can be used beside each other.

The writer is what a full intake waits for. So what needs no store (to read a batch, to digest its
inputs) is done beside it, and so is copying the catalog's log into the catalog.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy.exc import OperationalError

from twoloops.records.errors import TransientError, UserError
from twoloops.store.lock import workspace_lock
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import now

T = TypeVar("T")

HOLDER = "twoloops serve"
READERS = 2
PATIENCE = 10.0
"""Seconds to wait for another process that holds the workspace."""


class Keeper:
    """A workspace's stores, each on its own thread.

    Args:
        folder: The workspace; it must be there.
        on_write: Called, on any thread, after something was written.
    """

    def __init__(self, folder: Path, on_write: Callable[[], None] | None = None) -> None:
        self.folder = folder
        self._on_write = on_write or (lambda: None)
        self._own = threading.local()
        self._stores: list[Store] = []
        self._readers = ThreadPoolExecutor(READERS, "reader", self._open)
        self._writer = ThreadPoolExecutor(1, "writer", self._open_writer)
        self._door = ThreadPoolExecutor(1, "door", self._open)
        self._apart = ThreadPoolExecutor(1, "apart")
        self._copier = ThreadPoolExecutor(1, "copier", self._open)
        self._copied: Future[None] | None = None

    def _open(self) -> None:
        self._own.store = Store.open(self.folder, create=False)
        self._stores.append(self._own.store)

    def _open_writer(self) -> None:
        self._open()
        self._own.store.leave_log()

    def close(self) -> None:
        """Finish what has begun, and let go of the workspace."""
        for pool in (self._apart, self._writer, self._copier, self._readers, self._door):
            pool.shutdown(wait=True, cancel_futures=True)
        for store in self._stores:
            store.close()

    async def read(self, act: Callable[[Store], T]) -> T:
        """Look at the workspace; a writer may be at work meanwhile."""
        return await self._run(self._readers, act)

    async def admit(self, act: Callable[[Store], T]) -> T:
        """Look up who asks."""
        return await self._run(self._door, act)

    async def compute(self, act: Callable[[], T]) -> T:
        """Do what needs no store, beside the writer and in the order asked for."""
        return await asyncio.get_running_loop().run_in_executor(self._apart, act)

    async def write(self, act: Callable[[Store], T]) -> T:
        """Do what is one transaction of the catalog."""
        return await self._written(act)

    async def hold(self, act: Callable[[Store], T]) -> T:
        """Do what needs the workspace to itself.

        Raises:
            TransientError: Another process keeps it for too long.
        """

        def alone(store: Store) -> T:
            with contextlib.ExitStack() as stack:
                try:
                    lock = workspace_lock(self.folder, HOLDER, now(), wait=PATIENCE)
                    stack.enter_context(lock)
                except UserError as error:
                    raise TransientError(str(error)) from error
                return act(store)

        return await self._written(alone)

    def checkpoint(self) -> None:
        """Begin to copy the catalog's log, where much was written: nobody need wait for that."""
        if self._copied is None or self._copied.done():
            self._copied = self._copier.submit(self._copy)

    def _copy(self) -> None:
        with contextlib.suppress(OperationalError):  # the writer says so, where its disk is full
            self._own.store.checkpoint()

    async def _written(self, act: Callable[[Store], T]) -> T:
        try:
            return await self._run(self._writer, act)
        finally:
            self._on_write()

    async def _run(self, pool: ThreadPoolExecutor, act: Callable[[Store], T]) -> T:
        def call() -> T:
            try:
                return act(self._own.store)
            except OperationalError as error:  # of the engine, not of what was asked
                raise TransientError(f"the catalog cannot be used now ({error.orig})") from error

        return await asyncio.get_running_loop().run_in_executor(pool, call)

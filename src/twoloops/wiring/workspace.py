"""The only place that builds a workspace's real adapters: store, lock, bases, loop."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from twoloops.convergence.turns.loop import Loop, Workbench
from twoloops.convergence.turns.workspace_turn import policy_of
from twoloops.digital.base import Base
from twoloops.digital.catalogue import Offer, first_base, upstream
from twoloops.digital.concatenate import concatenate
from twoloops.records.task import Task
from twoloops.store.fetch import default_cache
from twoloops.store.lock import Holder, workspace_lock
from twoloops.store.rows import StoredBase
from twoloops.store.workspace import CATALOG, Store

OnWait = Callable[[Holder | None], None]


def now() -> datetime:
    """Return the present time, UTC."""
    return datetime.now(UTC)


def command_line() -> str:
    """Return what this process was called as, for those who wait for it."""
    return " ".join(["twoloops", *sys.argv[1:]])


@contextmanager
def writing(
    folder: Path, *, create: bool = False, wait: float = 10.0, on_wait: OnWait | None = None
) -> Iterator[Store]:
    """Open a workspace for writing: one writer at a time.

    Args:
        folder: The workspace.
        create: Whether to make what is not there.
        wait: Seconds to wait for another writer.
        on_wait: Told once who that is.

    Raises:
        UserError: There is no workspace, or another process keeps it.
    """
    if create:
        Store.open(folder).close()
    elif not (folder / CATALOG).is_file():
        Store.open(folder, create=False)  # says what is missing; no lock file is left behind
    with (
        workspace_lock(folder, command_line(), now(), wait=wait, on_wait=on_wait),
        Store.open(folder, create=create) as store,
    ):
        store.sweep()
        yield store


def reading(folder: Path) -> Store:
    """Open a workspace to look at it; a writer may be at work meanwhile.

    Raises:
        UserError: There is no workspace.
    """
    return Store.open(folder, create=False)


def workbench(task: Task, store: Store | None = None) -> Workbench:
    """Return the bases of a task's kind, dated as they become available upstream.

    Args:
        task: The task.
        store: The workspace whose own added bases are offered too, from the first turn; alone and
            beside the built-in features.
    """
    offers = list(upstream(task.kind, task.shape))
    dropped: list[Offer] = []
    for one in store.bases.all() if store is not None else ():
        if (one.card.input, one.shape) == (task.kind, task.shape):
            assert store is not None
            (offers if one.dropped_at is None else dropped).extend(_own(store, one, task))
    return Workbench(offers, default_cache(), dropped=dropped)


def _own(store: Store, kept: StoredBase, task: Task) -> tuple[Offer, Offer]:
    def alone(_: Path) -> Base:
        return Base(kept.card, store.bases.graph(kept.digest))

    first = first_base(task.kind, task.shape)
    beside = f"{first.card.name}+{kept.name}"
    return (
        Offer(kept.name, 0, alone),
        Offer(beside, 0, lambda cache: concatenate([first, alone(cache)])),
    )


def loop(store: Store, task: Task) -> Loop:
    """Return a task's two loops under the policy kept beside it."""
    return Loop(store, task.name, policy_of(store, task.name), workbench(task, store), now)

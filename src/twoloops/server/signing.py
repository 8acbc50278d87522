"""The server signs: what is new soon after it is, and every day what would expire."""

import logging
from pathlib import Path
from time import monotonic

from twoloops.records.errors import UserError
from twoloops.store.workspace import Store
from twoloops.wiring.trust import publish, repository
from twoloops.wiring.workspace import now

log = logging.getLogger("twoloops.server")

EVERY = 600.0
"""Seconds after which it is looked whether something expires, though nothing is new."""


class Signer:
    """Signs where a repository was begun, which `twoloops serve` does.

    Args:
        folder: The workspace.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mark: object = None
        self._since = -EVERY

    def look(self, store: Store) -> None:
        """Sign if there may be something to sign. A failure is logged and tried again."""
        if not repository(self._folder).there:
            return
        mark = _mark(store)
        if mark == self._mark and monotonic() < self._since + EVERY:
            return
        try:
            publish(self._folder, store, now())
        except UserError as error:
            log.warning("releases were not signed: %s", error)
        except Exception:  # whatever it is, the turns go on
            log.exception("releases were not signed")
        self._mark, self._since = _mark(store), monotonic()


def _mark(store: Store) -> object:
    """Return what changes whenever there may be something to sign: facts, groups of edges."""
    return store.journal.head(), {(one.task, one.group) for one in store.edges.all()}

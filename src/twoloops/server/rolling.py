"""The server rolls releases out: looks at open roll-outs as edges and labels come in."""

import logging
from pathlib import Path
from time import monotonic

from twoloops.records.errors import UserError
from twoloops.store.workspace import Store
from twoloops.wiring.rollout_evidence import Deciding
from twoloops.wiring.rollouts import look
from twoloops.wiring.workspace import now

log = logging.getLogger("twoloops.server")

EVERY = 1.0
"""Seconds between two looks at least."""
SHARE = 0.05
"""Share of the time that may be spent looking: many edges are looked at less often."""


class Roller:
    """Steps roll-outs where releases are signed.

    Args:
        folder: The workspace.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._deciding = Deciding()
        self._next = -EVERY

    def look(self, store: Store) -> None:
        """Look, unless it was just done. A failure is logged and tried again."""
        began = monotonic()
        if began < self._next:
            return
        try:
            look(self._folder, store, now(), self._deciding)
        except UserError as error:
            log.warning("roll-outs stand still: %s", error)
        except Exception:  # whatever it is, the turns go on
            log.exception("roll-outs stand still")
        ended = monotonic()
        self._next = ended + max(EVERY, (ended - began) / SHARE)

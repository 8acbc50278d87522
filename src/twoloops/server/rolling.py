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

EVERY = 5.0
"""Seconds between two looks: edges are heard about as often."""


class Roller:
    """Steps roll-outs where releases are signed.

    Args:
        folder: The workspace.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._deciding = Deciding()
        self._since = -EVERY

    def look(self, store: Store) -> None:
        """Look, unless it was just done. A failure is logged and tried again."""
        if monotonic() < self._since + EVERY:
            return
        try:
            look(self._folder, store, now(), self._deciding)
        except UserError as error:
            log.warning("roll-outs stand still: %s", error)
        except Exception:  # whatever it is, the turns go on
            log.exception("roll-outs stand still")
        self._since = monotonic()

"""One task on one edge, as a process: decides under one lock, keeps, tells, stays within its disk.

Whatever the source, an input passes here.
"""

import contextlib
import shutil
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import twoloops
from twoloops.edge.agent import Agent, Decider, Tally
from twoloops.edge.full import to_drop
from twoloops.edge.home import Home, Orders, Standing
from twoloops.edge.ports import Sink, Verdict
from twoloops.edge.sources import Arrival
from twoloops.edge.spool import Spool
from twoloops.edge.spoolrows import POWER_CUT
from twoloops.records.errors import TransientError
from twoloops.records.observation import Place
from twoloops.records.task import Task

PERIOD = "incoming"
"""The period of what an edge sends; the server puts the turn's in its place."""
LOOK_EVERY = 64
"""Kept observations between two looks at the disk."""


class Station:
    """Decides and keeps. Used by any number of threads.

    Args:
        home: The edge's folder.
        spool: Its queue.
        orders: What the server said last.
        runtime: What decides, or `None`.
        clock: The time, UTC.
        limit: Bytes the spool may have.
        sinks: Told every verdict.
        on_kept: Called after something new is durable.
        releases: Returns what `Standing` says of releases.
    """

    def __init__(
        self,
        home: Home,
        spool: Spool,
        orders: Orders,
        runtime: Decider | None,
        *,
        clock: Callable[[], datetime],
        limit: int,
        sinks: Sequence[Sink] = (),
        on_kept: Callable[[], None] = lambda: None,
        releases: Callable[[], dict[str, Any]] = lambda: {"release": None},
    ) -> None:
        self._home, self._spool, self._clock, self._limit = home, spool, clock, limit
        self._sinks, self._on_kept, self._releases = sinks, on_kept, releases
        self._agent = Agent(spool.edge, orders.task, runtime, orders.capture, spool, orders.seed)
        self._lock = threading.Lock()
        self._since_look = 0
        self.not_kept = 0
        """Inputs decided on that could not be written at all."""
        self._untold = 0
        self.unusable = 0
        """Inputs that could not be read."""

    @property
    def not_told(self) -> int:
        """Verdicts that sinks did not take; those with a queue count for themselves."""
        return self._untold + sum(getattr(sink, "dropped", 0) for sink in self._sinks)

    @property
    def task(self) -> Task:
        """The task as it is now."""
        return self._agent.task

    def order(self, orders: Orders) -> None:
        """Do as the server says from the next batch on."""
        with self._lock:
            self._agent.task, self._agent.policy = orders.task, orders.capture
            self._agent.seed = orders.seed

    def observe(
        self, keys: list[str], arrivals: list[Arrival], marks: list[tuple[str, int]]
    ) -> Tally:
        """Decide on inputs, keep some, make that durable and tell the sinks.

        Raises:
            TransientError: They cannot be kept now; the sinks are not told.
        """
        tally = self.decide(arrivals, marks)
        self.settle(keys, tally)
        return tally

    def decide(self, arrivals: list[Arrival], marks: Sequence[tuple[str, int]] = ()) -> Tally:
        """Decide on inputs and queue what is kept; it is not durable yet.

        Raises:
            TransientError: The spool cannot be written.
        """
        with self._lock:
            tally = self._agent.observe(arrivals, marks)
            self.unusable += len(tally.quarantined)
            return tally

    def decide_only(self, arrivals: list[Arrival]) -> Tally:
        """Decide without keeping anything: for a line that must go on while the disk is full."""
        with self._lock:
            decisions, refused = self._agent.answers([one.input for one in arrivals])
            self.not_kept += len(arrivals) - len(refused)
        nothing = (None,) * len(arrivals)
        return Tally(tuple(decisions), nothing, nothing, tuple(sorted(refused.items())))

    def settle(self, keys: list[str], tally: Tally) -> None:
        """Wait until what was kept is durable; then tell the sinks.

        Raises:
            TransientError: The spool cannot be written.
        """
        if tally.kept:
            self._spool.flush()
            self._look(tally.kept)
            self._on_kept()
        if self._sinks:
            self._tell(keys, tally)

    def taken(self, name: str) -> int | None:
        """Return how far a source was taken, or `None`; what is queued is made durable first.

        Raises:
            TransientError: It cannot be made durable now: nobody knows yet how far it is.
        """
        self._spool.flush()
        return self._spool.taken(name)

    def forget_taken(self, name: str) -> None:
        """Drop the note of a source that cannot come again."""
        self._spool.forget_taken(name)

    def place(self, counter: int | None) -> str | None:
        """Return the place of a number."""
        if counter is None:
            return None
        return str(Place(self._spool.edge, self._spool.epoch, counter))

    def standing(self, failures: int = 0, last_error: str = "") -> Standing:
        """Return how the edge stands, with what its uplink says of failures."""
        count, size = self._spool.depth
        gaps = self._spool.missing
        lost = sum(gap.last - gap.first + 1 for gap in gaps if gap.reason == POWER_CUT)
        return Standing(
            version=twoloops.__version__,
            clock=self._clock().isoformat(),
            seen=self._spool.seen,
            spooled=count,
            spool_bytes=size,
            disk_free=shutil.disk_usage(self._home.folder).free,
            dropped=sum(gap.last - gap.first + 1 for gap in gaps) - lost,
            unknown=lost,
            not_kept=self.not_kept,
            not_told=self.not_told,
            unusable=self.unusable,
            failures=failures,
            last_error=last_error[:300],
            **self._releases(),
        )

    def keep_within(self) -> int:
        """Drop by the full policy where the spool is larger than it may be; counts them."""
        if self._spool.depth[1] <= self._limit:
            return 0
        dropped = 0
        groups = to_drop(self._spool.edge, self._spool.epoch, self._spool.held(), self._limit)
        for name, numbers in groups:
            self._spool.drop(numbers, f"the spool was full: {name}")
            dropped += len(numbers)
        return dropped

    def _look(self, kept: int) -> None:
        self._since_look += kept
        if self._since_look >= LOOK_EVERY:
            self._since_look = 0
            with contextlib.suppress(TransientError):
                self.keep_within()

    def _tell(self, keys: list[str], tally: Tally) -> None:
        reasons, at = dict(tally.quarantined), self._clock()
        for index, (key, decision, counter) in enumerate(
            zip(keys, tally.decisions, tally.counters, strict=True)
        ):
            verdict = Verdict(
                key,
                at,
                None if decision is None else decision.label,
                decision,
                self.place(counter),
                reasons.get(index, ""),
            )
            for sink in self._sinks:
                try:
                    sink.put(verdict)
                except Exception:  # of a plug-in too: no sink may stop the line
                    self._untold += not hasattr(sink, "dropped")

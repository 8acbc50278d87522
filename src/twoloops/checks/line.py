"""A line that can be made to fail: the edge's own station on a spool of its own."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from twoloops.edge.agent import Tally
from twoloops.edge.capture import CapturePolicy
from twoloops.edge.home import Home, Orders
from twoloops.edge.ports import Sink, Verdict
from twoloops.edge.sources import Arrival
from twoloops.edge.spool import Spool
from twoloops.edge.station import Station
from twoloops.records.errors import TransientError
from twoloops.records.task import Task

LIMIT = 1 << 30
EDGE = "checked"


class Crash(BaseException):
    """The process ends here, as far as a source can tell."""


class Told:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []

    def put(self, verdict: Verdict) -> None:
        """Remember one."""
        self.verdicts.append(verdict)

    def close(self) -> None:
        """Do nothing."""


class CheckedLine(Station):
    """A station without a model, which keeps everything; it counts the times it is called.

    Args:
        folder: Of its spool; what was kept there stays for the next line.
        spool: Opened there.
        task: What it says it decides.
        sinks: Told besides.
    """

    def __init__(self, folder: Path, spool: Spool, task: Task, sinks: Sequence[Sink]) -> None:
        told = Told()
        super().__init__(
            Home(folder),
            spool,
            Orders(task, CapturePolicy(), 0, 0),
            None,
            clock=lambda: datetime.now(UTC),
            limit=LIMIT,
            sinks=[told, *sinks],
        )
        self._kept_in = spool
        self.told = told.verdicts
        self.calls = self.inside = self.most_inside = 0
        """Calls so far, those running now, and the most that ever ran at once."""
        self.marks: dict[tuple[str, int], bytes] = {}
        """The input that each mark was handed in with, last."""
        self._count = threading.Lock()
        self._crash: tuple[int, bool] | None = None
        self._failing: frozenset[int] = frozenset()
        self.failing_always = False

    def crash_at(self, call: int, *, durable: bool) -> None:
        """Raise `Crash` in the n-th call, before anything or after all of it is durable."""
        self._crash = (call, durable)

    def fail(self, *calls: int) -> None:
        """Raise `TransientError` in these calls, before anything."""
        self._failing = frozenset(calls)

    def observe(
        self, keys: list[str], arrivals: list[Arrival], marks: list[tuple[str, int]]
    ) -> Tally:
        """Do as the station does, or fail as it was told to."""
        with self._count:
            self.calls += 1
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
            call = self.calls
            self.marks |= {m: a.input for m, a in zip(marks, arrivals, strict=False)}
        try:
            if self.failing_always or call in self._failing:
                raise TransientError("the disk is full, as it was told to be")
            if self._crash == (call, False):
                raise Crash
            tally = super().observe(keys, arrivals, marks)
            if self._crash == (call, True):
                raise Crash
            return tally
        finally:
            with self._count:
                self.inside -= 1

    @property
    def seen(self) -> int:
        """How many inputs arrived."""
        return self._kept_in.seen

    def stored(self) -> list[bytes]:
        """Return every input that is durable, in order."""
        self._kept_in.flush()
        return [one.input for one in self._kept_in.pending(10**9)]

    def times(self) -> list[datetime]:
        """Return when each of them was made."""
        return [one.observation.observed_at for one in self._kept_in.pending(10**9)]


@contextmanager
def opened(
    folder: Path,
    task: Task,
    sinks: Sequence[Sink] = (),
    *,
    line_type: type[CheckedLine] = CheckedLine,
) -> Iterator[CheckedLine]:
    """Yield a line on the spool of a folder: a second one there goes on where the first ended."""
    with Spool(folder / "checked.db", EDGE) as spool:
        yield line_type(folder, spool, task, sinks)

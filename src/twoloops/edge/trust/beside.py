"""A second model decides what the one that counts has decided, and only their difference is noted.

It has a thread of its own and a short queue: the line never waits for it, and what it cannot keep
up with is counted as skipped.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from twoloops.edge.home import Paired
from twoloops.edge.runtime import Runtime
from twoloops.records.observation import Decision

MOST = 256
"""Inputs that wait at most."""

_Asked = tuple[bytes, Decision]


class Beside:
    """Compares one model with whichever counts.

    Args:
        runtime: The model that decides too.
        takt: Seconds one decision may take, or `None` for any.
        timer: Seconds, only ever increasing.
    """

    def __init__(
        self,
        runtime: Runtime,
        *,
        takt: float | None = None,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.runtime = runtime
        self._takt, self._timer = takt, timer
        self._asked: queue.Queue[_Asked | None] = queue.Queue(MOST)
        self._guard = threading.Lock()
        self._paired: Paired | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="beside", daemon=True)
        self._thread.start()

    @property
    def paired(self) -> Paired | None:
        """The counts so far; `None` before the first decision."""
        with self._guard:
            return self._paired

    def ask(self, inputs: Sequence[bytes], decisions: Sequence[Decision]) -> None:
        """Say what was decided of inputs by the model that counts; returns at once."""
        for asked in zip(inputs, decisions, strict=True):
            try:
                self._asked.put_nowait(asked)
            except queue.Full:
                self._note(asked[1], skipped=1)

    def settle(self, seconds: float = 5.0) -> None:
        """Wait until all that was asked is compared, for so long at most."""
        until = time.monotonic() + seconds
        while self._asked.unfinished_tasks and time.monotonic() < until:
            time.sleep(0.005)

    def stop(self) -> None:
        """End soon; what waits is not compared."""
        self._stopped = True
        while True:
            try:
                self._asked.put_nowait(None)
            except queue.Full:
                self._empty()
            else:
                return

    def _empty(self) -> None:
        try:
            self._asked.get_nowait()
        except queue.Empty:
            return
        self._asked.task_done()

    def _run(self) -> None:
        while (asked := self._asked.get()) is not None:
            if not self._stopped:
                self._compare(*asked)
            self._asked.task_done()
        self._asked.task_done()

    def _compare(self, given: bytes, counted: Decision) -> None:
        start = self._timer()
        try:
            (own,) = self.runtime.decide([given])
        except Exception:  # of a model that is on trial here: it must not cost the line anything
            self._note(counted, failed=1)
            return
        late = self._takt is not None and self._timer() - start > self._takt
        self._note(counted, decided=1, differed=int(own.label != counted.label), late=int(late))

    def _note(self, counted: Decision, **more: int) -> None:
        with self._guard:
            before = self._paired
            if before is None or before.counting != counted.model:
                before = Paired(counting=counted.model, beside=self.runtime.digest)
            self._paired = replace(
                before, **{name: getattr(before, name) + by for name, by in more.items()}
            )

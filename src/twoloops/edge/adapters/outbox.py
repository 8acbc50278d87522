"""A bounded queue on a thread of its own: telling somebody far away never makes the line wait."""

import collections
import random
import threading
import time
from collections.abc import Callable

import msgspec

from twoloops.edge.backoff import Backoff
from twoloops.edge.ports import Verdict
from twoloops.records.errors import TransientError, UserError

WAITING = 1000
"""Verdicts that may wait; what comes beyond is counted and not told."""
LEAVING = 2.0
"""Seconds that closing waits for what is queued."""


class Outbox:
    """Sends what is put, one after the other, in order, and again while it cannot be sent.

    Law: every put is sent, or counted in `dropped`, by the time `close` returns.

    Args:
        send: Sends one, within a time it bounds itself; `TransientError` to be called again with
            the same one, `UserError` where that one will never be taken.
        most: How many may wait.
        longest: Seconds no wait between two tries exceeds.
        leaving: Seconds that `close` waits for what is queued.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        *,
        most: int = WAITING,
        longest: float = 60.0,
        leaving: float = LEAVING,
    ) -> None:
        self._send, self._most, self._leaving = send, most, leaving
        self._backoff = Backoff(random.SystemRandom().random, longest=longest)
        self._queue: collections.deque[bytes] = collections.deque()
        self._change = threading.Condition()
        self._closing = False
        self._closed = threading.Event()
        self.sent = self.dropped = 0
        """Verdicts that were taken over there, and those that never will be."""
        self.last_error = ""
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)
        self._thread.start()

    def put(self, verdict: Verdict) -> None:
        """Queue one and return at once.

        Raises:
            TransientError: The queue is full or closed: it is counted and will not be sent.
        """
        body = msgspec.json.encode(verdict)
        with self._change:
            if self._closing or len(self._queue) >= self._most:
                self.dropped += 1
                why = "it is closed" if self._closing else f"{self._most} wait already"
                raise TransientError(f"a verdict is not told: {why} ({self.last_error})")
            self._queue.append(body)
            self._change.notify_all()

    def close(self) -> None:
        """Wait a little for what is queued; a second call does nothing."""
        until = time.monotonic() + self._leaving
        with self._change:
            self._closing = True
            self._change.notify_all()
            while self._queue and (left := until - time.monotonic()) > 0:
                self._change.wait(left)
            self._closed.set()
            self.dropped += len(self._queue)
            self._queue.clear()
            self._change.notify_all()

    def join(self, seconds: float) -> None:
        """Wait for the thread's end."""
        self._thread.join(seconds)

    def _work(self) -> None:
        while True:
            with self._change:
                while not self._queue and not self._closing:
                    self._change.wait()
                if not self._queue:
                    return
                body = self._queue[0]
            wait = self._try(body)
            if wait is not None:
                self._closed.wait(wait)

    def _try(self, body: bytes) -> float | None:
        """Send one; returns the seconds to wait before it is tried again, `None`: it is done."""
        try:
            self._send(body)
        except UserError as error:
            self._done(body, str(error))
        except TransientError as error:
            self.last_error = str(error)
            return self._backoff.failed()
        except Exception as error:  # a bug in one sending must not end all others
            self._done(body, f"{type(error).__name__}: {error}")
        else:
            self._backoff.succeeded()
            self._done(body, "")
        return None

    def _done(self, body: bytes, error: str) -> None:
        with self._change:
            self.last_error = error
            # Closing may have given it up and counted it meanwhile.
            if self._queue and self._queue[0] is body:
                self._queue.popleft()
                self.sent += not error
                self.dropped += bool(error)
            self._change.notify_all()

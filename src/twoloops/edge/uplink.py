"""The uplink: what is durable here goes to the server in order, and leaves once it is so there.

A batch is acknowledged only by an answer that names it, which the server gives after its own
commit; whatever happens in between, the same observations are sent again, and the server knows
them by edge, epoch and number. So each counts once, in order, however long the network is away. A
large input goes ahead of its batch in parts, and what was cut off goes on where it was; requests
become smaller on a network that cuts them, and larger again after.

While the server takes in one batch the next is made ready. On a network that is faster than
compressing, batches are not compressed, unless bytes are counted, and the next one is on its way
before the first is answered: it says which number it follows, and the server refuses it where that
one has not come. Everything is sent again from the first one that failed.
"""

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import NamedTuple
from urllib.parse import quote

import msgspec

from twoloops.edge.backoff import Backoff
from twoloops.edge.batch import (
    AS_IT_IS,
    LEVEL,
    MEDIA_TYPE,
    MOST,
    MOST_MISSING,
    Batch,
    Took,
    Uploaded,
    last_number,
    pack,
)
from twoloops.edge.client import Refused, Server, Unreachable
from twoloops.edge.home import Orders, Standing
from twoloops.edge.spool import Spool
from twoloops.edge.spoolrows import Missing, Spooled
from twoloops.records.digests import Digest
from twoloops.records.errors import TransientError, UserError

BATCH_BYTES = 4 << 20
"""Bytes of a batch before compression."""
PART = 1 << 20
"""Bytes of the parts of a large input, which goes ahead of its batch."""
LEAST = 64 << 10
"""Bytes below which no request is made smaller, and no input goes in parts."""
FAST = 8e6
"""Bytes a second, the server's work included, above which compressing costs more than it saves."""
FIRST_BYTES = 512 << 10
"""Bytes of the first large batch: how fast it goes, as it is, tells how the next ones go."""
ON_THE_WAY = 2
"""Batches that are on their way at a time, on such a network."""
CONFLICT = 409
TOO_LARGE = (400, 413, 422)
"""Refusals that may be of one observation among many: the next try sends fewer."""


class _Ready(NamedTuple):
    """A batch as it is sent next; `large` is its only observation where the input goes ahead."""

    batch: Batch
    body: bytes
    large: Spooled | None


class _Sent(NamedTuple):
    """A batch on its way, and the answer to come."""

    batch: Batch
    size: int
    answer: Future[bytes]


class Uplink:
    """Sends one spool to one server. `run` is for a thread of its own.

    Args:
        server: Where to.
        spool: What.
        standing: Returns how the edge stands, for the heartbeat.
        on_orders: Told what the server answers to a heartbeat.
        backoff: How long to wait after failures.
        beat: Seconds between two heartbeats.
        bandwidth: Bytes a second to send at most, on average; 0: any number.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        server: Server,
        spool: Spool,
        *,
        standing: Callable[[], Standing],
        on_orders: Callable[[Orders], None],
        backoff: Backoff,
        beat: float = 10.0,
        bandwidth: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server, self._spool, self._backoff = server, spool, backoff
        self._standing, self._on_orders = standing, on_orders
        self._beat, self._bandwidth, self._clock = beat, bandwidth, clock
        self._root = f"/api/v1/edges/{quote(spool.edge, safe='')}"
        self._told: set[Missing] = set()
        self._most, self._bytes = MOST, BATCH_BYTES
        self._ahead: dict[Digest, int] = {}
        self._ready: _Ready | None = None
        self._on_the_way: deque[_Sent] = deque()
        self._taken_in = 0
        self._rate = 0.0
        self._sender = ThreadPoolExecutor(ON_THE_WAY, "sender")
        self._next_beat = float("-inf")
        self._wake = threading.Condition()
        self._stopped = False
        self.sent = 0
        """Observations acknowledged in this process."""
        self.last_error = ""

    @property
    def failures(self) -> int:
        """Failed tries since the last success."""
        return self._backoff.failures

    @property
    def drained(self) -> bool:
        """Whether everything durable, gaps included, was acknowledged."""
        return not self._spool.pending(1) and set(self._spool.missing) <= self._told

    def wake(self) -> None:
        """Say that there may be something to send."""
        with self._wake:
            self._wake.notify_all()

    def stop(self) -> None:
        """End `run` soon; what is on its way is answered first."""
        with self._wake:
            self._stopped = True
            self._wake.notify_all()

    def run(self) -> None:
        """Send until stopped."""
        while not self._stopped:
            seconds = self.step()
            with self._wake:
                if seconds > 0 and not self._stopped:
                    # Only a failure must not be cut short by what comes in meanwhile.
                    self._sleep(seconds, all_of_it=self._backoff.failures > 0)
        with contextlib.suppress(TransientError, UserError):
            while self._on_the_way:
                self._answered()
            self._let_go()
        self._sender.shutdown()

    def step(self) -> float:
        """Do what is due, once; returns the seconds until something may be."""
        try:
            if self._clock() >= self._next_beat:
                self.beat()
            taken = self._send()
        except (TransientError, UserError) as error:
            self.last_error = str(error)
            return self._backoff.failed(error.wait if isinstance(error, Unreachable) else 0.0)
        self._backoff.succeeded()
        self.last_error = ""
        if taken is None:
            return max(0.0, self._next_beat - self._clock())
        return taken / self._bandwidth if self._bandwidth > 0 else 0.0

    def beat(self) -> None:
        """Say how the edge stands, and take orders.

        Raises:
            TransientError: The server cannot be reached.
            UserError: It refused.
        """
        body = msgspec.json.encode(self._standing())
        answer = self._server.post(f"{self._root}/heartbeat", body)
        self._next_beat = self._clock() + self._beat
        try:
            orders = msgspec.json.decode(answer, type=Orders)
        except msgspec.DecodeError as error:
            raise Unreachable(f"the answer to a heartbeat cannot be read: {error}") from error
        self._on_orders(orders)

    @property
    def _fast(self) -> bool:
        return self._rate > FAST and self._bandwidth <= 0

    def _send(self) -> int | None:
        """Send what is next; returns its bytes, or `None` where there is nothing to send."""
        most = ON_THE_WAY if self._fast else 1
        while len(self._on_the_way) < most and (ready := self._next()):
            if ready.large is not None:
                if self._on_the_way:
                    self._ready = ready
                    break
                digest, data = ready.large.observation.input, ready.large.input
                if self._ahead.get(digest, 0) < len(data):
                    self._ready = ready
                    return self._send_part(digest, data)
            answer = self._sender.submit(self._post, f"{self._root}/batches", ready.body)
            self._on_the_way.append(_Sent(ready.batch, len(ready.body), answer))
        return self._answered() if self._on_the_way else None

    def _next(self) -> _Ready | None:
        ready, self._ready = self._ready, None
        if ready is not None:
            return ready
        if self._on_the_way:
            return self._prepare(last_number(self._on_the_way[-1].batch.observations))
        self._let_go()
        return self._prepare(0)

    def _prepare(self, after: int) -> _Ready | None:
        """Make the next batch: of what has higher numbers, without gaps that are on their way."""
        before = [one.batch for one in self._on_the_way]
        if before and not after:  # it holds gaps alone: nothing is known to follow it
            return None
        untried = self._rate == 0 and self._bandwidth <= 0
        most = min(FIRST_BYTES, self._bytes) if untried else self._bytes
        observations = tuple(self._spool.pending(self._most, most, after))
        if after and not observations:
            return None
        large = None
        if observations and len(observations[0].input) > min(PART, self._bytes):
            large = observations[0]
            observations = (large._replace(input=b""),)
        gaps = self._gaps(before, last_number(observations))
        if not observations and not gaps:
            return None
        batch = Batch(self._spool.edge, self._spool.epoch, observations, gaps, follows=after)
        trial = untried and sum(len(one.input) for one in observations) >= LEAST
        return _Ready(batch, pack(batch, AS_IT_IS if self._fast or trial else LEVEL), large)

    def _gaps(self, before: list[Batch], upto: int) -> tuple[Missing, ...]:
        """Return the gaps to tell with a number: those below it, and those right behind it.

        What lies behind is still to come, and would seem to be missing meanwhile; 0: nothing is.
        """
        told = self._told.union(*(batch.missing for batch in before))
        gaps = []
        for gap in sorted(set(self._spool.missing) - told):
            if upto and gap.first > upto + 1:
                break
            upto = max(upto, gap.last) if upto else 0
            gaps.append(gap)
        return tuple(gaps[:MOST_MISSING])

    def _answered(self) -> int:
        """Wait for the answer to the first batch on its way; meanwhile the next is made ready."""
        first = self._on_the_way[0]
        try:
            self._let_go()
            if self._ready is None:
                self._ready = self._prepare(last_number(self._on_the_way[-1].batch.observations))
            answer = first.answer.result()
            self._acknowledge(first.batch, answer)
        except Refused as refused:
            self._recall()
            if refused.status == CONFLICT:  # the server has not got what went ahead
                self._ahead.clear()
                if first.batch.follows:  # it has overtaken the one before, which came since
                    return 0
            elif refused.status in TOO_LARGE and len(first.batch.observations) > 1:
                self._most = max(1, len(first.batch.observations) // 2)
            raise
        except BaseException:
            self._recall()
            raise
        self._on_the_way.popleft()
        self._most = min(MOST, 2 * self._most)
        if self._ready is None and not self._on_the_way:
            self._let_go()
        return first.size

    def _recall(self) -> None:
        """Forget what is on its way, once it has ended: it is sent again."""
        wait([one.answer for one in self._on_the_way])
        self._on_the_way.clear()
        self._ready = None

    def _let_go(self) -> None:
        """Remove from the spool what was acknowledged; while the next batch is on its way."""
        upto, self._taken_in = self._taken_in, 0
        if upto:
            self._spool.acknowledge(upto)

    def _post(self, path: str, body: bytes) -> bytes:
        began = time.perf_counter()
        answer = self._smaller_if_cut(lambda: self._server.post(path, body, MEDIA_TYPE))
        if len(body) >= LEAST:
            self._rate = len(body) / max(time.perf_counter() - began, 1e-9)
        return answer

    def _send_part(self, digest: Digest, data: bytes) -> int:
        """Send the next part of a large input; its batch follows when all of it is there."""
        path = f"{self._root}/uploads/{digest}"
        if digest not in self._ahead:
            self._ahead = {digest: _size(self._server.get(path))}
            if self._ahead[digest] >= len(data):
                return 0
        at = self._ahead[digest]
        part = data[at : at + min(PART, self._bytes)]
        try:
            answer = self._smaller_if_cut(lambda: self._server.put(f"{path}?at={at}", part))
        except TransientError:
            self._ahead.clear()  # nobody knows how far it came: it is asked for
            raise
        self._ahead[digest] = _size(answer)
        return len(part)

    def _smaller_if_cut(self, send: Callable[[], bytes]) -> bytes:
        """Send; on a network that cuts requests off the next ones are smaller."""
        try:
            answer = send()
        except Unreachable:
            self._bytes = max(LEAST, self._bytes // 2)
            raise
        self._bytes = min(BATCH_BYTES, 2 * self._bytes)
        return answer

    def _acknowledge(self, batch: Batch, answer: bytes) -> None:
        upto = last_number(batch.observations)
        try:
            took = msgspec.json.decode(answer, type=Took)
        except msgspec.DecodeError as error:
            raise Unreachable(f"the answer to a batch cannot be read: {error}") from error
        if (took.edge, took.epoch, took.upto) != (batch.edge, batch.epoch, upto):
            raise Unreachable("the answer is of another batch: nothing is acknowledged")
        self._taken_in = max(self._taken_in, upto)
        self._told.update(batch.missing)
        self.sent += len(batch.observations)

    def _sleep(self, seconds: float, *, all_of_it: bool) -> None:
        until = self._clock() + seconds
        while not self._stopped and (left := until - self._clock()) > 0:
            woken = self._wake.wait(left)
            if woken and not all_of_it:
                return


def _size(answer: bytes) -> int:
    """Return how many bytes of an input the server has.

    Raises:
        Unreachable: It does not say.
    """
    try:
        return msgspec.json.decode(answer, type=Uploaded).size
    except msgspec.DecodeError as error:
        raise Unreachable(f"the answer to a part cannot be read: {error}") from error

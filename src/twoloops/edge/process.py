"""The edge process: a source, the station, the uplink and releases, until stopped or done."""

import contextlib
import random
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

import twoloops
from twoloops.edge.backoff import Backoff
from twoloops.edge.client import HttpServer, Server
from twoloops.edge.home import ORDERS, STANDING, Home, Orders, Standing
from twoloops.edge.memory import give_back
from twoloops.edge.ports import Sink, Source
from twoloops.edge.releases import Releases
from twoloops.edge.spool import Spool
from twoloops.edge.station import Station
from twoloops.edge.uplink import Uplink
from twoloops.records.errors import TransientError, UserError

LIMIT = 1 << 30
"""Bytes the spool may have."""
ASIDE = 1.0
"""Seconds between two looks at the disk."""
FAILURES = 3
"""Failed tries in a row that are worth a word."""
REST = 10.0
"""Seconds between two times that an idle edge gives memory back."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How an edge is run.

    Args:
        limit: Bytes the spool may have.
        bandwidth: Bytes a second to send at most; 0: any number.
        beat: Seconds between two heartbeats.
        longest: Seconds no wait after failures exceeds.
    """

    limit: int = LIMIT
    bandwidth: float = 0.0
    beat: float = 10.0
    longest: float = 300.0


def now() -> datetime:
    """Return the present time, UTC."""
    return datetime.now(UTC)


class EdgeProcess:
    """Everything of one edge that runs; `run` is called once.

    Args:
        home: The edge's folder, enrolled.
        source: Where inputs come from.
        sinks: Told every verdict.
        options: How it is run.
        say: Told sentences of what happens, for a person.
        server: Where to send; the one it was enrolled at where left out.

    Raises:
        UserError: It was not enrolled, or its folder is in use.
    """

    def __init__(
        self,
        home: Home,
        source: Source,
        sinks: Sequence[Sink],
        options: Options,
        *,
        say: Callable[[str], None] = lambda words: None,
        server: Server | None = None,
    ) -> None:
        self._home, self._source, self._sinks, self._say = home, source, sinks, say
        settings = home.settings()
        orders = home.read(ORDERS, Orders)
        if orders is None:
            raise UserError(
                f"{home.folder} has no orders yet: enrol again with  twoloops edge enrol"
            )
        self._orders = orders
        server = server or HttpServer(settings.server, home.token())
        self._spool = Spool(home.spool, settings.edge)
        try:
            self._releases = Releases(
                home,
                takt=orders.takt,
                clock=now,
                say=say,
                backoff=Backoff(random.SystemRandom().random, longest=options.longest),
            )
        except BaseException:
            self._spool.close()
            raise
        self._station = Station(
            home,
            self._spool,
            orders,
            self._releases.slot,
            clock=now,
            limit=options.limit,
            sinks=sinks,
            on_kept=lambda: self._uplink.wake(),
            releases=self._releases.standing,
        )
        self._uplink = Uplink(
            server,
            self._spool,
            standing=self.standing,
            on_orders=self._ordered,
            backoff=Backoff(random.SystemRandom().random, longest=options.longest),
            beat=options.beat,
            bandwidth=options.bandwidth,
        )
        self.standing_at_end = self.standing()
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._cut, self._trouble = False, ""
        self._seen, self._next_rest = -1, 0.0

    def stop(self) -> None:
        """End soon, cleanly."""
        self._stop.set()

    def standing(self) -> Standing:
        """Return how the edge stands."""
        return replace(
            self._station.standing(self._uplink.failures, self._uplink.last_error),
            source_error=self._source_error[:300],
        )

    @property
    def _source_error(self) -> str:
        """Why no inputs come; a source need not say so."""
        return str(getattr(self._source, "trouble", ""))

    def run(self) -> None:
        """Run until stopped; where the source ends, until everything is sent.

        Raises:
            UserError: The source cannot go on.
        """
        threads = [
            threading.Thread(target=self._uplink.run, name="uplink", daemon=True),
            threading.Thread(target=self._releases.run, name="releases", daemon=True),
            threading.Thread(target=self._read, name="source", daemon=True),
        ]
        for thread in threads:
            thread.start()
        try:
            while not self._stop.wait(0.05 if self._ended.is_set() else ASIDE):
                self._aside()
                if self._ended.is_set() and (self._failure or self._is_sent()):
                    break
        finally:
            self._stop.set()
            self._uplink.stop()
            self._releases.stop()
            for thread in reversed(threads):
                thread.join(timeout=40)
            self._releases.slot.settle()
            self.standing_at_end = self.standing()
            self._report()
            if not self._uplink.failures:
                with contextlib.suppress(TransientError, UserError):
                    self._uplink.beat()  # so that the server knows how it ended
            self._releases.slot.close()
            self._spool.close()
            for sink in self._sinks:
                sink.close()
        if self._failure is not None:
            raise self._failure

    def _read(self) -> None:
        try:
            self._source.run(self._station, self._stop)
        except BaseException as error:  # it is the process's failure, not this thread's
            self._failure = error
        self._ended.set()

    def _is_sent(self) -> bool:
        with contextlib.suppress(TransientError):
            self._spool.flush()
            return self._uplink.drained
        return False

    def _aside(self) -> None:
        """Do what waits for no input: the disk, the report."""
        with contextlib.suppress(TransientError):
            dropped = self._station.keep_within()
            if dropped:
                self._say(f"The spool was full: {dropped:,} observations were dropped.")
        self._tell_of_the_server()
        self._tell_of_the_source()
        self._rest()
        self._report()

    def _tell_of_the_server(self) -> None:
        """Say once that nothing can be sent, and once that it can again."""
        failures = self._uplink.failures
        if failures >= FAILURES and not self._cut:
            self._cut = True
            self._say(
                f"Nothing can be sent, tried again by itself: {self._uplink.last_error}. What is "
                "kept waits here."
            )
        elif not failures and self._cut:
            self._cut = False
            self._say("The server answers again.")

    def _tell_of_the_source(self) -> None:
        """Say once that no inputs come, and once that they do again."""
        trouble = self._source_error
        if trouble and not self._trouble:
            self._say(f"No inputs come, tried again by itself: {trouble}.")
        elif self._trouble and not trouble:
            self._say("Inputs can come again.")
        self._trouble = trouble

    def _rest(self) -> None:
        """Give memory back while nothing comes."""
        seen, at = self._spool.seen, time.monotonic()
        if seen == self._seen and at >= self._next_rest:
            self._next_rest = at + REST
            give_back()
        self._seen = seen

    def _report(self) -> None:
        with contextlib.suppress(TransientError):
            self._home.put(STANDING, self.standing())

    def _ordered(self, orders: Orders) -> None:
        changed = orders != self._orders
        self._orders = orders
        self._station.order(orders)
        self._releases.hint(orders.counter)
        if changed:
            with contextlib.suppress(TransientError):
                self._home.put(ORDERS, orders)


def first_standing() -> Standing:
    """Return how an edge stands that has not run yet."""
    return Standing(
        release=None,
        version=twoloops.__version__,
        clock=now().isoformat(),
        seen=0,
        spooled=0,
        spool_bytes=0,
        disk_free=shutil.disk_usage(".").free,
        dropped=0,
        unknown=0,
        not_kept=0,
    )

"""The edge's durable queue: one SQLite file, a writer thread that commits groups.

An observation is *kept* once its group is committed (`PRAGMA synchronous=FULL`); `append`
returns before that. Numbers are handed out only below a mark that was made durable earlier, so
after a crash the numbers between the last committed one and the mark are those that may have
been given and lost: they are recorded as a gap and never used again.

Laws, for any sequence of append, flush, acknowledge, clean closing and kill:

- what was flushed comes back from `pending`, in order, exactly once, until acknowledged;
- no number is given twice, and every number below the next is committed or in a gap;
- clean closings leave no gap;
- what is dropped on purpose is a stretch of numbers with its reason, and never comes back.
"""

import os
import secrets
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from twoloops.edge import spoolrows
from twoloops.edge.sources import Arrival
from twoloops.edge.spoolfile import connect, open_state, transaction
from twoloops.edge.spoolrows import Held, Missing, Spooled
from twoloops.records.digests import canonical, digest_bytes
from twoloops.records.errors import TransientError, UserError
from twoloops.records.observation import Decision, Kept, Observation, Place

SMALLEST_BLOCK = 64
"""Numbers reserved ahead: at 1 ms a verdict, four commits of 16 ms fit before `append` waits."""
LARGEST_BLOCK = 1024
GATHERING_SECONDS = 0.005
"""How long the writer lets a group grow: a commit for each single observation would take a
fifth of a 1 ms verdict's time from the deciding thread. `flush` does not wait for it."""


class _Entry(NamedTuple):
    counter: int
    arrival: Arrival
    task: str
    decision: Decision | None
    kept: Kept
    taken: tuple[str, int] | None


def new_epoch() -> str:
    """Return a random name for one life of a spool file."""
    return secrets.token_hex(8)


class Spool:
    """The queue of one edge, opened by one process at a time.

    Args:
        path: The SQLite file; made if absent.
        edge: The edge's name; a file belongs to one edge.
        epoch: Makes the epoch's name when the file is made.
        on_commit: Called by the writer thread, with the highest number now durable, after
            each commit.

    Raises:
        UserError: When the file is in use, belongs to another edge, or is no spool.
        TransientError: When it cannot be written now.
    """

    def __init__(
        self,
        path: Path,
        edge: str,
        *,
        epoch: Callable[[], str] = new_epoch,
        on_commit: Callable[[int], None] | None = None,
    ) -> None:
        self._path, self._on_commit, self._process = path, on_commit, os.getpid()
        self._connection = connect(path)
        try:
            state = open_state(self._connection, path, edge, epoch, SMALLEST_BLOCK)
        except BaseException as error:
            self._connection.close()
            if isinstance(error, sqlite3.OperationalError):  # a full disk, most of all
                raise TransientError(f"spool {path} cannot be written: {error}") from error
            raise
        self.edge, self.epoch = edge, state.epoch
        self._seen = state.seen
        self._handed = self._settled = state.settled
        self._reserved = state.reserved
        self._queue: list[_Entry] = []
        self._failure: Exception | None = None
        self._closing = self._closed = False
        self._database = threading.Lock()  # guards the connection; taken alone or before _state
        self._state = threading.Lock()  # guards everything else
        self._work = threading.Condition(self._state)
        self._hurry = threading.Condition(self._state)
        self._waiting = 0  # callers that wait for a commit
        self._done = threading.Condition(self._state)
        self._writer = threading.Thread(target=self._write, name="spool", daemon=True)
        self._writer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def committed(self) -> int:
        """Every number up to this one is durable, or lost in a recorded gap."""
        return self._settled

    @property
    def seen(self) -> int:
        """Arrivals counted so far; after a kill, those up to the last commit."""
        return self._seen

    @property
    def gaps(self) -> tuple[tuple[int, int], ...]:
        """First and last number of each stretch that may have been given and lost."""
        with self._database:
            return tuple(self._connection.execute("SELECT first, last FROM gap ORDER BY first"))

    @property
    def unknown(self) -> int:
        """Decisions unknown: at most so many verdicts were given and lost in crashes so far."""
        return sum(last - first + 1 for first, last in self.gaps)

    def arrive(self) -> int:
        """Count one arrival, kept or not, and return its number, from 0.

        The number only keys the draw of `capture.chance`; after a kill some may come again.
        """
        with self._state:
            self._seen += 1
            return self._seen - 1

    def append(
        self,
        arrival: Arrival,
        task: str,
        decision: Decision | None,
        kept: Kept,
        taken: tuple[str, int] | None = None,
    ) -> int:
        """Queue one observation and return its number at once; it is durable later.

        It waits only when the writer has fallen a whole reserved block behind. `taken` names a
        source and how far it has been taken with this one: durable together, so that a source
        that is read again after a crash goes on behind what was kept.

        Raises:
            TransientError: When the last commit failed (a full disk). Nothing was appended;
                what was queued before is kept in memory and tried again after this call.
        """
        with self._state:
            self._check()
            while self._handed >= self._reserved:
                self._await_commit()
            self._handed += 1
            self._queue.append(_Entry(self._handed, arrival, task, decision, kept, taken))
            if len(self._queue) == 1:
                self._work.notify()
            return self._handed

    def flush(self) -> None:
        """Wait until everything appended so far is durable.

        Raises:
            TransientError: As `append` does.
        """
        with self._state:
            target = self._handed
            self._check()
            while self._settled < target:
                self._await_commit()

    def pending(self, limit: int, most_bytes: int | None = None, after: int = 0) -> list[Spooled]:
        """Return the first durable observations that are not acknowledged, in order.

        Args:
            limit: At most so many.
            most_bytes: At most so many bytes, but always the first one.
            after: Only those with a higher number.
        """
        with self._database:
            return spoolrows.pending(self._connection, limit, most_bytes, after)

    def taken(self, source: str) -> int | None:
        """Return how far a source was taken with what is durable here, or `None`."""
        with self._database:
            row = self._connection.execute(
                "SELECT position FROM taken WHERE source = ?", (source,)
            ).fetchone()
        return None if row is None else row[0]

    def forget_taken(self, source: str) -> None:
        """Drop the note of a source that cannot come again."""
        with self._database, transaction(self._connection):
            self._connection.execute("DELETE FROM taken WHERE source = ?", (source,))

    def acknowledge(self, counter: int) -> None:
        """Drop every observation up to a number: whoever received them has them durably.

        Raises:
            UserError: When the number is not durable here yet.
        """
        if counter > self._settled:
            raise UserError(
                f"spool {self._path}: number {counter} was acknowledged, and only numbers up to "
                f"{self._settled} are durable: acknowledge what `pending` returned"
            )
        with self._database, transaction(self._connection):
            spoolrows.remove_up_to(self._connection, counter)

    @property
    def missing(self) -> tuple[Missing, ...]:
        """Every stretch that nobody will send, power cuts and drops, in order."""
        with self._database:
            return spoolrows.missing(self._connection)

    @property
    def depth(self) -> tuple[int, int]:
        """How many observations wait here, and their bytes (each input once)."""
        with self._database:
            return spoolrows.depth(self._connection)

    def held(self) -> list[Held]:
        """Return what lies here, by number: what a full disk's policy chooses from."""
        with self._database:
            return spoolrows.held(self._connection)

    def drop(self, counters: Sequence[int], reason: str) -> None:
        """Give up observations for good, and note the stretches of numbers and why.

        Neighbours of one reason are one stretch; numbers that are not here are skipped.
        """
        with self._database, transaction(self._connection):
            spoolrows.drop(self._connection, counters, reason)

    def close(self) -> None:
        """Flush, note the clean end and release the file; a second call does nothing.

        Raises:
            TransientError: When the last observations could not be written; they then count as
                unknown when the file is opened again.
        """
        if self._closed or self._process != os.getpid():
            return
        self._closed = True
        try:
            self.flush()
        finally:
            with self._state:
                self._closing = True
                self._work.notify()
            self._writer.join()
            try:
                if not self._queue:
                    with transaction(self._connection):
                        self._connection.execute(
                            "UPDATE state SET reserved = settled, seen = ?", (self._seen,)
                        )
            finally:
                self._connection.close()

    def _await_commit(self) -> None:
        self._waiting += 1
        self._hurry.notify()
        try:
            self._done.wait()
        finally:
            self._waiting -= 1
        self._check()

    def _check(self) -> None:
        """Raise what the writer met, and let it try again."""
        if self._process != os.getpid():
            raise UserError(
                f"spool {self._path} was opened by process {self._process} and is used by "
                f"{os.getpid()}: open it after the fork"
            )
        if self._closing:
            raise UserError(f"spool {self._path} is closed: open it again")
        failure, self._failure = self._failure, None
        if failure is not None:
            self._work.notify()
            waiting = len(self._queue)
            raise TransientError(
                f"spool {self._path} cannot be written ({failure}): {waiting} observations wait "
                "in memory; free disk space, then try again"
            ) from failure

    def _write(self) -> None:
        """Commit whatever is queued, as one group, soon after the last group is durable."""
        while True:
            with self._state:
                while not self._closing and (self._failure is not None or not self._queue):
                    self._work.wait()
                # At closing, everything was flushed already, or the flush failed.
                if self._closing:
                    return
                if not self._waiting:
                    self._hurry.wait(GATHERING_SECONDS)
                group, seen = self._queue[:], self._seen
                # The faster numbers are used, the more are reserved; the fewer, the closer the
                # bound on what a crash can lose.
                ahead = min(max(2 * len(group), SMALLEST_BLOCK), LARGEST_BLOCK)
                reserved = group[-1].counter + ahead
                # A lower mark binds before it is durable, a higher one after.
                self._reserved = min(self._reserved, reserved)
            try:
                self._make_durable(group, reserved, seen)
            except Exception as error:  # whatever it is must reach the caller, not end here
                with self._state:
                    self._failure = error
                    self._done.notify_all()

    def _make_durable(self, group: Sequence[_Entry], reserved: int, seen: int) -> None:
        self._commit(group, reserved, seen)
        with self._state:
            del self._queue[: len(group)]
            self._settled, self._reserved = group[-1].counter, reserved
            self._done.notify_all()
        if self._on_commit is not None:
            self._on_commit(group[-1].counter)

    def _commit(self, group: Sequence[_Entry], reserved: int, seen: int) -> None:
        inputs, observations = [], []
        for entry in group:
            digest = digest_bytes(entry.arrival.input)
            observation = Observation(
                place=Place(self.edge, self.epoch, entry.counter),
                task=entry.task,
                input=digest,
                observed_at=entry.arrival.observed_at,
                period=entry.arrival.period,
                decision=entry.decision,
                kept=entry.kept,
                origin=entry.arrival.origin,
            )
            inputs.append((digest, entry.arrival.input))
            observations.append((entry.counter, canonical(observation), digest))
        with self._database, transaction(self._connection):
            run = self._connection
            run.executemany("INSERT OR IGNORE INTO input VALUES (?, ?)", inputs)
            run.executemany("INSERT INTO observation VALUES (?, ?, ?)", observations)
            run.execute(
                "UPDATE state SET settled = ?, reserved = ?, seen = ?",
                (group[-1].counter, reserved, seen),
            )
            run.executemany(
                "INSERT OR REPLACE INTO taken VALUES (?, ?)",
                [entry.taken for entry in group if entry.taken is not None],
            )

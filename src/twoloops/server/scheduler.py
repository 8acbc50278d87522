"""The scheduler: goes on with open turns as soon as it can, and opens the next ones by schedule.

All it knows that matters lies in the catalog: killed anywhere, the next server goes on. It performs
one stage at a time, the long computing before it takes the workspace's lock, so that labels come
in meanwhile and the command line gets its turn between two stages.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic

import msgspec

from twoloops.convergence.turns.drifting import keep_finding, look_for_drift, open_turn
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import TurnState, Waiting
from twoloops.convergence.turns.turn import advance
from twoloops.convergence.turns.warm import warm
from twoloops.convergence.turns.workspace_turn import current, nothing_new, policy_of
from twoloops.physical.labelling.questions import open_questions
from twoloops.records.errors import TransientError, UserError
from twoloops.records.task import Task
from twoloops.server.rolling import Roller
from twoloops.server.signing import Signer
from twoloops.store.lock import workspace_lock
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import loop, now

log = logging.getLogger("twoloops.server")

HOLDER = "twoloops serve"
PATIENCE = 10.0
REST = 0.5
"""Seconds between two looks, however often something is written."""
FIRST_RETRY, LONGEST_RETRY = 5.0, 900.0
"""Seconds before a failed stage is tried again; doubled each time up to the second."""

LOOK_EVERY = 25
"""Observations that come in between two looks for drift, at least."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When the scheduler looks, and when it opens turns by itself.

    Args:
        every: The next turn opens so long after the last one opened, if anything came in.
        after: The next turn opens once so many observations came in.
        poll: Seconds between two looks, where nothing wakes it earlier.
        look_again: Seconds after which a turn that waits is asked again though nothing changed.
    """

    every: timedelta | None = None
    after: int | None = None
    poll: float = 3.0
    look_again: float = 30.0


class Trouble(msgspec.Struct, frozen=True):
    """A stage that failed.

    Args:
        stage: Which one.
        what: Why, in one sentence.
        tries: How often in a row.
        again_at: When it is tried again, UTC.
    """

    stage: str
    what: str
    tries: int
    again_at: datetime


class Scheduler:
    """Works on a thread of its own, from `start` (or the first `ask`) to `close`.

    Args:
        folder: The workspace.
        schedule: When to open turns; `None`: only what is asked for, once.
    """

    def __init__(self, folder: Path, schedule: Schedule | None) -> None:
        self._folder, self._given = folder, schedule
        self._schedule = schedule or Schedule()
        self._wake, self._stop = threading.Event(), threading.Event()
        self._guard = threading.Lock()
        self._thread: threading.Thread | None = None
        self._asked: set[str] = set()
        self._troubles: dict[str, Trouble] = {}
        self._working: dict[str, str] = {}
        self._waiting: dict[str, tuple[object, float]] = {}
        self._loops: dict[str, tuple[object, Loop]] = {}
        self._looked: dict[str, tuple[str, int]] = {}
        self._signer, self._roller = Signer(folder), Roller(folder)

    def start(self) -> None:
        """Begin; a second call does nothing."""
        with self._guard:
            if self._thread is None and not self._stop.is_set():
                # A daemon: a stage that computes for minutes must not keep the process alive.
                self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End after the stage at hand; one that takes long is left, and done again later."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=3)

    def poke(self) -> None:
        """Look now: something was written."""
        self._wake.set()

    def ask(self, task: str) -> None:
        """Go on with a task's open turn, or open its next one, whatever the schedule says."""
        with self._guard:
            self._asked.add(task)
            self._troubles.pop(task, None)
            self._waiting.pop(task, None)
        self.start()
        self.poke()

    def at_work(self, task: str) -> str | None:
        """Return the stage that is being performed, or `None`."""
        return self._working.get(task)

    def trouble(self, task: str) -> Trouble | None:
        """Return why the last stage failed, or `None`."""
        return self._troubles.get(task)

    def _run(self) -> None:
        with Store.open(self._folder, create=False) as store:
            while not self._stop.is_set():
                self._wake.clear()
                self._roller.look(store)  # also between two stages: a bad release does not wait
                if not self._look(store):
                    self._signer.look(store)
                    self._wake.wait(self._schedule.poll)
                    # Answers come several a second, and looking costs them time: one for all.
                    self._stop.wait(REST)

    def _look(self, store: Store) -> bool:
        """Perform a stage of each task that can go on; whether there was one."""
        done = False
        for task in store.tasks.all():
            if self._stop.is_set():
                return False
            trouble = self._troubles.get(task.name)
            if trouble is not None and now() < trouble.again_at:
                continue
            try:
                done |= self._step(store, task)
                self._troubles.pop(task.name, None)
            except TransientError:
                log.info("%s: the workspace is in use; tried again", task.name)
            except Exception as error:  # whatever it is, the other tasks go on
                self._note(task.name, error)
            finally:
                self._working.pop(task.name, None)
        return done

    def _note(self, task: str, error: Exception) -> None:
        before = self._troubles.get(task)
        tries = 1 if before is None else before.tries + 1
        wait = min(FIRST_RETRY * 2 ** (tries - 1), LONGEST_RETRY)
        stage = self._working.get(task, "open")
        what = str(error) if isinstance(error, UserError) else f"an error of twoloops: {error!r}"
        again = now() + timedelta(seconds=wait)
        self._troubles[task] = Trouble(stage, what, tries, again)
        told: Callable[..., None] = log.warning if isinstance(error, UserError) else log.error
        trace = None if isinstance(error, UserError) else error
        told("%s, stage %s: %s; again in %.0f s", task, stage, what, wait, exc_info=trace)

    def _watch(self, store: Store, task: Task) -> None:
        """Look for drift once enough came in since the last look; it may open a turn."""
        count = store.observations.count(task.name)
        release = store.releases.deployed(task.name)
        if self._given is None or release is None:
            return
        model, last = self._looked.get(task.name, ("", 0))
        if model == release.model and count < last + max(LOOK_EVERY, last // 50):
            return
        # Noted before the look: one that fails is not repeated until more came in.
        self._looked[task.name] = (release.model, count)
        two = self._loop(store, task)
        try:
            finding = look_for_drift(two)
            if finding is not None:
                with self._locked():
                    keep_finding(two, finding)
                    open_turn(two, finding)
        except TransientError:
            self._looked.pop(task.name)  # the workspace is in use
        except UserError as error:
            log.warning("%s: drift could not be looked for: %s", task.name, error)

    def _step(self, store: Store, task: Task) -> bool:
        """Perform the next stage of a task's open turn; whether there was one to perform."""
        self._watch(store, task)
        row = store.turns.open(task.name)
        if row is None and not self._due(store, task):
            return False
        if self._given is None and task.name not in self._asked:
            return False
        two = self._loop(store, task)
        turn = self._opened(two) if row is None else row.read(TurnState)
        mark = (turn, len(open_questions(store, task.name, turn.number)))
        known, since = self._waiting.get(task.name, (None, 0.0))
        if known == mark and monotonic() < since + self._schedule.look_again:
            return False
        if mark[1] and turn.stage in ("label", "confirm"):  # cheap, and mostly the case
            self._wait(task.name, mark)
            return False
        self._working[task.name] = turn.stage
        warm(two, turn)
        with self._locked():
            row = store.turns.open(task.name)
            if row is None or row.read(TurnState) != turn:
                return True  # the command line was faster
            outcome = advance(two, turn)
        if isinstance(outcome, Waiting):
            self._wait(task.name, mark)
            return False
        if outcome.stage == "closed":
            self._asked.discard(task.name)
        return True

    def _wait(self, task: str, mark: object) -> None:
        self._waiting[task] = (mark, monotonic())
        if self._given is None:
            self._asked.discard(task)

    def _opened(self, two: Loop) -> TurnState:
        with self._locked():
            return current(two)

    def _due(self, store: Store, task: Task) -> bool:
        """Whether the next turn is to be opened."""
        if task.name in self._asked:
            return True
        new = store.observations.unclaimed(task.name)
        if not new or nothing_new(store, task.name):
            return False
        if self._schedule.after is not None and new >= self._schedule.after:
            return True
        if self._schedule.every is None:
            return False
        last = store.turns.last(task.name)
        if last is None:
            return True
        fact = store.journal.by_key(f"{task.name}/{last.number}/observations claimed/")
        return fact is None or now() >= fact.recorded_at + self._schedule.every

    def _loop(self, store: Store, task: Task) -> Loop:
        """Return a task's loops, with what they remember while the same turn goes on."""
        last = store.turns.last(task.name)
        bases = [(one.name, one.dropped_at) for one in store.bases.all()]
        key = (last and last.number, policy_of(store, task.name), bases, task.shape)
        found = self._loops.get(task.name)
        if found is None or found[0] != key:
            found = (key, loop(store, task))
            self._loops[task.name] = found
        return found[1]

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            try:
                lock = workspace_lock(self._folder, HOLDER, now(), wait=PATIENCE)
                stack.enter_context(lock)
            except UserError as error:
                raise TransientError(str(error)) from error
            yield

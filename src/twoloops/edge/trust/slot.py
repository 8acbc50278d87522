"""The slot that decides: follows the pointer without dropping a decision, and goes back by itself.

A new model is on trial. It is left for the one before when it crashes as it loads or decides, when
the process dies twice before it is confirmed, or when it misses the takt. The next model is loaded
before the one at work is let go, so every decision is made by one of them.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from twoloops.edge.agent import NoModel
from twoloops.edge.home import Paired
from twoloops.edge.runtime import Runtime
from twoloops.edge.trust import pointer
from twoloops.edge.trust.beside import Beside
from twoloops.edge.trust.pointer import Pointer
from twoloops.edge.trust.updating import changing, go_back
from twoloops.records.digests import Digest, short
from twoloops.records.errors import TransientError, UserError
from twoloops.records.observation import Decision

STARTS = 2
"""Starts without being confirmed, after which a model on trial is left."""
PROBATION = 100
"""Decisions on trial after which a model is confirmed."""
LATE = 5
"""Decisions over the takt that a model on trial is left after."""


class Slot:
    """A device's model, as `edge.agent.Decider`.

    Args:
        folder: Of the device's releases.
        clock: The time, UTC.
        takt: Seconds one decision may take, or `None` for any.
        timer: Seconds, only ever increasing.

    Raises:
        UserError: The device is not enrolled.
    """

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], datetime],
        *,
        takt: float | None = None,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._folder, self._clock, self._takt, self._timer = folder, clock, takt, timer
        self._guard = threading.RLock()
        self._runtime: Runtime | None = None
        self._spare: Runtime | None = None
        self._beside: Beside | None = None
        self._trial: int | None = None
        self._late_on_trial, self._counter = 0, 0
        self._left: dict[Digest, int] = {}
        self.went_back: str | None = None
        self.decided = 0
        """Decisions of the model that counts, since it began to count here."""
        self.late = 0
        """Of these, how many took longer than the takt."""
        self._start()

    @property
    def model(self) -> Digest | None:
        """The model that counts; `None` where there is none, and the task's fail-safe holds."""
        runtime = self._runtime
        return None if runtime is None else runtime.digest

    @property
    def shadow(self) -> Runtime | None:
        """The model that decides too and does not count."""
        beside = self._beside
        return None if beside is None else beside.runtime

    @property
    def paired(self) -> Paired | None:
        """How the model beside decides what the one that counts has decided."""
        beside = self._beside
        return None if beside is None else beside.paired

    @property
    def on_trial(self) -> bool:
        """Whether the model that counts has not proved itself yet."""
        return self._trial is not None

    def settle(self) -> None:
        """Wait until the model beside has decided all that it was asked."""
        beside = self._beside
        if beside is not None:
            beside.settle()

    def close(self) -> None:
        """End cleanly: a process that was asked to end says nothing against a model on trial."""
        with self._guard:
            self._put_beside(None)
            if self._trial is None:
                return
            with contextlib.suppress(TransientError, UserError), changing(self._folder) as known:
                if known.active == self.model and known.trial:
                    pointer.save(self._folder, replace(known, trial=known.trial - 1))

    def decide(self, inputs: Sequence[bytes]) -> list[Decision]:
        """Return one decision per input, by the model that counts.

        Raises:
            NoModel: No model counts.
            UserError: An input cannot be read.
        """
        runtime = self._runtime
        if runtime is None:
            raise NoModel("no model counts on this device: assign one on the server")
        start = self._timer()
        try:
            made = runtime.decide(inputs)
        except Exception as error:
            return self._instead(runtime, inputs, error)
        self._count(runtime, len(inputs), self._timer() - start)
        beside = self._beside
        if beside is not None:
            beside.ask(inputs, made)
        return made

    def follow(self) -> bool:
        """Take up what an update has changed; whether another model counts now.

        The one at work goes on deciding, on other threads, until the next is ready.
        """
        with self._guard:
            before = self.model
            with changing(self._folder) as known:
                if known.active in self._left and self._left[known.active] == known.counter:
                    known = go_back(self._folder, known, self.went_back or "", self._clock())
                self._take(known)
            return self.model != before

    def _start(self) -> None:
        with self._guard, changing(self._folder) as known:
            tried = known.trial
            if tried is not None and known.active is not None:
                if tried >= STARTS and _can(known):
                    why = f"model {short(known.active)} ended {tried} starts before it proved"
                    self.went_back = why
                    known = go_back(self._folder, known, why, self._clock())
                else:
                    known = replace(known, trial=tried + 1)
                    pointer.save(self._folder, known)
            self._take(known)

    def _take(self, known: Pointer) -> None:
        """Load what a pointer names; goes back where the model that should count does not load."""
        try:
            active = self._loaded(known.active, self._runtime, self._spare)
        except Exception as error:
            if not _can(known):
                raise
            self.went_back = f"model {short(known.active or '')} does not load: {error}"
            known = go_back(self._folder, known, self.went_back, self._clock())
            active = self._loaded(known.active, self._runtime, self._spare)
        changed = active is not self._runtime
        self._counter = known.counter
        on_trial = known.trial is not None
        old = self._runtime
        # The spare is kept loaded while it may be needed: going back then takes no time.
        spare = None
        if on_trial and known.previous is not None:
            spare = self._quietly(known.previous, old, self._spare)
        self._spare = spare
        self._put_beside(self._quietly(known.shadow, self.shadow, spare, old))
        if changed:
            self.decided = self.late = 0
        if changed or not on_trial:
            self._late_on_trial = 0
            self._trial = PROBATION if on_trial else None
        self._runtime = active  # one assignment: who decides meanwhile has the one or the other

    def _put_beside(self, runtime: Runtime | None) -> None:
        """Let another model decide beside; counts begin anew where it is another one."""
        before = self._beside
        if before is not None and before.runtime is runtime:
            return
        if before is not None:
            before.stop()
        self._beside = None
        if runtime is not None:
            self._beside = Beside(runtime, takt=self._takt, timer=self._timer)

    def _loaded(self, digest: Digest | None, *at_hand: Runtime | None) -> Runtime | None:
        if digest is None:
            return None
        for one in at_hand:
            if one is not None and one.digest == digest:
                return one
        return Runtime(pointer.model_bytes(self._folder, digest))

    def _quietly(self, digest: Digest | None, *at_hand: Runtime | None) -> Runtime | None:
        try:
            return self._loaded(digest, *at_hand)
        except Exception:  # beside the one that counts; it must not be lost for this one
            return None

    def _instead(
        self, runtime: Runtime, inputs: Sequence[bytes], error: Exception
    ) -> list[Decision]:
        """Decide by the model before, where one on trial failed; an input may be at fault, too."""
        spare = self._spare
        if self._trial is None or spare is None or spare is runtime:
            raise error
        made = spare.decide(inputs)  # raises where the input is at fault: nobody can read it
        self._leave(runtime, f"model {short(runtime.digest)} fails where the one before does not")
        return made

    def _count(self, runtime: Runtime, decided: int, took: float) -> None:
        """Count a model's decisions, and those over the takt; on trial they judge it."""
        late = self._takt is not None and took > self._takt * max(1, decided)
        with self._guard:
            if runtime is not self._runtime:
                return
            self.decided += decided
            self.late += decided if late else 0
            if self._trial is None:
                return
            self._late_on_trial += late
            self._trial -= decided
            if self._late_on_trial >= LATE and self._spare is not None:
                times = self._late_on_trial
                self._leave(runtime, f"model {short(runtime.digest)} missed the takt {times} times")
            elif self._trial <= 0:
                self._confirm(runtime.digest)

    def _leave(self, runtime: Runtime, why: str) -> None:
        with self._guard:
            if runtime is not self._runtime:
                return  # somebody was faster
            self._runtime, self._spare, self._trial = self._spare, None, None
            self.decided = self.late = 0
            if self._runtime is not None and self.shadow is self._runtime:
                self._put_beside(None)  # in a canary the one before decided beside
            self.went_back = why
            self._left[runtime.digest] = self._counter
            # A disk that takes nothing must not cost a decision: `follow` tries it again.
            with contextlib.suppress(TransientError), changing(self._folder) as known:
                if known.active == runtime.digest and _can(known):
                    go_back(self._folder, known, why, self._clock())

    def _confirm(self, digest: Digest) -> None:
        with contextlib.suppress(TransientError), changing(self._folder) as known:
            if known.active == digest and known.trial is not None:
                pointer.save(self._folder, replace(known, trial=None))
            self._trial, self._spare = None, None


def _can(known: Pointer) -> bool:
    return known.previous is not None and known.previous not in known.revoked

"""The edge's releases while it runs: looks for what is assigned, follows it, says how it stands."""

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from twoloops.edge.backoff import Backoff
from twoloops.edge.home import Home
from twoloops.edge.trust import pointer
from twoloops.edge.trust.pointer import Pointer
from twoloops.edge.trust.refusing import Outcome
from twoloops.edge.trust.slot import Slot
from twoloops.edge.trust.updating import update
from twoloops.records.digests import Digest, short
from twoloops.records.errors import TransientError, UserError

EVERY = 300.0
"""Seconds between two looks at the signed metadata, though no heartbeat hints at anything new."""
GLANCE = 1.0
"""Seconds between two looks at the device's own pointer, which a command may have changed."""

Update = Callable[[], Outcome]


class Releases:
    """What decides on this edge, kept as signed metadata has it. `run` is for a thread of its own.

    Args:
        home: The edge's folder, enrolled.
        takt: Seconds one decision may take, or `None` for any.
        clock: The time, UTC.
        say: Told sentences of what happens, for a person.
        backoff: How long to wait after what could not be reached.
        timer: Seconds that only grow.

    Raises:
        UserError: It was not enrolled.
    """

    def __init__(
        self,
        home: Home,
        *,
        takt: float | None,
        clock: Callable[[], datetime],
        say: Callable[[str], None],
        backoff: Backoff,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        settings = home.settings()
        self._folder, self._say, self._timer, self._backoff = home.releases, say, timer, backoff
        token = home.token()
        self._update: Update = lambda: update(
            home.releases, settings.server, token, clock, takt=takt
        )
        self.slot = Slot(home.releases, clock, takt=takt)
        """What decides."""
        self._known = pointer.load(self._folder)
        self._said = self.slot.model
        self._hinted, self._next = 0, float("-inf")
        self._refused = ""
        self._beside: Digest | None = None
        self._wake = threading.Event()
        self._stopped = False
        if self.slot.went_back:
            say(f"Went back: {self.slot.went_back}.")

    def hint(self, counter: int) -> None:
        """Say which assignment the server named; a new one is looked for at once."""
        if counter > max(self._hinted, self._known.counter):
            self._hinted, self._next = counter, float("-inf")
            self._wake.set()

    def run(self) -> None:
        """Look until stopped."""
        while not self._stopped:
            self._wake.wait(GLANCE)
            self._wake.clear()
            if not self._stopped:
                self.step()

    def stop(self) -> None:
        """End `run` soon; the slot goes on deciding until it is closed."""
        self._stopped = True
        self._wake.set()

    def step(self) -> None:
        """Do what is due, once."""
        if self._timer() >= self._next:
            self._look()
        self._follow()

    def standing(self) -> dict[str, Any]:
        """Return what `Standing` says of releases."""
        known, slot = self._known, self.slot
        left = next((one for one, at in known.refused.items() if at == known.counter), None)
        return {
            "release": slot.model,
            "counter": known.counter,
            "mode": known.mode if known.counter else "",
            "on_trial": slot.on_trial,
            "decided": slot.decided,
            "late": slot.late,
            "went_back": (slot.went_back or known.why) if left is not None else "",
            "left": left,
            "refused": self._refused,
            "paired": slot.paired,
        }

    def _look(self) -> None:
        """Fetch what is assigned; whatever goes wrong, what decides goes on."""
        try:
            done = self._update()
        except (TransientError, UserError) as error:
            self._failed(str(error))
            return
        if done.refusal is None:
            self._backoff.succeeded()
            self._refused, self._next = "", self._timer() + EVERY
        elif done.refusal in ("unreachable", "too slow"):
            self._failed(done.why)
        else:  # the same again is refused again: wait for another hint, or for the next look
            self._note(f"{done.refusal}: {done.why}")
            self._next = self._timer() + EVERY

    def _failed(self, why: str) -> None:
        self._note(why)
        self._next = self._timer() + self._backoff.failed()

    def _note(self, why: str) -> None:
        if why != self._refused:
            self._say(f"The release was not taken: {why}")
        self._refused = why[:500]

    def _follow(self) -> None:
        """Take up what an update, a command or the slot itself has changed."""
        try:
            now = pointer.load(self._folder)
            if _what(now) != _what(self._known) or now.active != self.slot.model:
                self.slot.follow()
                now = pointer.load(self._folder)
        except (TransientError, UserError) as error:
            self._note(str(error))
            return
        self._known = now
        before, after = self._said, self.slot.model
        if after != before:
            named = "none" if before is None else short(before)
            what = "No model decides" if after is None else f"Model {short(after)} decides"
            self._said = after
            self._say(f"{what} now; before: {named}. Because of: {now.why}.")
        runtime = self.slot.shadow
        beside = None if runtime is None else runtime.digest
        if beside is not None and beside != self._beside:
            self._say(f"Model {short(beside)} decides too, and does not count ({now.mode}).")
        self._beside = beside


def _what(known: Pointer) -> tuple[object, ...]:
    return (known.active, known.shadow, known.previous, known.counter, known.refused)

"""Inputs that come in one by one, over the network: decided on and kept as a file's rows are.

Each batch goes through the local edge, its spool and its seal (`wiring.ingesting`), so what was
answered with a place is in the catalog, whenever the process dies. An input that was given a key
counts once however often it is sent; one without counts each time.
"""

import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path

import msgspec

from twoloops.convergence.turns.workspace_turn import incoming, period
from twoloops.edge.runtime import Runtime
from twoloops.physical.history.options import Reading
from twoloops.physical.history.stream import Row
from twoloops.records.digests import Digest, canonical
from twoloops.records.observation import Decision, Kept, Place
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring.ingesting import FOLDER, NAME, known_rows, observe, settle, take
from twoloops.wiring.workspace import now


class Sent(msgspec.Struct, frozen=True):
    """One input as it was sent.

    Args:
        input: Raw bytes.
        key: What the plant calls it (a serial number): outcomes are joined to it by this, and
            from one sender the same key is the same input.
        origin: Items of one origin (a part, a recording) share it.
    """

    input: bytes
    key: str | None = None
    origin: str | None = None


class Seen(msgspec.Struct, frozen=True):
    """What became of an input.

    Args:
        known: Whether its key was taken in before; nothing else is said of it then.
        decision: What the deployed model said; `None` where none is deployed.
        place: Where it is kept; `None` where it was decided on and not kept.
        kept: Why it was kept, and with which chance.
        quarantined: Why it could not be used.
    """

    known: bool = False
    decision: Decision | None = None
    place: str | None = None
    kept: Kept | None = None
    quarantined: str | None = None


class Door:
    """Where inputs arrive at a workspace. Used by one thread, under the workspace's lock.

    It remembers deployed models and known keys: nobody else may take in inputs under the names
    of its senders while it lives.

    Args:
        folder: The workspace.
    """

    def __init__(self, folder: Path) -> None:
        self._place = folder / FOLDER
        self._runtimes: dict[str, tuple[Digest, Runtime]] = {}
        self._known: dict[str, set[str]] = {}

    def arrive(self, store: Store, task: Task, sender: str, sent: Sequence[Sent]) -> list[Seen]:
        """Let the local edge see inputs, and take in what it keeps; one answer each, in order."""
        self._place.mkdir(exist_ok=True)
        settle(store, self._place)
        if task.name not in self._known:
            self._known[task.name] = known_rows(store, task.name)
        known = self._known[task.name]
        names = [_name(sender, one) for one in sent]
        new: dict[str, Sent] = {}
        for name, one in zip(names, sent, strict=True):
            if name not in known:
                new.setdefault(name, one)  # of the same key twice in a batch the first one counts
        seen = self._see(store, task, sender, new) if new else {}
        known.update(name for name in new if name.startswith(KEYED))
        return [seen.pop(name, Seen(known=True)) for name in names]

    def _see(self, store: Store, task: Task, sender: str, new: dict[str, Sent]) -> dict[str, Seen]:
        at, coming = now(), period(incoming(store, task.name))
        rows = [
            (name, Row(one.input, None, at, coming, origin=one.origin, key=one.key))
            for name, one in new.items()
        ]
        reading = Reading(source=sender, kind=task.kind, rows=(), timed=False)
        runtime = self._runtime(store, task)
        sealed, tally = observe(
            store, self._place, task, runtime, coming, rows, sender, False, reading
        )
        take(store, self._place, sealed)
        reasons = dict(tally.quarantined)
        return {
            name: Seen(
                decision=decision,
                place=None if counter is None else str(Place(NAME, sealed.epoch, counter)),
                kept=kept,
                quarantined=reasons.get(index),
            )
            for index, (name, decision, kept, counter) in enumerate(
                zip(new, tally.decisions, tally.captures, tally.counters, strict=True)
            )
        }

    def _runtime(self, store: Store, task: Task) -> Runtime | None:
        release = store.releases.deployed(task.name)
        if release is None:
            return None
        found = self._runtimes.get(task.name)
        if found is None or found[0] != release.model:
            found = (release.model, Runtime(store.models.get(release.model), threads=2))
            self._runtimes[task.name] = found
        return found[1]


KEYED = "key/"


def _name(sender: str, one: Sent) -> str:
    """Name an input among all that were taken in."""
    if one.key is None:
        return secrets.token_hex(8)
    return KEYED + hashlib.sha256(canonical((sender, one.key))).hexdigest()[:32]

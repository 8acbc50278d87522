"""An update: metadata, assignment, model, self-test, swap; and going back without a network.

Every step leaves a state that the next start, or the next update, goes on from: what is expected
to be there is durable before the pointer names it.
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from twoloops.edge import files
from twoloops.edge.trust import pointer
from twoloops.edge.trust.checking import self_test
from twoloops.edge.trust.locking import UPDATE, alone
from twoloops.edge.trust.pointer import Pointer
from twoloops.edge.trust.refusing import Outcome, Refused
from twoloops.records.assignment import (
    EVERYONE,
    GOLDEN_LIMIT,
    MODEL_LIMIT,
    RECORD_LIMIT,
    REVOKED,
    Assignment,
    Golden,
    Revocations,
    assignment_path,
    golden_path,
    group_name,
    hexadecimal,
    model_path,
)
from twoloops.records.digests import Digest, digest_bytes, short
from twoloops.records.errors import TransientError, UserError

if TYPE_CHECKING:
    from twoloops.edge.trust.fetching import Limits
    from twoloops.edge.trust.metadata import Trusted

PARTIAL = "partial"


def begin(folder: Path, root: Digest, task: str, group: str = EVERYONE) -> Pointer:
    """Enrol a device: from now on it believes what the root with this digest leads to.

    Doing it again changes its group and nothing else.

    Args:
        folder: Of the device's releases; made when missing.
        root: Digest of the server's root metadata, carried here by a way that is trusted.
        task: The device's task.
        group: The device's group.

    Raises:
        UserError: It was enrolled with another root or for another task.
    """
    hexadecimal(root), group_name(group)
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        if not (folder / pointer.POINTER).exists():
            made = Pointer(root=root, task=task, group=group)
        else:
            known = pointer.load(folder)
            if (known.root, known.task) != (root, task):
                raise UserError(
                    f"{folder} is enrolled with root {short(known.root)} for task {known.task!r}, "
                    f"not {short(root)} and {task!r}: enrol in an empty folder"
                )
            made = replace(known, group=group)
            if made == known:
                return known
        pointer.save(folder, made)
        return made


def update(
    folder: Path,
    url: str,
    token: str,
    clock: Callable[[], datetime],
    *,
    takt: float | None = None,
    limits: "Limits | None" = None,
) -> Outcome:
    """Look for what is assigned to this device, and make it count when it may.

    Whatever is refused, and whatever the network does, the model that counts goes on counting.

    Args:
        folder: Of the device's releases, enrolled by `begin`.
        url: The server's address.
        token: Of scope edge.
        clock: The time, UTC; expired metadata is refused by it.
        takt: Seconds one decision may take, or `None` for any.
        limits: On the server's time.

    Returns:
        What was done; a refusal is an outcome, not an error.

    Raises:
        UserError: The device is not enrolled, or another update is at work.
        TransientError: The disk does not take it.
    """
    from twoloops.edge.trust.fetching import Fetcher, Limits
    from twoloops.edge.trust.metadata import Trusted

    fetcher = Fetcher(token, limits or Limits())
    with alone(folder, UPDATE):
        known = pointer.load(folder)
        trusted = Trusted(folder, url, known.root, fetcher, clock())
        work = _Update(folder, trusted, known, clock, takt)
        try:
            return work.perform()
        except Refused as error:
            return work.outcome("refused", str(error), error)
        except OSError as error:  # of TUF's client, which keeps metadata by itself
            raise TransientError(
                f"{folder} cannot be written: {error.strerror or error}"
            ) from error


def roll_back(folder: Path, why: str, at: datetime) -> Outcome:
    """Go back to the model before, here and now: no network is needed.

    It is one that was verified and tested here, and was not revoked. The model left behind is not
    taken again until a later assignment brings it.

    Args:
        folder: Of the device's releases.
        why: The reason.
        at: Now.

    Raises:
        UserError: There is no such model.
    """
    with alone(folder):
        return outcome_of(_gone_back(folder, pointer.load(folder), why, at), "rolled back", why)


def _gone_back(folder: Path, known: Pointer, why: str, at: datetime) -> Pointer:
    back = known.previous
    if back is None or back not in known.verified or back in known.revoked:
        what = "there is no model before" if back is None else f"model {short(back)} was revoked"
        raise UserError(f"cannot go back: {what}; assign another one on the server")
    pointer.model_bytes(folder, back)
    refused = dict(known.refused)
    if known.active is not None:
        refused[known.active] = known.counter
    made = replace(
        known,
        active=back,
        previous=None,
        shadow=None if known.shadow == back else known.shadow,
        refused=refused,
        trial=None,
        why=why,
        changed_at=at,
    )
    pointer.save(folder, made)
    return made


def outcome_of(known: Pointer, did: str, why: str, error: Refused | None = None) -> Outcome:
    """Return the outcome that leaves a pointer."""
    return Outcome(
        did=did,  # type: ignore[arg-type]  # one of the words of `Outcome.did`
        why=why,
        active=known.active,
        shadow=known.shadow,
        counter=known.counter,
        refusal=None if error is None else error.kind,
    )


class _Update:
    """One update under way: `pointer` is what is on the disk."""

    def __init__(
        self,
        folder: Path,
        trusted: "Trusted",
        known: Pointer,
        clock: Callable[[], datetime],
        takt: float | None,
    ) -> None:
        self._folder, self._trusted, self._clock, self._takt = folder, trusted, clock, takt
        self.pointer = known

    def outcome(self, did: str, why: str, error: Refused | None = None) -> Outcome:
        return outcome_of(self.pointer, did, why, error)

    def perform(self) -> Outcome:
        was = self.pointer
        self._keep(seen=self._trusted.refresh(was.seen))
        self._keep_revocations()
        withdrawn = was.active is not None and self.pointer.active != was.active
        found = self._assignment()
        if found is None:
            said = f"nothing is assigned to group {was.group!r} of task {was.task!r}"
            return self.outcome("withdrawn" if withdrawn else "unchanged", said)
        assignment, digest = found
        self._keep(counter=assignment.counter, assignment=digest, mode=assignment.mode)
        for model in assignment.models:
            self._bring(model)
        return self._swap(assignment, was.active)

    def _keep(self, **changed: object) -> None:
        """Change the pointer as it is now: who decides may have gone back meanwhile."""
        with alone(self._folder):
            known = pointer.load(self._folder)
            self.pointer = replace(known, **changed)
            if self.pointer != known:
                pointer.save(self._folder, self.pointer)

    def _keep_revocations(self) -> None:
        """Take in what was revoked; a revoked model stops counting, whatever is assigned."""
        found = self._trusted.record(REVOKED, Revocations, RECORD_LIMIT)
        listed = Revocations(counter=0) if found is None else found[0]
        with alone(self._folder):
            self._revoke(listed, pointer.load(self._folder))

    def _revoke(self, listed: Revocations, known: Pointer) -> None:
        gone = sorted(set(known.revoked) - set(listed.models))
        if listed.counter < known.revoked_counter or gone:
            raise Refused(
                "rolled back",
                f"the list of revoked models went back from {known.revoked_counter} to "
                f"{listed.counter}: a revocation is never taken back",
            )
        revoked = set(listed.models)
        changed: dict[str, object] = {
            "revoked": listed.models,
            "revoked_counter": listed.counter,
            "verified": tuple(one for one in known.verified if one not in revoked),
        }
        if known.previous in revoked:
            changed["previous"] = None
        if known.shadow in revoked:
            changed["shadow"] = None
        if known.active in revoked:
            back = known.previous if known.previous not in revoked else None
            changed |= {"active": back, "previous": None, "trial": None}
            changed |= {"why": f"model {short(known.active or '')} was revoked"}
            changed |= {"changed_at": self._clock()}
        self._keep(**changed)

    def _assignment(self) -> tuple[Assignment, Digest] | None:
        known = self.pointer
        path = assignment_path(known.task, known.group)
        found = self._trusted.record(path, Assignment, RECORD_LIMIT)
        if found is None:
            return None
        given, digest = found
        if given.task != known.task:
            raise Refused(
                "wrong task",
                f"the assignment is for task {given.task!r}, and this device's is {known.task!r}",
            )
        if given.group != known.group:
            raise Refused(
                "mixed",
                f"the assignment is for group {given.group!r}, and this device's is "
                f"{known.group!r}",
            )
        same = given.counter == known.counter and digest == known.assignment
        if given.counter <= known.counter and not same:
            raise Refused(
                "rolled back",
                f"assignment {given.counter} is not later than {known.counter}, which this device "
                "has followed: sign a new one to go back",
            )
        for model in given.models:
            _named(model)
            if model in known.revoked:
                raise Refused("revoked", f"model {short(model)} is assigned and was revoked")
        return given, digest

    def _bring(self, model: Digest) -> None:
        """Fetch, verify and test a model that is not here yet; durable and counted as verified."""
        known = self.pointer
        if known.refused.get(model) == known.counter:
            raise Refused(
                "self-test",
                f"model {short(model)} failed on this device ({known.why}): it is not tried again "
                "until a later assignment brings it",
            )
        if model in known.verified and pointer.whole(self._folder, model):
            return
        golden = self._golden(model)
        staged = self._staged(model)
        try:
            self_test(staged.read_bytes(), golden, known.task, self._takt)
        except Refused as error:
            staged.unlink(missing_ok=True)
            refused = dict(known.refused) | {model: known.counter}
            self._keep(refused=refused, why=str(error), changed_at=self._clock())
            raise
        files.settle(staged, pointer.model_file(self._folder, model))
        self._keep(verified=(*(one for one in known.verified if one != model), model))

    def _golden(self, model: Digest) -> Golden:
        found = self._trusted.record(golden_path(model), Golden, GOLDEN_LIMIT)
        if found is None:
            raise Refused(
                "unknown model", f"model {short(model)} is assigned and has no golden inputs signed"
            )
        return found[0]

    def _staged(self, model: Digest) -> Path:
        from twoloops.edge.trust.metadata import custom

        info = self._trusted.info(model_path(model), MODEL_LIMIT)
        if info is None:
            raise Refused(
                "unknown model", f"model {short(model)} is assigned and was never released"
            )
        task = custom(info).get("task")
        if task != self.pointer.task:
            raise Refused(
                "wrong task",
                f"model {short(model)} was released for task {task!r}, and this device's is "
                f"{self.pointer.task!r}",
            )
        partial = self._folder / PARTIAL / "model"
        self._trusted.fetch(info, partial)
        if digest_bytes(partial.read_bytes()) != model:
            partial.unlink()
            raise Refused("tampered", f"the file of model {short(model)} has another digest")
        return partial

    def _swap(self, given: Assignment, before: Digest | None) -> Outcome:
        with alone(self._folder):
            outcome = self._swapped(given, before, pointer.load(self._folder))
            pointer.tidy(self._folder, self.pointer)
        return outcome

    def _swapped(self, given: Assignment, before: Digest | None, known: Pointer) -> Outcome:
        self.pointer = known
        counts = given.counts or known.active if given.mode == "shadow" else given.model
        # A model on trial is no model to go back to while there is one before it.
        proven = known.trial is None or known.previous is None
        previous = known.active if proven and counts != known.active else known.previous
        if previous == counts:
            previous = None
        beside = {"shadow": given.model, "canary": previous, "full": None}[given.mode]
        shadow = None if beside == counts else beside
        why = f"assignment {given.counter} ({given.mode})"
        if (counts, shadow) == (known.active, known.shadow):
            same = "unchanged" if known.active == before else "withdrawn"
            return self.outcome(same, f"{why} is followed")
        changed: dict[str, object] = {"shadow": shadow, "why": why, "changed_at": self._clock()}
        if counts != known.active:
            changed |= {"active": counts, "trial": 0, "previous": previous}
        self._keep(**changed)
        same = "unchanged" if shadow is None else "shadowed"
        return self.outcome("updated" if counts != before else same, f"{why} is followed")


def _named(model: Digest) -> None:
    try:
        hexadecimal(model)
    except UserError as error:
        raise Refused("unreadable", f"the assignment names no model: {error}") from error


@contextlib.contextmanager
def changing(folder: Path) -> Iterator[Pointer]:
    """Yield the pointer while nobody else changes it."""
    with alone(folder):
        yield pointer.load(folder)


def go_back(folder: Path, known: Pointer, why: str, at: datetime) -> Pointer:
    """Go back while `changing`; as `roll_back`."""
    return _gone_back(folder, known, why, at)

"""Take in what edges send: exactly once in effect, by edge, epoch and counter.

Law: whatever the order and the repetition of batches, the catalog ends up the same.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from twoloops.edge.spoolrows import Spooled
from twoloops.records.digests import Digest, digest_bytes, digest_record, short
from twoloops.records.observation import Observation, Place
from twoloops.store.rows import Gap, Quarantined
from twoloops.store.workspace import Store

FIRST = 1
"""The counter a spool's epoch begins with."""


class Ingested(NamedTuple):
    """What became of a batch.

    Args:
        new: Observations that were not known.
        duplicates: Observations that were.
        gaps: All counters still missing in the epochs of the batch.
        quarantined: Observations that cannot be used; the catalog says why.
    """

    new: int
    duplicates: int
    gaps: tuple[Gap, ...]
    quarantined: int


def ingest(
    store: Store,
    batch: Sequence[Spooled],
    check: Callable[[Spooled], str | None] | None = None,
    known: Mapping[Place, Observation] | None = None,
    digests: Sequence[Digest] | None = None,
) -> Ingested:
    """Take in a batch: inputs, observations, gaps and quarantine in one transaction.

    Args:
        store: Where to.
        batch: What came.
        check: Says besides why a new observation cannot be used, or `None`; for batches of
            others than this machine.
        known: What the catalog has at the places of the batch, where the caller has just asked.
        digests: Of the inputs, one each, where the caller has just computed them.

    Raises:
        UserError: If a task is unknown; nothing is taken in then, and the edge keeps it all.
    """
    with store.transaction(savepoint=False):
        tasks = {name: store.tasks.get(name) for name in {one.observation.task for one in batch}}
        if known is None:
            known = store.observations.find(one.observation.place for one in batch)
        refused: set[str] | None = None
        forgotten = store.inputs.forgotten({one.observation.input for one in batch})
        fresh: dict[Place, Spooled] = {}
        unusable: dict[str, Quarantined] = {}
        duplicates = 0
        for number, one in enumerate(batch):
            place = one.observation.place
            old = fresh[place].observation if place in fresh else known.get(place)
            if old == one.observation:
                duplicates += 1
                continue
            digest = digest_bytes(one.input) if digests is None else digests[number]
            reason = _unusable(one.observation, digest, old, forgotten)
            if check is not None and old is None and reason is None:
                reason = check(one)
            if reason is None:
                fresh[place] = one
                continue
            if refused is None:
                refused = _refused(store, batch)
            # A place tells a duplicate; the same place with other content is a broken edge.
            where = (
                str(place) if old is None else f"{place} ({short(digest_record(one.observation))})"
            )
            if where in refused or where in unusable:
                duplicates += 1
            else:
                at = one.observation.observed_at
                unusable[where] = Quarantined(place.edge, where, reason, at)
        for task in tasks.values():
            own = [one for one in fresh.values() if one.observation.task == task.name]
            # Each of these has just been compared with its input.
            store.inputs.put_many(
                [one.input for one in own], task.kind, [one.observation.input for one in own]
            )
        store.observations.add_many([one.observation for one in fresh.values()])
        store.quarantine.add_many(list(unusable.values()))
        gaps = _note_gaps(store, [one.observation.place for one in batch])
    return Ingested(len(fresh), duplicates, tuple(gaps), len(unusable))


def missing(
    gaps: Iterable[tuple[int, int]], last: int, counters: Iterable[int]
) -> tuple[list[tuple[int, int]], int]:
    """Return gaps and highest counter of an epoch after more counters have arrived.

    >>> missing([], 0, [1, 2, 5])
    ([(3, 4)], 5)
    >>> missing([(3, 4)], 5, [4])
    ([(3, 3)], 5)

    Args:
        gaps: First and last counter of each gap before, both included.
        last: Highest counter before; `FIRST - 1` of a new epoch.
        counters: What arrived, in any order.
    """
    left = list(gaps)
    for counter in sorted(set(counters)):
        if counter > last:
            if counter > last + 1:
                left.append((last + 1, counter - 1))
            last = counter
            continue
        for index, (low, high) in enumerate(left):
            if low <= counter <= high:
                ends = ((low, counter - 1), (counter + 1, high))
                left[index : index + 1] = [(a, b) for a, b in ends if a <= b]
                break
    return left, last


def _refused(store: Store, batch: Sequence[Spooled]) -> set[str]:
    """Return the places of the batch's edges that are in quarantine already."""
    return {
        one.place
        for edge in {one.observation.place.edge for one in batch}
        for one in store.quarantine.all(edge)
    }


def _unusable(
    observation: Observation, digest: Digest, old: Observation | None, forgotten: set[str]
) -> str | None:
    """Say why an observation, whose input has a digest, cannot be used, or return `None`."""
    if old is not None:
        return "its place holds another observation: two edges share a name, or a spool was copied"
    if digest != observation.input:
        return f"its input is {digest}, and the observation names {observation.input}"
    if digest in forgotten:
        return "its input was forgotten earlier and is not taken in again"
    decision = observation.decision
    if decision is not None and not all(
        math.isfinite(value) for value in (*decision.probabilities, decision.novelty)
    ):
        return "its decision holds a number that is not finite"
    if not 0 < observation.kept.probability <= 1:
        return f"its inclusion probability {observation.kept.probability} is not in (0, 1]"
    return None


def _note_gaps(store: Store, places: Sequence[Place]) -> list[Gap]:
    counters: dict[tuple[str, str], list[int]] = {}
    for place in places:
        counters.setdefault((place.edge, place.epoch), []).append(place.counter)
    noted: list[Gap] = []
    for (edge, epoch), arrived in sorted(counters.items()):
        before = [(gap.first, gap.last) for gap in store.marks.gaps(edge, epoch)]
        last = store.marks.last(edge, epoch)
        left, last = missing(before, FIRST - 1 if last is None else last, arrived)
        gaps = [Gap(edge, epoch, low, high) for low, high in left]
        store.marks.put(edge, epoch, last, gaps)
        noted += gaps
    return noted

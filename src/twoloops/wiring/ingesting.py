"""The local edge: a file's rows are decided on, captured, spooled durably and taken in once.

A batch of rows goes through a spool of its own. Once all of it is durable there, the batch is
*sealed*: a small file beside the spool says which rows it was. What is sealed is taken in with
the note of its rows in one transaction, now or by the next command; what was not sealed when the
process died is thrown away, and its rows are new when they come again. So a row counts once,
whenever the process dies and however often a file is given.
"""

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import msgspec

from twoloops.convergence.turns.workspace_turn import incoming, period, policy_of
from twoloops.edge.agent import Agent, Tally
from twoloops.edge.capture import CapturePolicy
from twoloops.edge.runtime import Runtime
from twoloops.edge.sources import Arrival
from twoloops.edge.spool import Spool, new_epoch
from twoloops.physical.history.open import open_history, read
from twoloops.physical.history.options import Mapping, Plan, Reading
from twoloops.physical.history.stream import Row
from twoloops.physical.ingest import ingest
from twoloops.physical.labelling.answers import answer
from twoloops.records.digests import Digest, canonical
from twoloops.records.errors import UserError
from twoloops.records.label import Label
from twoloops.records.money import Money
from twoloops.records.observation import Place
from twoloops.records.task import Task
from twoloops.store.rows import Quarantined
from twoloops.store.workspace import Store
from twoloops.wiring.replay import write
from twoloops.wiring.workspace import now

NAME, FOLDER = "local", "edge"
ROWS = "rows taken in"
"""Evidence: the keys of the rows of each batch, by the batch's number."""
BATCH = 500
BUILT_IN = ("excavators", "solar-cells")


class Sealed(msgspec.Struct, frozen=True):
    """What stands beside a spool that is complete.

    Args:
        task: The task's name.
        epoch: Of the spool, whose file has its name.
        batch: The number under which the rows are noted.
        keys: A key for each row of the batch, kept or not.
        labels: Known labels by counter, of the observations kept.
        quarantined: Rows that could not be used.
        called: Keys by which the plant knows the observations kept, by counter.
    """

    task: str
    epoch: str
    batch: int
    keys: tuple[str, ...]
    labels: dict[int, str]
    quarantined: tuple[Quarantined, ...]
    called: dict[int, str] = {}


class TakenIn(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a source.

    Args:
        source: As the user named it.
        task: The task's name.
        rows: Readable rows.
        known: Rows that had been taken in before.
        decided: New rows the deployed model decided on.
        kept: New observations.
        labels: New labels that came with them.
        quarantined: Items that could not be used, each with its place and reason.
        already_quarantined: How many of them were known.
        period: The turn that the new observations belong to.
        model: The deployed model, or `None`: without one everything is kept.
    """

    source: str
    task: str
    rows: int
    known: int
    decided: int
    kept: int
    labels: int
    quarantined: tuple[str, ...]
    already_quarantined: int
    period: str
    model: Digest | None


def read_source(source: str, mapping: Mapping, *, accept_licence: bool = False) -> Reading:
    """Read a source's rows as they are, without cutting them into turns.

    Raises:
        UserError: It cannot be read.
    """
    if source not in BUILT_IN:
        return read(source, mapping)
    history = open_history(source, Plan(), mapping, accept_licence=accept_licence)
    return Reading(
        source=source,
        kind=history.task.kind,
        rows=tuple(history.rows()),
        timed=source == "excavators",
        quarantined=history.quarantined,
    )


def take_in(
    store: Store,
    folder: Path,
    task: Task,
    reading: Reading,
    *,
    name: str,
    with_labels: bool = False,
    new_labels: bool = False,
    on_rows: Callable[[int], None] | None = None,
) -> TakenIn:
    """Let the local edge see a source's rows, and take in what it keeps.

    Args:
        store: The workspace's, held for writing.
        folder: The workspace.
        task: Whose inputs they are.
        reading: The rows.
        name: Of the source: with the row's input (and time, where the source has times) and the
            how-manieth of its like it is, it says whether a row is known.
        with_labels: Whether the labels in the source are taken in, as labeller `history`.
        new_labels: Whether labels the task does not have are added to it, or refused.
        on_rows: Told how many rows are done, batch by batch.

    Raises:
        UserError: The rows are of another kind or shape, or have labels the task does not have.
    """
    _check(task, reading, with_labels and not new_labels)
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    settle(store, place)
    known = known_rows(store, task.name)
    keyed = [(key, row) for key, row in _keyed(name, reading) if key not in known]
    labels_before = store.labels.count(task.name)
    kept = 0
    refused = _refused(name, reading, now())
    already = store.quarantine.holds(name, [one.place for one in refused])
    store.quarantine.add_many(refused)
    reasons = [f"{one.place}: {one.reason}" for one in refused]
    release = store.releases.deployed(task.name)
    runtime = None if release is None else Runtime(store.models.get(release.model), threads=2)
    coming = period(incoming(store, task.name))
    for rows in _batches(keyed):
        sealed, _ = observe(store, place, task, runtime, coming, rows, name, with_labels, reading)
        kept += take(store, place, sealed)
        reasons += [f"{one.place}: {one.reason}" for one in sealed.quarantined]
        if on_rows is not None:
            on_rows(len(rows))
    return TakenIn(
        source=reading.source,
        task=task.name,
        rows=len(reading.rows),
        known=len(reading.rows) - len(keyed),
        decided=len(keyed) if runtime is not None else 0,
        kept=kept,
        labels=store.labels.count(task.name) - labels_before,
        quarantined=tuple(reasons),
        already_quarantined=len(already),
        period=coming,
        model=None if release is None else release.model,
    )


def settle(store: Store, place: Path) -> int:
    """Take in what an interrupted command has sealed, and throw the rest away; counts batches."""
    sealed = [
        msgspec.json.decode(path.read_bytes(), type=Sealed) for path in sorted(place.glob("*.json"))
    ]
    for one in sealed:
        take(store, place, one)
    for left in place.iterdir():
        left.unlink()
    return len(sealed)


def _check(task: Task, reading: Reading, labels_are_fixed: bool) -> None:
    source = reading.source
    if not reading.rows and not reading.quarantined:
        raise UserError(f"{source} is empty: expected at least one row besides the header")
    if reading.kind != task.kind:
        raise UserError(
            f"{source} holds inputs of kind {reading.kind}, and task {task.name!r} decides on "
            f"{task.kind}: name another --task, or say with --text or --channels which columns "
            "are the input"
        )
    if reading.shape != task.shape:
        raise UserError(
            f"{source} holds windows of (channels, samples) = {reading.shape}, and task "
            f"{task.name!r} decides on {task.shape}: cut or resample them first"
        )
    if labels_are_fixed:
        found = {row.label for row in reading.rows if row.label is not None}
        if strange := sorted(found - set(task.labels)):
            raise UserError(
                f"{source} has labels that task {task.name!r} does not have: {strange[:12]}; it "
                f"has {list(task.labels)}: add them with --new-labels, or name another --label"
            )


def _keyed(name: str, reading: Reading) -> Iterator[tuple[str, Row]]:
    """Yield each row with its key: source, input, time where known, how-manieth of its like."""
    seen: Counter[str] = Counter()
    for row in reading.rows:
        when = row.observed_at.isoformat() if reading.timed else ""
        like = hashlib.sha256(canonical((name, when, row.origin)) + row.input).hexdigest()
        seen[like] += 1
        yield f"{like[:32]}/{seen[like]}", row


def known_rows(store: Store, task: str) -> set[str]:
    """Return the keys of the rows that were taken in before."""
    return set(itertools.chain(*store.evidence.history(task, ROWS, list[str]).values()))


def _refused(name: str, reading: Reading, at: datetime) -> list[Quarantined]:
    return [Quarantined(name, one.place, one.reason, at) for one in reading.quarantined]


def _batches(keyed: Sequence[tuple[str, Row]]) -> Iterator[Sequence[tuple[str, Row]]]:
    for start in range(0, len(keyed), BATCH):
        yield keyed[start : start + BATCH]


def observe(
    store: Store,
    place: Path,
    task: Task,
    runtime: Runtime | None,
    coming: str,
    keyed: Sequence[tuple[str, Row]],
    name: str,
    with_labels: bool,
    reading: Reading,
) -> tuple[Sealed, Tally]:
    """Decide on a batch and seal what is kept of it, durably; says too what became of each row."""
    policy, at = policy_of(store, task.name), now()
    # The seed is drawn from all that came: a census, even where an adopted model decides already.
    first = runtime is None or coming == period(0)
    capture = CapturePolicy(routine=1.0) if first else policy.capture
    epoch = new_epoch()
    arrivals = [
        Arrival(row.input, row.observed_at if reading.timed else at, coming, row.origin)
        for _, row in keyed
    ]
    with Spool(place / f"{epoch}.spool", NAME, epoch=lambda: epoch) as spool:
        tally = Agent(NAME, task, runtime, capture, spool, policy.seed).observe(arrivals)
        spool.flush()
    labels = {
        counter: row.label
        for counter, (_, row) in zip(tally.counters, keyed, strict=True)
        if with_labels and counter is not None and row.label is not None
    }
    called = {
        counter: row.key
        for counter, (_, row) in zip(tally.counters, keyed, strict=True)
        if counter is not None and row.key is not None
    }
    sealed = Sealed(
        task=task.name,
        epoch=epoch,
        batch=store.evidence.following(task.name, ROWS),
        keys=tuple(key for key, _ in keyed),
        labels=labels,
        quarantined=tuple(
            Quarantined(name, f"input {keyed[index][0]}", reason, at)
            for index, reason in tally.quarantined
        ),
        called=called,
    )
    write(place / f"{epoch}.json", msgspec.json.encode(sealed))
    return sealed, tally


def take(store: Store, place: Path, sealed: Sealed) -> int:
    """Take in a sealed batch and remove its files; counts new observations."""
    path = place / f"{sealed.epoch}.spool"
    kept = 0
    with Spool(path, NAME, epoch=lambda: sealed.epoch) as spool:
        batch = spool.pending(len(sealed.keys))
        with store.transaction():
            kept = ingest(store, batch).new
            store.quarantine.add_many(list(sealed.quarantined))
            store.evidence.put(sealed.task, ROWS, sealed.batch, sealed.keys)
            _name(store, sealed)
            if sealed.labels:
                _label(store, sealed)
    (place / f"{sealed.epoch}.json").unlink()
    for left in place.glob(f"{path.name}*"):
        left.unlink()
    return kept


def _name(store: Store, sealed: Sealed) -> None:
    """Keep what the plant calls the observations of a batch that were taken in."""
    keys = {Place(NAME, sealed.epoch, number): key for number, key in sealed.called.items()}
    there = store.observations.find(keys)
    store.keys.add_many(sealed.task, {place: keys[place] for place in there})


def _label(store: Store, sealed: Sealed) -> None:
    """Take in the labels that came with a batch: they were there, so they cost nothing."""
    task, at = store.tasks.get(sealed.task), now()
    free = Money(Decimal(0), task.costs.label.currency)
    places = {number: Place(NAME, sealed.epoch, number) for number in sealed.labels}
    there = store.observations.find(places.values())
    answer(
        store,
        task.name,
        [
            Label(places[number], label, "history", at, free)
            for number, label in sealed.labels.items()
            if places[number] in there
        ],
        at=at,
        new_labels=True,
    )

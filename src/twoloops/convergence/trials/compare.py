"""Put bases through a task of one's own: quality, speed, size and price on equal data.

Every base is specialised on the same frozen dataset and decides on the same judging items by heads
that have not learned from them (`convergence.turns.evidence`). It decides nothing: what is released
is the gate's to say, and the base that looks best of many here looks a little better than it is.
"""

import time
from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from twoloops.convergence.judging.evaluate import ENOUGH, Estimate, Interval, by_slice, estimate
from twoloops.convergence.turns.evidence import Contender, Evidence, evidence_of
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.slices import Slice, failing
from twoloops.convergence.turns.state import TurnState
from twoloops.digital.base import Base
from twoloops.digital.price import CPU_HOUR, ours_per_million
from twoloops.edge.runtime import Runtime
from twoloops.records.dataset import Item
from twoloops.records.errors import UserError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TIMED = 60
"""Decisions that are timed, one at a time."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One base on the task.

    Args:
        base: Its name.
        kind: Features, open model or concatenation.
        deployed: Whether the deployed model stands on it.
        licence: As its card states it.
        origin: Country of its publisher, or `unknown`.
        accuracy: On judging items, weighted by their chances, with its interval.
        difference: To the deployed base's accuracy on the same items, in [−1, 1]; `None` where
            nothing is deployed.
        interval: 95 % interval of the difference, from paired items.
        slices: Accuracy on each slice that was asked about.
        verdict_ms_p50: Median time of one decision by the deployed file on this machine.
        verdict_ms_p99: 99th percentile of the same.
        file_mb: Size of that file, in 10⁶ bytes.
        usd_per_million: Price of a million decisions at `digital.price.CPU_HOUR`: compute alone,
            one after another on one core; labels cost the same for every base.
        value_ratio: Points of accuracy above the majority class per USD of a million decisions.
            It says nothing of what a point is worth, and a base of no cost has a large one.
        front: Whether no other base is at least as good in accuracy, time, size and price, and
            better in one of them (Pareto's front).
    """

    base: str
    kind: str
    deployed: bool
    licence: str
    origin: str
    accuracy: Estimate
    difference: float | None
    interval: Interval | None
    slices: dict[str, Estimate]
    verdict_ms_p50: float
    verdict_ms_p99: float
    file_mb: float
    usd_per_million: float
    value_ratio: float | None
    front: bool = False


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Bases on one task, the most accurate first (on failures: the best on these slices first).

    Args:
        task: Its name.
        turn: Whose frozen dataset all were specialised on.
        trained_on: Its training items.
        judged_by: Its judging items.
        majority: Accuracy of always deciding the most frequent label of the training items.
        failing: Slices in which the deployed model fails, where these were asked about.
        bases: One a base.
        unavailable: Why others that are on offer could not be had.
    """

    task: str
    turn: int
    trained_on: int
    judged_by: int
    majority: Estimate
    failing: tuple[Slice, ...]
    bases: tuple[Compared, ...]
    unavailable: dict[str, str]


def compare(
    loop: Loop,
    names: Sequence[str] = (),
    *,
    on_failures: bool = False,
    on_base: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Compare bases on a task's latest frozen dataset.

    Args:
        loop: The task's; nothing is written.
        names: Which bases; all that are on offer, and the first one, where none is named.
        on_failures: Rank by the slices in which the deployed model fails.
        on_base: Told the name of each base before it is tried.

    Raises:
        UserError: Nothing was frozen or labelled yet, a base is not there, or no slice fails.
    """
    turn = last_frozen(loop)
    evidence = evidence_of(loop, turn)
    if not evidence.items:
        raise UserError(
            f"task {loop.task.name!r} has no label of known chance to judge by: go on with  "
            f"twoloops turn {loop.task.name}"
        )
    deployed = loop.deployed()
    found, unavailable = _bases(loop, names, None if deployed is None else deployed[0].base)
    hits = {}
    contenders = {}
    for base in found:
        on_base(base.card.name)
        recipe = loop.recipe_on(base.card.name)
        one = evidence.contender(loop.specialised(base, evidence.dataset, recipe))
        contenders[base.card.name] = one
        decided = one.decide(evidence.of_items(one.made, evidence.items), loop.task.labels)
        hits[base.card.name] = np.asarray(decided == evidence.y)
    current = None if deployed is None else deployed[0].base.card.name
    slices = _failing(loop, evidence, hits, current) if on_failures else ()
    majority = estimate(_majority(evidence), _chances(evidence.items))
    rows = [
        _row(loop, evidence, contenders[name], hits, current, slices, majority)
        for name in contenders
    ]
    front = _front([_costs(one) for one in rows])
    rows = [
        msgspec.structs.replace(one, front=bool(on)) for one, on in zip(rows, front, strict=True)
    ]
    rows.sort(key=lambda one: (_rank(one, slices), one.usd_per_million))
    return Comparison(
        task=loop.task.name,
        turn=turn.number,
        trained_on=len(evidence.dataset.split("train")),
        judged_by=len(evidence.items),
        majority=majority,
        failing=slices,
        bases=tuple(rows),
        unavailable=unavailable,
    )


def last_frozen(loop: Loop) -> TurnState:
    """Return the last turn that froze a dataset with something to learn from."""
    for row in reversed(loop.store.turns.all(loop.task.name)):
        state = row.read(TurnState)
        if state.dataset and loop.store.datasets.get(state.dataset).split("train"):
            return state
    raise UserError(
        f"task {loop.task.name!r} has no dataset yet: go on with  twoloops turn {loop.task.name}"
    )


def _bases(
    loop: Loop, names: Sequence[str], deployed: Base | None
) -> tuple[list[Base], dict[str, str]]:
    """Return the bases to compare, the deployed one always among them, and what is missing."""
    first = loop.bench.first(loop.task)
    wanted = list(names) or [first.card.name, *loop.bench.offers]
    found = {} if deployed is None else {deployed.card.name: deployed}
    unavailable = {}
    for name in wanted:
        base = first if name == first.card.name else loop.bench.load(name)
        if isinstance(base, Base):
            found[name] = base
        elif names:
            known = [first.card.name, *loop.bench.offers]
            raise UserError(f"{base}; name some of {known}")
        else:
            unavailable[name] = base
    return list(found.values()), unavailable


def _failing(
    loop: Loop, evidence: Evidence, hits: dict[str, Bools], current: str | None
) -> tuple[Slice, ...]:
    if current is None:
        raise UserError(f"no model of task {loop.task.name!r} is deployed, so none fails yet")
    slices = failing([item.label for item in evidence.items], ~hits[current])
    if not slices:
        raise UserError(
            f"no slice of task {loop.task.name!r} fails: no label is decided wrong more often than "
            f"the others on {len(evidence.items)} judging labels (a label with fewer than {ENOUGH} "
            "is unknown); compare without --on failures"
        )
    return slices


def _row(
    loop: Loop,
    evidence: Evidence,
    one: Contender,
    hits: dict[str, Bools],
    current: str | None,
    slices: Sequence[Slice],
    majority: Estimate,
) -> Compared:
    card, items = one.made.base.card, evidence.items
    mine, chances = hits[card.name], _chances(items)
    accuracy = estimate(mine, chances)
    difference, interval = None, None
    if current is not None and current != card.name:
        difference, interval = paired(mine, hits[current], 1 / chances)
    data = one.made.model(one.threshold)
    taken = times(loop, data, items)
    price = ours_per_million(float(np.mean(taken)) / 1000 / 3600 * CPU_HOUR, 1)
    wanted = {slice_.label for slice_ in slices}
    cells = by_slice(mine, [item.label for item in items], chances)
    ratio = None
    if accuracy.value is not None and majority.value is not None:
        ratio = 100 * (accuracy.value - majority.value) / price
    return Compared(
        base=card.name,
        kind=card.kind,
        deployed=card.name == current,
        licence=card.licence,
        origin=card.origin,
        accuracy=accuracy,
        difference=difference,
        interval=interval,
        slices={label: cell for label, cell in cells.items() if label in wanted},
        verdict_ms_p50=float(np.quantile(taken, 0.5)),
        verdict_ms_p99=float(np.quantile(taken, 0.99)),
        file_mb=len(data) / 1e6,
        usd_per_million=price,
        value_ratio=ratio,
    )


def paired(mine: Bools, other: Bools, weights: Floats) -> tuple[float, Interval]:
    """Return the weighted mean difference of two bases on the same items, and its interval.

    Student's interval with the linearised variance of a ratio, Σ w² (d − mean)² / (Σ w)²
    (Hájek 1971), at Kish's effective number of items.

    >>> mean, (low, high) = paired(np.array([True] * 9 + [False]), np.zeros(10, bool), np.ones(10))
    >>> round(mean, 2), round(low, 2), high
    (0.9, 0.67, 1.0)
    """
    from scipy.special import stdtrit

    d = mine.astype(np.float64) - other
    mean = float(np.average(d, weights=weights))
    effective = float(weights.sum() ** 2 / (weights**2).sum())
    spread = np.sqrt(((weights * (d - mean)) ** 2).sum()) / weights.sum()
    half = float(stdtrit(max(effective - 1, 1.0), 0.975) * spread)
    half *= float(np.sqrt(effective / max(effective - 1, 1.0)))
    return mean, (max(-1.0, mean - half), min(1.0, mean + half))


def times(loop: Loop, data: bytes, items: Sequence[Item]) -> Floats:
    """Time single decisions by the file itself, in ms."""
    read = loop.read([item.input for item in items[:TIMED]])
    inputs = list(read.values())
    runtime = Runtime(data)
    runtime.decide(inputs[:1])  # the first call allocates
    taken = []
    for one in inputs:
        started = time.perf_counter()
        runtime.decide([one])
        taken.append(1000 * (time.perf_counter() - started))
    return np.array(taken)


def _majority(evidence: Evidence) -> Bools:
    labels = [item.label for item in evidence.dataset.split("train")]
    most = max(sorted(set(labels)), key=labels.count)
    return np.array([item.label == most for item in evidence.items])


def _chances(items: Iterable[Item]) -> Floats:
    return np.array([item.probability for item in items], dtype=np.float64)


def _costs(one: Compared) -> tuple[float, float, float, float]:
    """Return what is to be small: error, time, size, price."""
    error = 1.0 if one.accuracy.value is None else 1 - one.accuracy.value
    return error, one.verdict_ms_p50, one.file_mb, one.usd_per_million


def _front(costs: Sequence[Sequence[float]]) -> list[bool]:
    """Say which rows no other row dominates.

    >>> _front([(0.1, 5.0), (0.2, 1.0), (0.2, 5.0)])
    [True, True, False]
    """
    rows = np.asarray(costs, dtype=np.float64)
    return [not any((r <= row).all() and (r < row).any() for r in rows) for row in rows]


def _rank(one: Compared, slices: Sequence[Slice]) -> float:
    """Order: accuracy, or the items wrong in the failing slices; least first."""
    if not slices:
        return -(one.accuracy.value or 0.0)
    values = [(s.judged, one.slices[s.label].value) for s in slices if s.label in one.slices]
    return sum(count * (1 - (value or 0.0)) for count, value in values)

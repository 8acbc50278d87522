"""What the fleet of `fleet_fault.py` sees: streams of inputs, and the label that comes late."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from streams import data, fan_by_speed

from twoloops.convergence.recipes.encode import Encoder
from twoloops.convergence.turns.loop import Workbench
from twoloops.physical.history.excavators import excavators
from twoloops.physical.history.open import read
from twoloops.physical.history.options import Mapping
from twoloops.physical.history.stream import Row
from twoloops.records.digests import Digest, digest_bytes
from twoloops.records.task import Task
from twoloops.store.fetch import default_cache

WEEK = 168
Inputs = tuple[Task, Sequence[Row]]


@dataclass(frozen=True)
class Case:
    """A stream of inputs.

    Attributes:
        load: Returns the task and its inputs.
        fault: The label that is held back.
        rate: Inputs an edge and hour.
        share: Of the fault on its edge, once it has begun.
        hours: From the fault's beginning to the end.
    """

    load: Callable[[], Inputs]
    fault: str
    rate: float
    share: float
    hours: int


def cooler() -> Inputs:
    """Cycles of a hydraulic rig by the state of its cooler; 3 is close to total failure."""
    reading = read(str(data("hydraulic/hydraulic.npz")), Mapping(label="cooler"))
    labels = tuple(sorted({str(row.label) for row in reading.rows}))
    return Task("cooler", "signal", labels, "100", shape=reading.shape), reading.rows


def fan() -> Inputs:
    """Vibration of a cooling fan at 17 speeds, by where weights sit on its blades."""
    history = fan_by_speed()
    return history.task, list(history.rows())


def orders() -> Inputs:
    """Work orders by failure mode."""
    history = excavators(default_cache())
    return history.task, list(history.rows())


CASES = {
    "cooler": Case(cooler, "3", 0.5, 1.0, 2 * WEEK),
    "fan": Case(fan, "3", 0.5, 1.0, 3 * WEEK),
    "orders": Case(orders, "Structural", 1.0, 0.3, 3 * WEEK),
}


@cache
def inputs_of(case: str) -> tuple[Task, dict[Digest, tuple[bytes, str]]]:
    """Load a case once: the task, and each labelled input once, with its first label."""
    task, rows = CASES[case].load()
    found: dict[Digest, tuple[bytes, str]] = {}
    for row in rows:
        if row.label is not None:
            found.setdefault(digest_bytes(row.input), (row.input, row.label))
    return task, found


@cache
def bench_of(case: str) -> Workbench:
    """One bench a case: each input is encoded once."""
    return Workbench((), default_cache(), Encoder(threads=1))

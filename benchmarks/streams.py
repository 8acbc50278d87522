"""The benchmark streams: real data from the folder named by TWOLOOPS_DATA, as histories.

Each stream has a seed, turns and a budget of labels; `seed + turns × labels per turn` is the
number given in its docstring. Sources and licences stand in that folder's README.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from twoloops.physical.history.cut import START, cut
from twoloops.physical.history.open import read
from twoloops.physical.history.options import Mapping, Plan, Reading
from twoloops.physical.history.rows import signal_bytes
from twoloops.physical.history.stream import History, Row
from twoloops.records.errors import UserError

SEED = 30
"""Rows labelled beforehand, the same as the largest golden set."""


def data(name: str) -> Path:
    """Return a file of the benchmark data.

    Raises:
        UserError: TWOLOOPS_DATA is not set or has no such file.
    """
    folder = os.environ.get("TWOLOOPS_DATA")
    if folder is None:
        raise UserError(
            f"the benchmark data ({name}) is not part of the project: set TWOLOOPS_DATA to the "
            "folder that holds it"
        )
    path = Path(folder) / name
    if not path.exists():
        raise UserError(f"TWOLOOPS_DATA={folder} holds no {name}: correct the variable")
    return path


def xsdd(seed: int = 0) -> History:
    """Steel strip surfaces, 1,360 images of 7 defects, shuffled: 10 turns, 30 + 10 × 12 = 150."""
    reading = read(str(data("xsdd/xsdd.tar.gz")), Mapping())
    plan = Plan(name="xsdd", turns=10, labels_per_turn=12, seed_size=SEED, seed=seed)
    return cut(reading, plan)


def hydraulic_pump(seed: int = 0) -> History:
    """Leakage of a hydraulic pump, 2,205 cycles in true order, normal label 0.

    See `_hydraulic`: 14 turns, 30 + 14 × 17 = 268 labels.
    """
    return _hydraulic("pump", "0", seed)


def hydraulic_valve(seed: int = 0) -> History:
    """Condition of a hydraulic valve, the same cycles, normal label 100; 268 labels."""
    return _hydraulic("valve", "100", seed)


def _hydraulic(target: str, normal: str, seed: int) -> History:
    """Return cycles as windows of 10 channels × 60 samples, FS1 and FS2 resampled from 600.

    Cut into fifteen equal batches. The first holds one label only, so the seed is drawn from
    the first two, whose other rows are turn 1: fourteen turns.
    """
    reading = read(str(data("hydraulic/hydraulic.npz")), Mapping(label=target))
    batches = np.array_split(np.arange(len(reading.rows)), 15)
    parts = [np.concatenate(batches[:2]), *batches[2:]]
    plan = Plan(name=f"hydraulic-{target}", normal=normal, labels_per_turn=17)
    return _in_order(reading, parts, [f"turn {i + 1}" for i in range(len(parts))], plan, seed)


def fan_by_speed(seed: int = 0, samples: int = 60) -> History:
    """Load of a cooling fan by its acceleration, one turn a speed: 17 turns, 30 + 17 × 13 = 251.

    The recordings are cut into windows of `samples`; 60 give 2,550 windows of 3 channels. Within
    a speed the windows are shuffled, since each load was recorded in one piece.
    """
    path = data("fan/fan.npz")
    with np.load(path) as file:
        xyz, load, speed = file["xyz"], file["wconfid"], file["speed_pct"]
    rows: list[Row] = []
    parts: list[NDArray[np.int64]] = []
    periods = []
    for percent in np.unique(speed):
        start = len(rows)
        for kind in np.unique(load):
            recording = xyz[(speed == percent) & (load == kind)]
            for window in np.split(recording, range(samples, len(recording), samples)):
                if len(window) == samples:
                    rows.append(Row(signal_bytes(window.T), str(int(kind)), START, ""))
        parts.append(np.random.default_rng(seed).permutation(np.arange(start, len(rows))))
        periods.append(f"{percent} %")
    reading = Reading(
        source=str(path), kind="signal", rows=tuple(rows), shape=(xyz.shape[1], samples)
    )
    return _in_order(reading, parts, periods, Plan(name="fan-by-speed", labels_per_turn=13), seed)


def banking77(seed: int = 0) -> History:
    """Customer messages, 77 intents, shuffled: 10 turns, 200 + 10 × 80 = 1,000 labels."""
    said = Mapping(text="text", label="category")
    reading = read(str(data("banking77/train.csv")), said)
    plan = Plan(
        name="banking77", turns=10, labels_per_turn=80, seed_size=200, order="shuffled", seed=seed
    )
    return cut(reading, plan)


def _in_order(
    reading: Reading,
    parts: Sequence[NDArray[np.int64]],
    periods: Sequence[str],
    plan: Plan,
    seed: int,
) -> History:
    """Cut a reading into given turns; the seed is drawn at random from the first one."""
    random = np.random.default_rng(seed)
    drawn = np.sort(random.choice(parts[0], SEED, replace=False))
    chosen = set(drawn.tolist())
    rows = [replace(reading.rows[i], period="seed") for i in drawn]
    for part, period in zip(parts, periods, strict=True):
        rows += [replace(reading.rows[i], period=period) for i in part if i not in chosen]
    ordered = replace(reading, rows=tuple(rows))
    return cut(ordered, replace(plan, seed_size=SEED))


STREAMS = {
    "xsdd": xsdd,
    "hydraulic-pump": hydraulic_pump,
    "hydraulic-valve": hydraulic_valve,
    "fan-by-speed": fan_by_speed,
    "banking77": banking77,
}

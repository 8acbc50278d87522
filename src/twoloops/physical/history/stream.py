"""What every source gives: a seed, then turns of rows in the order in which they arrived."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Literal

import msgspec
import numpy as np

from twoloops.records.task import Task

Order = Literal["time", "shuffled", "bootstrap"]


class Row(msgspec.Struct, frozen=True):
    """One past input with what is known of it.

    Args:
        input: Its raw bytes: UTF-8 text, `.npy` bytes of float32 (channels, samples), or an
            encoded image.
        label: What it turned out to be; `None` when nobody said, and then it is observed and
            never scored.
        observed_at: UTC; made up from the order where the source has no times.
        period: The stretch of time it belongs to (a year, `turn 3`).
        origin: Rows of one origin (a part, a recording) share it; `None` when unknown.
        cost: Money that this very row cost, in the task's currency, where it is known.
        key: What the plant calls it; outcomes are joined by it. `None` where nobody said.
    """

    input: bytes
    label: str | None
    observed_at: datetime
    period: str
    origin: str | None = None
    cost: float | None = None
    key: str | None = None


class Quarantined(msgspec.Struct, frozen=True):
    """One item that could not be read: where it stands and why."""

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class History:
    """A labelled past as a stream.

    Args:
        task: The task, with every label that occurs.
        seed: The rows known before the first turn.
        turns: The rows of each turn, in order of arrival.
        quarantined: What could not be read.
        caveats: What must be said wherever results are shown.
        source: What was read.
        labels_per_turn: Budget of labels in one turn, audit labels included.
        keyword_rules: A hand-written baseline, text → label, where there is one.
        guesses: What was guessed, in sentences.
        command: The command line that reads the same without a guess.
    """

    task: Task
    seed: tuple[Row, ...]
    turns: tuple[tuple[Row, ...], ...]
    quarantined: tuple[Quarantined, ...] = ()
    caveats: tuple[str, ...] = ()
    source: str
    labels_per_turn: int
    keyword_rules: Callable[[str], str] | None = None
    guesses: tuple[str, ...] = ()
    command: str

    def rows(self) -> Iterator[Row]:
        """Yield every row, the seed first."""
        yield from self.seed
        for turn in self.turns:
            yield from turn

    @property
    def share_scored(self) -> float:
        """Share of the turns' rows that have a label, in [0, 1]."""
        known = [row.label is not None for turn in self.turns for row in turn]
        return sum(known) / len(known) if known else 0.0


def reorder(history: History, how: Order, seed: int) -> History:
    """Return the same past as another stream, with the same sizes of seed and turns.

    `time` leaves it as it is. `shuffled` deals all rows, seed rows too, to the slots of the
    stream at random: what drifted over time is mixed up. `bootstrap` draws the rows of the seed
    and of every turn from themselves with replacement: time stays, the stream varies.
    A row put into another slot takes the slot's time and period.

    Args:
        history: The stream.
        how: Which order.
        seed: Seed of the random generator.
    """
    if how == "time":
        return history
    random = np.random.default_rng(seed)
    parts = [history.seed, *history.turns]
    slots = [row for part in parts for row in part]
    if how == "shuffled":
        chosen = random.permutation(len(slots))
    else:
        ends = np.cumsum([0, *(len(part) for part in parts)])
        chosen = np.concatenate(
            [
                np.sort(random.integers(start, max(end, start + 1), size=end - start))
                for start, end in itertools.pairwise(ends)
            ]
        )
    dealt = iter(
        msgspec.structs.replace(slots[i], observed_at=slot.observed_at, period=slot.period)
        for i, slot in zip(chosen, slots, strict=True)
    )
    seed_rows, *turns = [tuple(next(dealt) for _ in part) for part in parts]
    caveat = {
        "shuffled": f"the rows were shuffled over all turns (seed {seed}): this is not their order",
        "bootstrap": f"the rows of each turn were drawn again with replacement (seed {seed})",
    }[how]
    return dataclasses.replace(
        history, seed=seed_rows, turns=tuple(turns), caveats=(*history.caveats, caveat)
    )

"""What a user may say about a source: which column is what, and how to cut it into turns."""

from typing import Literal

import msgspec

from twoloops.physical.history.stream import Quarantined, Row
from twoloops.records.errors import UserError
from twoloops.records.task import Costs, Kind

Arrival = Literal["time", "file", "shuffled"]

MAX_UNREADABLE = 0.5
"""Above this share of unreadable items a source is refused: the reading is wrong, not the data."""


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """Which column (or array of an `.npz`) holds what; `None` is guessed, or absent.

    Args:
        text: The input, for texts.
        channels: The input, for signals: prefixes of numbered columns (`x` for x0, x1, …),
            columns of lists (Parquet), or arrays (`.npz`).
        label: What the input turned out to be; empty where nobody said.
        time: When it arrived: ISO 8601, `time_format`, or a number (seconds since 1970).
        time_format: As `strptime` takes it, for example `%d/%m/%Y %H:%M`.
        period: Each distinct value is one turn, the first one the seed's.
        origin: Rows of one origin (a part, a recording) never straddle a split.
        cost: Money that the row cost.
        key: What the plant calls the row: a serial number, an order.
    """

    text: str | None = None
    channels: tuple[str, ...] = ()
    label: str | None = None
    time: str | None = None
    time_format: str | None = None
    period: str | None = None
    origin: str | None = None
    cost: str | None = None
    key: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How a past is cut into a seed and turns; `None` takes the default.

    Args:
        name: Name of the task; default: the source's name.
        normal: The label that is no fault; without it there is no detection rate.
        turns: Number of turns; default 10, or one for each period.
        labels_per_turn: Budget of labels; default a tenth of a turn, between 5 and 40.
        seed_size: Labelled rows known beforehand; default 5 %, between 30 and 300.
        costs: What an escape, a false reject and a label cost; default 1 each.
        max_false_reject_rate: In [0, 1]; default 0.03 where there is a normal label.
        order: `time` (by the time column), `file`, or `shuffled`; default `time` where there
            is a time column, `shuffled` for a folder of images, else `file`.
        seed: Seed of the shuffling.
    """

    name: str | None = None
    normal: str | None = None
    turns: int | None = None
    labels_per_turn: int | None = None
    seed_size: int | None = None
    costs: Costs | None = None
    max_false_reject_rate: float | None = None
    order: Arrival | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for option, value in (
            ("--turns", self.turns),
            ("--labels-per-turn", self.labels_per_turn),
            ("--seed-size", self.seed_size),
        ):
            if value is not None and value < 1:
                raise UserError(f"{option} is at least 1: got {value}")


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader found in a source, before it is cut into turns.

    Args:
        source: As the user named it.
        kind: Kind of input.
        rows: In the source's own order; `period` is empty where there is no period column.
        shape: (channels, samples) of signals.
        timed: Whether the rows' times come from the source.
        ordered: Whether the source's own order means anything.
        quarantined: What could not be read.
        caveats: What must be said with the results.
        guesses: What was guessed, in sentences.
        arguments: The command line's options that say the same without a guess.
    """

    source: str
    kind: Kind
    rows: tuple[Row, ...]
    shape: tuple[int, int] | None = None
    timed: bool = False
    ordered: bool = True
    quarantined: tuple[Quarantined, ...] = ()
    caveats: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()

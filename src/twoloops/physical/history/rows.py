"""Make rows of columns: one bad item is quarantined with its place and reason, never lost."""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from twoloops.edge.preprocess import check_input
from twoloops.physical.history.cut import START
from twoloops.physical.history.guess import as_number, parse_time
from twoloops.physical.history.options import Mapping as Said
from twoloops.physical.history.stream import Quarantined, Row
from twoloops.records.errors import UserError
from twoloops.records.task import Kind

Reader = Callable[[int], bytes]
"""Index of an item → its raw input bytes; raises `UserError` where it cannot be read."""


def signal_bytes(window: NDArray[np.float32]) -> bytes:
    """Return a window (channels, samples) as `.npy` bytes of float32."""
    file = io.BytesIO()
    np.save(file, np.ascontiguousarray(window, dtype=np.float32), allow_pickle=False)
    return file.getvalue()


def label_of(value: object) -> str | None:
    """Return a label as text; `None` where it is absent. Whole numbers lose their `.0`.

    >>> label_of(" ok "), label_of(""), label_of(3.0), label_of(float("nan"))
    ('ok', None, '3', None)
    """
    if value is None:
        return None
    if isinstance(value, float | np.floating):
        if math.isnan(value):
            return None
        if float(value).is_integer():
            return str(int(value))
    return str(value).strip() or None


def make_rows(
    kind: Kind,
    places: Sequence[str],
    read: Reader,
    columns: Mapping[str, Sequence[object]],
    said: Said,
    shape: tuple[int, int] | None = None,
) -> tuple[list[Row], list[Quarantined]]:
    """Return the readable rows and the others' places and reasons, in order.

    Args:
        kind: Kind of input.
        places: Where each item stands, for messages.
        read: Gives an item's bytes.
        columns: Values by name, all as long as `places`.
        said: Which column is what.
        shape: (channels, samples) that a signal must have.
    """
    rows, quarantined = [], []
    for i, place in enumerate(places):

        def value(name: str | None, i: int = i) -> object:
            return None if name is None else columns[name][i]

        try:
            data = read(i)
            check_input(kind, data, shape)
            rows.append(
                Row(
                    input=data,
                    label=_text(label_of(value(said.label)), "label"),
                    observed_at=_time(value(said.time), said),
                    period=_text(label_of(value(said.period)), "period") or "",
                    origin=_text(label_of(value(said.origin)), "origin"),
                    cost=_cost(value(said.cost)),
                    key=_text(label_of(value(said.key)), "key"),
                )
            )
        except UserError as error:
            quarantined.append(Quarantined(place, str(error)))
    return rows, quarantined


def _text(value: str | None, what: str) -> str | None:
    """Refuse what was not UTF-8 (kept as lone surrogates while the file was read)."""
    if value is not None and any("\udc80" <= letter <= "\udcff" for letter in value):
        raise UserError(f"the {what} is not UTF-8: save the file as UTF-8")
    return value


def _time(value: object, said: Said) -> datetime:
    if said.time is None:
        return START
    time = parse_time(value, said.time_format)
    if time is None:
        wanted = said.time_format or "a date as 2004-07-31 or 2004-07-31 12:00"
        raise UserError(
            f"the time {value!r} is not {wanted}: correct it, or say its format with --time-format"
        )
    return time


def _cost(value: object) -> float | None:
    if value is None or not str(value).strip():
        return None
    number = as_number(value)
    if number is None:
        raise UserError(f"the cost {value!r} is no number: correct it or leave it empty")
    return number

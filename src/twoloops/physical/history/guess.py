"""Guess which column is what. A guess is always said, with the option that replaces it."""

import math
import re
from collections.abc import Mapping as Named
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from twoloops.physical.history.options import Mapping
from twoloops.records.errors import UserError

Column = Sequence[object]

TIME_FORMATS = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y", "%Y/%m/%d %H:%M", "%Y/%m/%d")
"""Tried after ISO 8601. Day/month/year is not among them: it is ambiguous, so it must be said."""

_NORMAL = ("ok", "good", "normal", "none", "pass", "passed", "healthy", "no fault", "functional")
_NUMBERED = re.compile(r"(.*?)[ _.\-]*(\d+)")


def looks_normal(labels: Sequence[str]) -> str | None:
    """Return the label that looks like the normal one, if exactly one does.

    >>> looks_normal(["crack", "OK"])
    'OK'
    """
    found = [label for label in labels if label.strip().casefold().replace("_", " ") in _NORMAL]
    return found[0] if len(found) == 1 else None


def parse_time(value: object, time_format: str | None = None) -> datetime | None:
    """Return a time in UTC (assumed where no zone is given), or `None` if it is none.

    A number counts seconds since 1970, so that a cycle counter gives the order too.

    >>> parse_time("2004-07-01"), parse_time("soon")
    (datetime.datetime(2004, 7, 1, 0, 0, tzinfo=datetime.timezone.utc), None)
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    text = str(value).strip()
    try:
        if time_format is not None:
            return parse_time(datetime.strptime(text, time_format))  # noqa: DTZ007 - zone is set
        if (number := as_number(text)) is not None:
            return datetime.fromtimestamp(number, UTC)
        return parse_time(datetime.fromisoformat(text))
    except (ValueError, OverflowError, OSError):
        pass
    for known in TIME_FORMATS if time_format is None else ():
        try:
            return datetime.strptime(text, known).replace(tzinfo=UTC)
        except ValueError:
            continue
    return None


def as_number(value: object) -> float | None:
    """Return a finite number, or `None` if the value is none."""
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def prefixes(names: Sequence[str]) -> dict[str, list[str]]:
    """Return the columns that are numbered, by what stands before the number, in its order.

    >>> prefixes(["x_1", "x_0", "label", "y_0"])
    {'x': ['x_0', 'x_1'], 'y': ['y_0']}
    """
    found: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        if match := _NUMBERED.fullmatch(name):
            found.setdefault(match[1], []).append((int(match[2]), name))
    return {prefix: [name for _, name in sorted(columns)] for prefix, columns in found.items()}


def guess(source: str, columns: Named[str, Column], said: Mapping) -> tuple[Mapping, list[str]]:
    """Fill in what the user did not say.

    The label is the column with the fewest distinct values (2 to 100, and at most a fifth
    of the rows); the text the one with the longest average string; the time one whose values
    are all dates; signals are numbered columns or columns of lists.

    Args:
        source: For messages.
        columns: Values by name; a thousand rows suffice.
        said: What the user said.

    Returns:
        The whole mapping, and a sentence for each guess.

    Raises:
        UserError: A column that the user named is missing, or no input can be guessed.
    """
    _check_names(source, columns, said)
    sentences: list[str] = []
    taken = {said.text, said.label, said.time, said.period, said.origin, said.cost, said.key}
    free = {name: values for name, values in columns.items() if name not in taken}
    if said.time is None and (time := _time(free)) is not None:
        said = msgspec.structs.replace(said, time=time)
        sentences.append(f"column {time!r} holds the time: its values are dates (--time)")
        del free[time]
    if said.text is None and not said.channels and (channels := _channels(free)):
        said = msgspec.structs.replace(said, channels=channels)
        named = ", ".join(repr(name) for name in channels)
        sentences.append(f"the channels are {named}: numbered columns or lists (--channels)")
    used = {name for prefix in said.channels for name in prefixes(list(free)).get(prefix, [prefix])}
    free = {name: values for name, values in free.items() if name not in used}
    if said.text is None and not said.channels:
        if (text := _text(free, may_be_label=said.label is not None)) is None:
            raise UserError(
                f"{source}: no column looks like the input; there are {_listed(columns)}: name it "
                "with --text for texts or --channels for signals"
            )
        said = msgspec.structs.replace(said, text=text)
        sentences.append(f"column {text!r} is the input: its texts are the longest (--text)")
        del free[text]
    if said.label is None and (label := _label(free)) is not None:
        said = msgspec.structs.replace(said, label=label)
        distinct = len({str(value) for value in columns[label]})
        sentences.append(f"column {label!r} is the label: {distinct} distinct values (--label)")
    return said, sentences


def _check_names(source: str, columns: Named[str, Column], said: Mapping) -> None:
    numbered = prefixes(list(columns))
    for option in ("text", "label", "time", "period", "origin", "cost", "key"):
        name = getattr(said, option)
        if name is not None and name not in columns:
            raise UserError(
                f"{source} has no column {name!r} (--{option}): there are {_listed(columns)}"
            )
    for channel in said.channels:
        if channel not in columns and channel not in numbered:
            raise UserError(
                f"{source} has no column {channel!r} and none that is {channel!r} and a number "
                f"(--channels): there are {_listed(columns)}"
            )


def _listed(columns: Named[str, Column]) -> str:
    names = [repr(name) for name in columns]
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return ", ".join(names[:12]) + more


def _present(values: Column) -> list[object]:
    return [value for value in values if value is not None and str(value).strip()]


def _time(columns: Named[str, Column]) -> str | None:
    for name, values in columns.items():
        present = _present(values)
        # Numbers are read as times only where the user says so: any measured column is numbers.
        if present and all(as_number(v) is None and parse_time(v) is not None for v in present):
            return name
    return None


def _channels(columns: Named[str, Column]) -> tuple[str, ...]:
    lists = [
        name
        for name, values in columns.items()
        if (present := [v for v in values if v is not None])
        and all(isinstance(value, list) for value in present)
    ]
    if lists:
        return tuple(lists)
    found = prefixes(list(columns))
    return tuple(
        prefix
        for prefix, names in found.items()
        if len(names) >= 8 and all(_mostly_numbers(columns[name]) for name in names)
    )


def _mostly_numbers(values: Column) -> bool:
    present = _present(values)
    return bool(present) and sum(as_number(v) is not None for v in present) > 0.5 * len(present)


def _text(columns: Named[str, Column], *, may_be_label: bool) -> str | None:
    lengths = {}
    for name, values in columns.items():
        present = _present(values)
        # One label for each text would be no text: it needs more values than a label has.
        if present and not _mostly_numbers(values) and not isinstance(present[0], list):
            lengths[name] = sum(len(str(v)) for v in present) / len(present)
    if not lengths or (len(lengths) == 1 and not may_be_label and len(columns) == 1):
        return next(iter(lengths), None)
    return max(lengths, key=lambda name: lengths[name])


def _label(columns: Named[str, Column]) -> str | None:
    counts = {}
    for name, values in columns.items():
        present = _present(values)
        distinct = len({str(value) for value in present})
        if 2 <= distinct <= min(100, max(2, len(present) // 5)):
            # A column called so is taken before one that only looks so.
            called = name.casefold() in ("label", "class", "y", "target", "category")
            counts[name] = (not called, distinct)
    return min(counts, key=lambda name: counts[name]) if counts else None

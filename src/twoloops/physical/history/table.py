"""CSV and Parquet: one row an input; texts in a column, or signal windows in wide columns."""

import csv
import dataclasses
import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twoloops.physical.history.channels import stack
from twoloops.physical.history.guess import as_number, guess, prefixes
from twoloops.physical.history.options import Mapping, Reading
from twoloops.physical.history.rows import label_of, make_rows, signal_bytes
from twoloops.physical.history.stream import Quarantined
from twoloops.records.errors import MissingExtraError, UserError

DELIMITERS = ",;\t|"
LOOKED_AT = 1000
"""About so many rows, evenly spaced, are looked at to guess what the columns are."""


@dataclasses.dataclass(frozen=True)
class Table:
    """Columns by name, all equally long, with each row's place in the file."""

    columns: dict[str, list[object]]
    places: list[str]
    quarantined: list[Quarantined]


def read_table(path: Path, source: str, said: Mapping) -> Reading:
    """Read a `.csv`, `.tsv`, `.txt` or `.parquet` file.

    Args:
        path: The file.
        source: As the user named it, for messages.
        said: Which column is what, as far as the user said.

    Raises:
        UserError: The file cannot be read, a named column is missing, or no input is found.
    """
    table = _parquet(path) if path.suffix.lower() == ".parquet" else parse_csv(path)
    if not table.places:
        raise UserError(f"{source} is empty: expected at least one row besides the header")
    every = max(1, len(table.places) // LOOKED_AT)
    head = {name: values[::every] for name, values in table.columns.items()}
    shape: tuple[int, int] | None = None
    notes: list[str] = []
    mapping, guesses = guess(source, head, said)
    if mapping.text is not None:
        texts = table.columns[mapping.text]

        def read(i: int) -> bytes:
            text = "" if texts[i] is None else str(texts[i])
            # What was not UTF-8 comes back as it was, and is refused with its offset.
            return text.encode("utf-8", "surrogateescape")

        rows, bad = make_rows("text", table.places, read, table.columns, mapping)
    else:
        windows, reasons, notes = _windows(source, table.columns, mapping.channels)
        shape = (int(windows.shape[1]), int(windows.shape[2]))

        def read(i: int) -> bytes:
            if i in reasons:
                raise UserError(reasons[i])
            return signal_bytes(windows[i])

        rows, bad = make_rows("signal", table.places, read, table.columns, mapping, shape)
    return Reading(
        source=source,
        kind="text" if mapping.text is not None else "signal",
        rows=tuple(rows),
        shape=shape,
        timed=mapping.time is not None,
        quarantined=(*table.quarantined, *bad),
        caveats=tuple(notes),
        guesses=tuple(guesses),
        arguments=arguments(mapping),
    )


def arguments(mapping: Mapping) -> tuple[str, ...]:
    """Return the command line's options that say a mapping."""
    words: list[str] = []
    for option in ("text", "label", "time", "time_format", "period", "origin", "cost", "key"):
        if (name := getattr(mapping, option)) is not None:
            words += [f"--{option.replace('_', '-')}", name]
    if mapping.channels:
        words += ["--channels", ",".join(mapping.channels)]
    return tuple(words)


def parse_csv(path: Path) -> Table:
    """Read a CSV file: UTF-8 with or without a byte-order mark, the delimiter found.

    Rows with too many or too few cells are quarantined. Bytes that are not UTF-8 are kept as
    lone surrogates, so that only the rows whose used cells hold some are refused later.

    Raises:
        UserError: The file is empty, is not text, or its header cannot be used.
    """
    data = path.read_bytes()
    if b"\0" in data[:4096]:
        raise UserError(
            f"{path.name} is no UTF-8 text (it holds zero bytes): save it as CSV in UTF-8"
        )
    text = data.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    if not text.strip():
        raise UserError(f"{path.name} is empty: expected a header line and at least one row")
    table = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    header = [name.strip() for name in next(table)]
    _check_header(path.name, header)
    columns: list[list[object]] = [[] for _ in header]
    places, quarantined, line = [], [], table.line_num
    try:
        for cells in table:
            place, line = f"{path.name}, line {line + 1}", table.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                reason = f"{len(cells)} cells, expected {len(header)} as in the header"
                quarantined.append(Quarantined(place, reason))
                continue
            places.append(place)
            for column, cell in zip(columns, cells, strict=True):
                column.append(cell)
    except csv.Error as error:
        raise UserError(
            f"{path.name}, line {table.line_num}: {error}: look for a quote that is not closed"
        ) from error
    if not places and quarantined:
        raise UserError(
            f"{path.name}: no row has as many cells as the header ({len(header)}), the first is "
            f"{quarantined[0]}: correct the header, or save it as CSV again"
        )
    return Table(dict(zip(header, columns, strict=True)), places, quarantined)


def _check_header(name: str, header: Sequence[str]) -> None:
    doubled = [column for column, count in Counter(header).items() if count > 1]
    if doubled:
        raise UserError(f"{name}: two columns are called {doubled[0]!r}: rename one of them")
    if any("\udc80" <= letter <= "\udcff" for letter in "".join(header)):
        raise UserError(f"{name}: the header is not UTF-8: save the file as UTF-8")


def _delimiter(text: str) -> str:
    """Return the delimiter with which most of the first rows have as many cells as the header."""
    head = text[:65536].splitlines(keepends=True)[:50]

    def fit(delimiter: str) -> tuple[float, int]:
        try:
            rows = [row for row in csv.reader(head, delimiter=delimiter) if row]
        except csv.Error:
            return 0.0, 0
        if not rows or len(rows[0]) < 2:
            return 0.0, 0
        return sum(len(row) == len(rows[0]) for row in rows) / len(rows), len(rows[0])

    best = max(DELIMITERS, key=fit)
    return best if fit(best)[1] else ","


def _parquet(path: Path) -> Table:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError("reading Parquet files", "server") from error
    try:
        read = pyarrow.parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        first = str(error).splitlines()[0].rstrip(".")
        raise UserError(
            f"{path.name} is no readable Parquet file ({first}): write it again"
        ) from error
    _check_header(path.name, read.column_names)
    columns = {name: read.column(name).to_pylist() for name in read.column_names}
    places = [f"{path.name}, row {i + 1}" for i in range(read.num_rows)]
    return Table(columns, places, [])


def _windows(
    source: str, columns: dict[str, list[object]], channels: Sequence[str]
) -> tuple[NDArray[np.float32], dict[int, str], list[str]]:
    """Return windows float32 (n, channels, samples), reasons by row that has none, and notes.

    Rows whose lists are of another length than most are refused; so are cells without a
    number.
    """
    numbered = prefixes(list(columns))
    reasons: dict[int, str] = {}
    arrays = {}
    for channel in channels:
        if channel in columns and channel not in numbered:
            cells = [value if isinstance(value, list) else [value] for value in columns[channel]]
        else:
            names = numbered.get(channel, [channel])
            cells = [list(row) for row in zip(*(columns[name] for name in names), strict=True)]
        arrays[channel] = _matrix(channel, cells, reasons)
    windows, notes = stack(arrays)
    if windows.shape[2] == 0:
        raise UserError(f"{source}: the windows have no samples: name the channels (--channels)")
    return windows, reasons, notes


def _matrix(
    channel: str, cells: list[list[object]], reasons: dict[int, str]
) -> NDArray[np.float32]:
    length = Counter(len(row) for row in cells).most_common(1)[0][0]
    matrix = np.zeros((len(cells), length), dtype=np.float32)
    for i, row in enumerate(cells):
        if len(row) != length:
            reasons[i] = (
                f"channel {channel!r} has {len(row)} samples, expected {length} as in most rows: "
                "cut or pad the window"
            )
            continue
        numbers = [as_number(value) for value in row]
        if None in numbers:
            at = numbers.index(None)
            got = label_of(row[at])
            reasons[i] = (
                f"channel {channel!r}, sample {at}: {got if got is not None else 'nothing'} is no "
                "finite number: fill or drop it first"
            )
            continue
        matrix[i] = np.array(numbers, dtype=np.float32)
    return matrix

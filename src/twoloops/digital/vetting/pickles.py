"""Pickles: read by instruction against a list of allowed names, never unpickled.

A list of forbidden names leaks (any importable function may be a gadget), so there is none. A
stream that breaks off is walked up to there, since a real reader performs it up to there.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from twoloops.digital.packaged.weights import ALLOWED, MAGIC
from twoloops.digital.vetting.book import Book, shown
from twoloops.digital.vetting.opcodes import Walk, walk

CHECK = "pickle"
STORAGES = (
    "FloatStorage", "LongStorage", "HalfStorage", "BFloat16Storage", "DoubleStorage",
    "IntStorage", "ShortStorage", "CharStorage", "ByteStorage", "BoolStorage",
)  # fmt: skip
NAMES = frozenset(ALLOWED) | {("torch", name) for name in STORAGES}
"""What a state dict of plain tensors names; none of it does anything but hold numbers."""
LEGACY = 5
"""Pickles of a checkpoint as torch wrote it before 1.6; raw storages come after them."""


def inspect_pickle(path: Path, file: str, book: Book) -> None:
    """Walk every pickle of a file.

    Args:
        path: The private copy.
        file: Its name in the findings.
        book: Where findings go.
    """
    size, cap = path.stat().st_size, book.limits.pickle_bytes
    with path.open("rb") as opened:
        data = opened.read(cap)
    readable = inspect_stream(data, file, "", book, whole=size <= cap)
    if readable:
        book.note(
            CHECK,
            file,
            "",
            "a checkpoint of the old torch format that names only what tensors need",
            "read by the allow-list reader of twoloops alone; never unpickle it",
        )


def inspect_stream(data: bytes, file: str, place: str, book: Book, *, whole: bool = True) -> bool:
    """Walk the pickles at the beginning of some bytes.

    Args:
        data: The bytes.
        file: Their file's name in the findings.
        place: Where in the file they are; empty for its beginning.
        book: Where findings go.
        whole: Whether `data` is all there is.

    Returns:
        Whether it is a checkpoint that the reader of `digital.packaged.weights` can read.
    """
    walks, offset, count = [], 0, 0
    for number, one in enumerate(_walks(data, book)):
        walks.append(one)
        count += one.opcodes
        _judge(one, file, place, offset, book, depth=0)
        if one.broken:
            short = "" if whole else f"; only the first {len(data):,} bytes were walked"
            book.refuse(
                CHECK,
                file,
                _at(place, offset + one.end),
                f"pickle {number + 1} is broken ({shown(one.broken)}){short}",
                "a whole pickle",
            )
        offset += one.end
    legacy = len(walks) == LEGACY and walks[0].value == MAGIC
    names = {f"{call.module}.{call.name}" for one in walks for call in one.called}
    book.looked(CHECK, f"{file}{place and ' '}{place}: {count:,} instructions, {len(names)} names")
    rest = len(data) - offset
    if rest and not legacy and not walks[-1].broken:
        book.refuse(
            CHECK, file, _at(place, offset), f"{rest:,} bytes after the pickle", "nothing after it"
        )
    if legacy:
        return not book.refused(file)
    if not book.refused(file):
        book.needs(
            CHECK,
            file,
            place,
            "a pickle that names only what tensors need, of a kind that no reader here reads",
            "convert it to safetensors where it may run, and vet the result",
        )
    return False


def _walks(data: bytes, book: Book) -> Iterator[Walk]:
    """Walk one pickle after the other: five of a torch checkpoint, else as many as begin as one."""
    view, legacy, number = data, False, 0
    while view:
        one = walk(view, book.limits)
        yield one
        number += 1
        legacy = legacy or (number == 1 and one.value == MAGIC)
        view = view[one.end :]
        if one.broken or (number >= LEGACY if legacy else view[:1] != b"\x80"):
            return


def _judge(one: Walk, file: str, place: str, start: int, book: Book, depth: int) -> None:
    for call in one.called:
        if (call.module, call.name) not in NAMES:
            name = f"{call.module}.{call.name}" if call.module or call.name else None
            got = f"names {shown(name)}" if name else "names something that cannot be told"
            book.refuse(CHECK, file, _at(place, start + call.offset), got, _allowed())
    for offset in one.extensions:
        book.refuse(
            CHECK, file, _at(place, start + offset), "takes a name from the registry", _allowed()
        )
    for offset, blob in one.blobs:
        where = _at(place, start + offset) + ", nested"
        if depth >= book.limits.nested:
            book.refuse(CHECK, file, where, "pickles in one another", f"{book.limits.nested}")
            continue
        inner = walk(blob, book.limits)
        if not inner.broken:
            book.refuse(CHECK, file, where, f"a pickle of {len(blob):,} bytes as data", "numbers")
        # Even a broken one is judged: it would run up to where it breaks.
        _judge(inner, file, where, 0, book, depth + 1)


def _at(place: str, offset: int) -> str:
    return f"{place}, offset {offset}" if place else f"offset {offset}"


def _allowed(names: Iterable[tuple[str, str]] = frozenset(ALLOWED)) -> str:
    return f"{sorted('.'.join(pair) for pair in names)} and torch's other storages"

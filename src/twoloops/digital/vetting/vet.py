"""Vets a base before anything of it runs: gathers, looks, computes terms, judges.

Nothing of a model is executed: no pickle is performed, no session is made, no file of it is
imported, no template is rendered. All checks read a private copy.
"""

import tempfile
from collections.abc import Callable
from datetime import date
from importlib.metadata import Distribution
from pathlib import Path
from typing import NamedTuple

from twoloops.digital.vetting.archives import inspect_archive
from twoloops.digital.vetting.book import Book, many
from twoloops.digital.vetting.checker import Checker, check_apart
from twoloops.digital.vetting.configs import inspect_config, inspect_text
from twoloops.digital.vetting.judging import verdicts
from twoloops.digital.vetting.kinds import ARCHIVES, FOREIGN
from twoloops.digital.vetting.licensing import inspect_licence, inspect_origin
from twoloops.digital.vetting.limits import DEFAULT, Limits
from twoloops.digital.vetting.onnx_files import inspect_onnx
from twoloops.digital.vetting.pickles import inspect_pickle
from twoloops.digital.vetting.private import Copy, of_kind
from twoloops.digital.vetting.safetensors import inspect_safetensors
from twoloops.digital.vetting.scanner import scan
from twoloops.digital.vetting.stated import Stated, joined, of_card, of_folder, of_package
from twoloops.digital.vetting.subjects import Subject
from twoloops.records.digests import digest_record
from twoloops.records.errors import TransientError, UserError
from twoloops.records.finding import OUTWARD, PURPOSES, PinnedFile, Purpose, Vetting

NOT_LOOKED_AT = (
    "Behaviour: nothing was run, so nothing is said of quality, of triggers hidden in the weights, "
    "of repeatability. No scanner of weights proves that there is none.",
    "Whether what is stated of licence, publisher and past is true.",
    "Whether the weights are those of the publisher: there is no signature that was checked.",
)

SCANNED = ("pickle", "zip")


class Gathered(NamedTuple):
    """Copies of the files, and what is stated of them."""

    copy: Copy
    stated: Stated
    installed: bool


def vet(
    subject: Subject,
    *,
    today: date,
    cache: Path,
    purposes: tuple[Purpose, ...] = PURPOSES,
    pinned: tuple[PinnedFile, ...] | None = None,
    limits: Limits = DEFAULT,
    checker: Checker = check_apart,
) -> Vetting:
    """Vet a base.

    Args:
        subject: What is vetted.
        today: The day the dated tables are read for.
        cache: Folder for what a known base has to fetch.
        purposes: For which a verdict is wanted.
        pinned: The files of an earlier vetting: what differs is refused.
        limits: How much is read.
        checker: The ONNX checker.

    Returns:
        The record. Whatever the files hold, there is one.

    Raises:
        OSError: The files cannot be read, or not copied.
    """
    book = Book(limits)
    with tempfile.TemporaryDirectory(prefix="twoloops-vet-") as folder:
        gathered = _gather(subject, Path(folder), book)
        files = gathered.copy.files
        _look(gathered, tuple(files), checker, book)
        gathered = _with_base(gathered, subject, cache, checker, book)
        scan({one.path: gathered.copy.path(one.path) for one in of_kind(files, *SCANNED)}, book)
        _compare(files, pinned, book)
        ordered = tuple(files[path] for path in sorted(files))
        terms = inspect_licence(gathered.stated, ordered, today, book)
        origins = inspect_origin(gathered.stated, book)
    if not files and not any(one.severity == "refuse" for one in book.findings):
        book.refuse("files", "", "", "no file that could be looked at", "a file or a folder")
    return Vetting(
        subject=subject.name,
        revision=gathered.stated.revision,
        day=today,
        content=digest_record(ordered),
        files=ordered,
        looks=book.looks,
        findings=book.findings,
        terms=terms,
        origins=origins,
        lineage=gathered.stated.lineage,
        verdicts=verdicts(book.findings, purposes),
        not_looked_at=NOT_LOOKED_AT,
    )


def _gather(subject: Subject, folder: Path, book: Book) -> Gathered:
    """Copy what is vetted into a private folder."""
    if subject.path is not None:
        copy = Copy(folder, book)
        if subject.path.is_dir():
            copy.take_folder(subject.path)
            found = of_folder(folder, copy.files)
            return Gathered(copy, joined(subject.stated, found), installed=False)
        copy.take_file(subject.path.parent, subject.path.name)
        _take_named(copy, subject.path, book)
        return Gathered(copy, Stated(), installed=False)
    copy = Copy(folder, book, installed=True)
    stated = Stated()
    for package in subject.packages:
        _take_package(package, copy)
        stated = of_package(package)
    return Gathered(copy, stated, installed=True)


def _take_named(copy: Copy, path: Path, book: Book) -> None:
    """Copy what an ONNX file that was named alone says its data lies in, by plain paths only."""
    if not copy.files or next(iter(copy.files.values())).kind != "onnx":
        return
    # A trial that only learns the names: its findings are made again when all files are there.
    trial = Book(book.limits)

    def find(below: str) -> Path | None:
        there = below in copy.files or copy.take_file(path.parent, below)
        return copy.path(below) if there else None

    look = (copy.path(path.name), path.name, find, lambda *_: None, trial)
    trial.guarded("onnx", path.name, inspect_onnx, *look)


def _take_package(package: Distribution, copy: Copy) -> None:
    """Copy the files an installed package lists below its own folder."""
    root = Path(str(package.locate_file(""))).resolve()
    for file in sorted(package.files or (), key=str):
        parts = file.parts
        if ".." not in parts and not Path(file).is_absolute() and "__pycache__" not in parts:
            copy.take_file(root, file.as_posix())


def _with_base(
    gathered: Gathered, subject: Subject, cache: Path, checker: Checker, book: Book
) -> Gathered:
    """Look at the graph of a base known by name too, where nothing refuses its packages.

    The graph is written by twoloops' own code from weights that are only read; nothing runs.
    """
    if subject.known is None:
        return gathered
    if any(one.severity == "refuse" for one in book.findings):
        book.note("base", "", "graph", "not written, since its package is refused")
        return gathered
    try:
        base = subject.known.load(cache)
    except (UserError, TransientError) as error:
        book.needs("base", "", "graph", f"it is not available: {error}", "what it needs")
        return gathered
    name = f"{base.card.name.replace('/', '-')}.onnx"
    with tempfile.TemporaryDirectory(prefix="twoloops-vet-") as made:
        (Path(made) / name).write_bytes(base.graph)
        gathered.copy.take_file(Path(made), name)
    _look(gathered, (name,), checker, book)
    return gathered._replace(stated=of_card(base.card))


def _look(gathered: Gathered, paths: tuple[str, ...], checker: Checker, book: Book) -> None:
    """Perform the checks of files, each kind its own; what holds an ONNX file's data is data."""
    copy, data = gathered.copy, set[str]()
    files = copy.files
    looked = {path: files[path] for path in paths}

    def find(below: str) -> Path | None:
        return copy.path(below) if below in files else None

    for one in of_kind(looked, "onnx"):
        named = (copy.path(one.path), one.path, find, checker, book)
        data |= set(book.guarded("onnx", one.path, inspect_onnx, *named) or ())
    for path in data:
        old = files[path]
        looked[path] = files[path] = PinnedFile(path, old.size, old.digest, "onnx data")
    checks: dict[str, Callable[[Path, str, Book], None]] = {
        "safetensors": inspect_safetensors,
        "pickle": inspect_pickle,
        "json": inspect_config,
        "text": inspect_text,
    }
    for kind, check in checks.items():
        for one in of_kind(looked, kind):
            book.guarded(kind, one.path, check, copy.path(one.path), one.path, book)
    for one in of_kind(looked, *ARCHIVES):
        archive = (copy.path(one.path), one.path, one.kind, book)
        book.guarded("archive", one.path, inspect_archive, *archive)
    _others(looked, gathered.installed, book)


def _others(files: dict[str, PinnedFile], installed: bool, book: Book) -> None:
    """Write down programs, foreign formats, and what nothing here reads."""
    programs = [one.path for one in of_kind(files, "program")]
    if installed and programs:
        got = f"{many(len(programs), 'file')} of code in the package: never imported here"
        book.note("programs", programs[0], "", got)
    elif programs:
        for path in programs:
            book.refuse("programs", path, "", "code that comes with a model", "weights alone")
    for one in of_kind(files, *FOREIGN):
        got = f"weights in the format {one.kind}"
        book.refuse("files", one.path, "", got, "safetensors or ONNX")
    for one in of_kind(files, "unknown"):
        got = f"{one.size:,} bytes of a kind that nothing here reads"
        if installed:
            book.note("files", one.path, "", got)
        else:
            book.needs("files", one.path, "", got, "leave it out, or say what it is", OUTWARD)


def _compare(
    files: dict[str, PinnedFile], pinned: tuple[PinnedFile, ...] | None, book: Book
) -> None:
    """Refuse what differs from an earlier vetting."""
    if pinned is None:
        return
    before = {one.path: one for one in pinned}
    for path in sorted(before.keys() | files.keys()):
        old, new = before.get(path), files.get(path)
        if old is None:
            book.refuse("pins", path, "", "a file that was not there", "the files of the record")
        elif new is None:
            book.refuse("pins", path, "", "it is gone, or could not be read", f"{old.digest}")
        elif old.digest != new.digest:
            book.refuse("pins", path, "", f"{new.digest}: changed under its name", old.digest)
    book.looked("pins", f"{len(before)} files of an earlier record")

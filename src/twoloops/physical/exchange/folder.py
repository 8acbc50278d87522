"""A dataset version as a folder: tables, inputs, Croissant metadata, and a page for people."""

import os
import shutil
import tempfile
from pathlib import Path

from twoloops.physical.exchange.croissant import Stated, metadata
from twoloops.physical.exchange.readme import readme
from twoloops.physical.exchange.rows import (
    INPUTS,
    as_csv,
    as_json,
    columns,
    digest_of,
    pages,
    rows_of,
)
from twoloops.physical.exchange.versions import Version, sources_of, version_of
from twoloops.records.dataset import Dataset
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.store.workspace import Store

METADATA, README = "croissant.json", "README.md"
TABLE, RECORDS = "items.csv", "items.json"


def export_version(
    store: Store, dataset: Dataset, folder: Path, stated: Stated, *, names: bool = True
) -> Version:
    """Write a version's folder whole, or not at all; the same version gives the same bytes.

    Args:
        store: Where it is.
        dataset: The version.
        folder: Where to write; nothing may be there.
        stated: What only a person can say of it.
        names: Whether labellers who are people are named, or numbered.

    Raises:
        UserError: Something is there already, or the folder cannot be written.
    """
    refuse_taken(folder)
    folder = folder.absolute()
    version = version_of(store, dataset)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            _fill(store, dataset, version, made, stated, names)
            made.chmod(0o755)
            made.replace(folder)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise UserError(
            f"cannot write to {folder}: {error.strerror}; name a folder you may write to"
        ) from error
    return version


def refuse_taken(folder: Path) -> None:
    """Refuse a folder's place where anything is.

    Raises:
        UserError: Something is.
    """
    if folder.is_symlink() or folder.exists():
        raise UserError(f"{folder} is there already: name a new folder")


def _fill(
    store: Store, dataset: Dataset, version: Version, made: Path, stated: Stated, names: bool
) -> None:
    task = store.tasks.get(dataset.task)
    paths: dict[Digest, str] = {}
    texts: dict[Digest, str] = {}
    (made / INPUTS).mkdir()
    for page in pages(store, task.kind, dataset):
        for path, data in page.items():
            digest = digest_of(path)
            paths[digest] = path
            if task.kind == "text":
                texts[digest] = data.decode("utf-8", errors="replace")
            _write(made / path, data)
    sources = sources_of(store, dataset)
    rows = rows_of(task.kind, dataset, sources, paths, texts, names=names)
    tables = {RECORDS: as_json(task.kind, rows), TABLE: as_csv(task.kind, rows)}
    suffixes = {path.rpartition(".")[2] for path in paths.values()}
    about = metadata(task, version, stated, tables, suffixes, columns(task.kind))
    page_ = readme(task, version, stated).encode()
    for name, data in (*tables.items(), (METADATA, about), (README, page_)):
        _write(made / name, data)


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())

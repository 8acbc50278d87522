"""Files with answers: which reader takes one is seen from its content."""

from datetime import datetime
from pathlib import Path

from twoloops.physical.labelling.csv_file import import_labels
from twoloops.physical.labelling.label_studio_answers import Imported, import_tasks
from twoloops.records.errors import UserError
from twoloops.store.workspace import Store


def import_answers(
    store: Store,
    task: str,
    path: Path,
    *,
    at: datetime,
    labeller: str = "person:import",
    new_labels: bool = False,
) -> Imported:
    """Take in a file that `twoloops label export` or Label Studio wrote: JSON or CSV.

    Arguments and errors are those of `csv_file.import_labels` and
    `label_studio_answers.import_tasks`.
    """
    if _is_json(path):
        return import_tasks(store, task, path, at=at, labeller=labeller, new_labels=new_labels)
    done = import_labels(store, task, path, at=at, labeller=labeller, new_labels=new_labels)
    return Imported(done.new, done.repeated, done.added, done.cost, done.blank)


def _is_json(path: Path) -> bool:
    """Say whether a file begins as JSON does: no CSV with the needed columns begins so."""
    try:
        with path.open("rb") as file:
            head = file.read(1024)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; check the path") from error
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{")

"""The rows of an exported dataset version, and the files that hold them and their inputs."""

import csv
import io
import json
from collections.abc import Iterator, Sequence

import msgspec

from twoloops.physical.exchange.versions import Sources
from twoloops.records.dataset import Dataset
from twoloops.records.digests import Digest
from twoloops.records.task import Kind
from twoloops.store.database import chunks
from twoloops.store.workspace import Store

INPUTS = "inputs"
"""The folder of the inputs' bytes."""

PAGE = 100
"""Inputs in memory at a time."""

_MAGIC = (
    (b"\xff\xd8", "jpg"), (b"\x89PNG", "png"), (b"BM", "bmp"), (b"II*\0", "tif"),
    (b"MM\0*", "tif"), (b"GIF8", "gif"), (b"RIFF", "webp"),
)  # fmt: skip

MEDIA = {
    "txt": "text/plain", "npy": "application/x-npy", "jpg": "image/jpeg", "png": "image/png",
    "bmp": "image/bmp", "tif": "image/tiff", "gif": "image/gif", "webp": "image/webp",
    "bin": "application/octet-stream",
}  # fmt: skip
"""Media types by a file's suffix. numpy's format has none that is registered."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One item of a version, as the exported files say it.

    Args:
        input: Digest of the input's bytes.
        file: Where these lie in the folder; empty where they were forgotten.
        text: The input itself, where it is a text; empty where it was forgotten.
        label: Its label; empty where nobody gave one.
        split: `train`, `golden`, `audit` or `unlabelled`.
        turn: The turn in which it was labelled.
        judges: Whether it may serve as evidence.
        probability: The known chance with which its turn asked about it, or `None`.
        group: What shares one belongs to one split.
        labellers: Who gave a label, separated by `; `.
    """

    input: Digest
    file: str
    text: str | None
    label: str
    split: str
    turn: int
    judges: bool
    probability: float | None
    group: str
    labellers: str


def pages(store: Store, kind: Kind, dataset: Dataset) -> Iterator[dict[str, bytes]]:
    """Yield the inputs that are there by the path they get in the folder, a page at a time."""
    for page in chunks(dict.fromkeys(item.input for item in dataset.items), PAGE):
        data = store.inputs.get_many(page)
        yield {_path(kind, digest, data[digest]): data[digest] for digest in page if digest in data}


def rows_of(
    kind: Kind,
    dataset: Dataset,
    sources: Sources,
    paths: dict[Digest, str],
    texts: dict[Digest, str],
    *,
    names: bool = True,
) -> list[Row]:
    """Return a version's rows, in its canonical order.

    Args:
        kind: Kind of input.
        dataset: The version.
        sources: The labels behind it.
        paths: Path of each input that is there, by digest.
        texts: The texts among them, by digest.
        names: Whether people are named, or numbered `person:1`, `person:2`, …
    """
    who = sorted({one.labeller for item in dataset.items for one in sources.of(item)})
    people = [one for one in who if one.startswith("person:")]
    numbers = {} if names else {one: f"person:{n}" for n, one in enumerate(people, start=1)}
    return [
        Row(
            input=item.input,
            file=paths.get(item.input, ""),
            text=texts.get(item.input, "") if kind == "text" else None,
            label=item.label,
            split=item.split,
            turn=item.turn,
            judges=item.judges,
            probability=None if item.probability < 0 else item.probability,
            group=item.group,
            labellers="; ".join(
                dict.fromkeys(numbers.get(one.labeller, one.labeller) for one in sources.of(item))
            ),
        )
        for item in dataset.items
    ]


def columns(kind: Kind) -> list[str]:
    """Return the names of the columns; only texts have their own."""
    names = [field.name for field in msgspec.structs.fields(Row)]
    return [name for name in names if kind == "text" or name != "text"]


def as_csv(kind: Kind, rows: Sequence[Row]) -> bytes:
    """Return the rows as CSV, UTF-8; an unknown probability is empty."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    names = columns(kind)
    writer.writerow(names)
    for row in rows:
        values = [getattr(row, name) for name in names]
        writer.writerow(["" if one is None else _plain(one) for one in values])
    return out.getvalue().encode()


def as_json(kind: Kind, rows: Sequence[Row]) -> bytes:
    """Return the rows as a JSON list, an object a line.

    Programs read this one: those that read CSV by pandas take a label `NA` for a missing value
    and `007` for a number.
    """
    names = columns(kind)
    lines = [
        json.dumps({name: getattr(row, name) for name in names}, ensure_ascii=False) for row in rows
    ]
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def digest_of(path: str) -> Digest:
    """Return the digest of the input that lies at a path of the folder."""
    return "sha256:" + path.rpartition("/")[2].partition(".")[0]


def _plain(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _path(kind: Kind, digest: Digest, data: bytes) -> str:
    suffix = {"text": "txt", "signal": "npy"}.get(kind) or next(
        (name for magic, name in _MAGIC if data.startswith(magic)), "bin"
    )
    return f"{INPUTS}/{digest.removeprefix('sha256:')}.{suffix}"

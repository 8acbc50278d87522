"""A folder (or `.zip`, `.tar`, `.tar.gz`) with one folder of images for each label."""

import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from twoloops.physical.history.options import Mapping, Reading
from twoloops.physical.history.rows import make_rows
from twoloops.physical.history.stream import Quarantined
from twoloops.records.errors import UserError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")


def read_images(path: Path, source: str) -> Reading:
    """Read images sorted into folders by label.

    The label is the first folder below the top; images beside the folders have no label. A top
    that holds nothing but one folder is gone through. The rows are in order of their names; the
    key of each is its file's name without the suffix.

    Raises:
        UserError: There is no image, or the archive cannot be read.
    """
    files = dict(sorted(_archive(path, source) if path.is_file() else _folder(path)))
    names = [name for name in files if name.suffix.lower() in SUFFIXES]
    if not names:
        raise UserError(
            f"{source} holds no image: expected one folder for each label with files ending in "
            f"{', '.join(SUFFIXES)}"
        )
    others = [
        Quarantined(str(name), f"no image by its suffix: expected one of {', '.join(SUFFIXES)}")
        for name in files
        if name not in set(names)
    ]
    depth = _depth(names)
    labels = [name.parts[depth] if len(name.parts) > depth + 1 else "" for name in names]
    rows, bad = make_rows(
        "image",
        [str(name) for name in names],
        lambda i: _content(files[names[i]]),
        {"label": labels, "key": [name.stem for name in names]},
        Mapping(label="label", key="key"),
    )
    return Reading(
        source=source,
        kind="image",
        rows=tuple(rows),
        ordered=False,
        quarantined=(*others, *bad),
        caveats=(
            "files of a folder have no order of arrival: unless --order says otherwise they come "
            "shuffled, so nothing drifts from turn to turn",
        ),
    )


def _content(content: bytes | Path) -> bytes:
    if isinstance(content, bytes):
        return content
    try:
        return content.read_bytes()
    except OSError as error:
        raise UserError(f"cannot be opened ({error.strerror}): check its permissions") from error


def _depth(names: list[PurePosixPath]) -> int:
    """Return how many folders all names share, going no deeper than leaves two labels apart."""
    depth = 0
    while all(len(name.parts) > depth + 2 for name in names) and (
        len({name.parts[depth] for name in names}) == 1
    ):
        depth += 1
    return depth


def _hidden(name: PurePosixPath) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in name.parts) or (
        name.name in ("Thumbs.db", "desktop.ini")
    )


def _folder(path: Path) -> Iterator[tuple[PurePosixPath, bytes | Path]]:
    for file in path.rglob("*"):
        name = PurePosixPath(file.relative_to(path).as_posix())
        if file.is_file() and not _hidden(name):
            yield name, file


def _archive(path: Path, source: str) -> Iterator[tuple[PurePosixPath, bytes | Path]]:
    """Yield an archive's files; nothing is unpacked to disk."""
    try:
        if path.suffix.lower() == ".zip":
            with zipfile.ZipFile(path) as archive:
                for entry in archive.infolist():
                    name = PurePosixPath(entry.filename)
                    if not entry.is_dir() and not _hidden(name):
                        yield name, archive.read(entry)
            return
        with tarfile.open(path) as tar:
            for member in tar:
                name = PurePosixPath(member.name)
                if member.isfile() and not _hidden(name) and (file := tar.extractfile(member)):
                    yield name, file.read()
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"{source} is no readable archive ({error}): pack it again") from error

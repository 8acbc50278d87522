"""Open a source by its name: built in, a folder of images, or a file by its suffix."""

from pathlib import Path

from msgspec.structs import replace

from twoloops.physical.history.arrays import read_arrays
from twoloops.physical.history.cut import adjust, cut
from twoloops.physical.history.excavators import excavators
from twoloops.physical.history.images import ARCHIVES, read_images
from twoloops.physical.history.options import Mapping, Plan, Reading
from twoloops.physical.history.solar import NORMAL, solar_cells
from twoloops.physical.history.stream import History
from twoloops.physical.history.table import arguments, read_table
from twoloops.records.errors import UserError
from twoloops.store.fetch import Progress, default_cache

TABLES = (".csv", ".parquet", ".tsv", ".txt")


def open_history(
    source: str,
    plan: Plan | None = None,
    mapping: Mapping | None = None,
    *,
    cache: Path | None = None,
    accept_licence: bool = False,
    progress: Progress | None = None,
) -> History:
    """Return a source as a stream.

    Args:
        source: `excavators`, `solar-cells`, a folder or archive of images, or a `.csv`, `.tsv`,
            `.parquet` or `.npz` file.
        plan: How to cut it into turns.
        mapping: Which column is what.
        cache: Folder for fetched files; default: `default_cache()`.
        accept_licence: Whether the licence of `solar-cells` is accepted.
        progress: Told in a sentence when something is downloaded.

    Raises:
        UserError: The source cannot be read or does not suffice.
    """
    plan, mapping, cache = plan or Plan(), mapping or Mapping(), cache or default_cache()
    if source == "excavators":
        return adjust(excavators(cache, progress=progress), plan)
    if source == "solar-cells":
        reading = solar_cells(cache, accept_licence=accept_licence, progress=progress)
        return cut(reading, replace(plan, normal=plan.normal or NORMAL))
    return cut(read(source, mapping), plan)


def read(source: str, mapping: Mapping) -> Reading:
    """Read a folder or file.

    Raises:
        UserError: There is no such file, or none that can be read.
    """
    path = Path(source).expanduser()
    if path.is_dir() or path.name.lower().endswith(ARCHIVES):
        if path.exists():
            if mapping != Mapping():
                said = " ".join(arguments(mapping))
                raise UserError(f"{source}: images in folders have no columns: leave out  {said}")
            return read_images(path, source)
    elif path.is_file():
        if path.suffix.lower() == ".npz":
            return read_arrays(path, source, mapping)
        if path.suffix.lower() in TABLES:
            return read_table(path, source, mapping)
        raise UserError(
            f"{source}: the suffix {path.suffix!r} is not read: give a folder of images, or a file "
            f"ending in .npz, {', '.join(TABLES)}, {', '.join(ARCHIVES)}"
        )
    raise UserError(
        f"there is no source {source!r}: give excavators, solar-cells, a folder of images, or a "
        ".csv, .parquet or .npz file"
    )

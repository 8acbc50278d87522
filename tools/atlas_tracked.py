"""Tables from the lists of tracked open models: regions, sizes, and open shares of a catalogue."""

import csv
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

Made = dict[str, tuple[tuple[str, ...], list[tuple[object, ...]]]]

REGIONS = "tracked_models/organization_regions.csv"
MODELS = "tracked_models/models.csv"
PARAMETERS = "tracked_models/model_parameters.csv"
CATALOGUE = "models_dev/models.csv"


def tables(folder: Path, inputs: Mapping[str, str]) -> Made:
    """Return the tables by name: header and rows.

    Args:
        folder: Where the published files are.
        inputs: Source id by file.
    """
    regions = {row["hf_org"]: (row["region"], row["notes"]) for row in _read(folder / REGIONS)}

    def region(organisation: str) -> str:
        return regions.get(organisation, ("unknown", ""))[0]

    tracked = Counter(row["org"] for row in _read(folder / MODELS))
    sizes: list[tuple[object, ...]] = []
    for row in _read(folder / PARAMETERS):
        parameters = (row["total_params_b"], row["active_params_b"])
        if parameters[0]:
            place = region(row["model_id"].partition("/")[0])
            sizes.append((row["model_id"], place, *parameters, inputs[PARAMETERS]))
    catalogue = Counter(
        (row["lab"], row["open_weights"] == "True") for row in _read(folder / CATALOGUE)
    )
    labs = sorted({lab for lab, _ in catalogue})
    return {
        "regions": (
            ("organisation", "region", "models", "note", "source"),
            sorted(
                (name, place, tracked[name], note, inputs[REGIONS])
                for name, (place, note) in regions.items()
            ),
        ),
        "model_sizes": (("model", "region", "total", "active", "source"), sorted(sizes, key=str)),
        "catalogue_labs": (
            ("lab", "open", "closed", "source"),
            [(lab, catalogue[lab, True], catalogue[lab, False], inputs[CATALOGUE]) for lab in labs],
        ),
    }


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))

"""Write the packaged tables that come from published files (not those kept by hand).

    python tools/build_atlas.py FOLDER            write them
    python tools/build_atlas.py FOLDER --check    say which differ, exit 1 if any does

FOLDER holds the published files under the names of `INPUTS`; without it, `$TWOLOOPS_DATA/atlas`
is read. The same files always give the same tables: rows are sorted, nothing depends on today.
"""

import argparse
import csv
import hashlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import atlas_epoch
import atlas_list_prices
import atlas_prices
import atlas_tracked

TABLES = Path(__file__).parents[1] / "src" / "twoloops" / "atlas" / "data"

INPUTS = {
    "epoch/all_ai_models_2025-04.csv": "epoch-all-2025-04",
    "epoch/large_scale_ai_models_2025-12.csv": "epoch-large-2025-12",
    "epoch/notable_ai_models_2025-12.csv": "epoch-notable-2025-12",
    "epoch/notable_ai_models_2026-07.csv": "epoch-notable-2026-07",
    "epoch/benchmark_index_2025-12.csv": "epoch-eci-2025-12",
    "epoch/chips/nvidia_cumulative_totals.csv": "epoch-chips-2026-04",
    "epoch/chips/nvidia_owners_cumulative_totals.csv": "epoch-chips-2026-04",
    "models_dev/models.csv": "models-dev-2026-07",
    "models_dev/provider_prices.csv": "models-dev-2026-07",
    "prices/genai_prices_2026-08-21.json": "genai-prices-2026-08",
    "prices/model_prices_history_2026-10-26.json": "model-prices-2026-10",
    "tracked_models/model_parameters.csv": "tracked-models-2026-08",
    "tracked_models/models.csv": "tracked-models-2026-08",
    "tracked_models/organization_regions.csv": "tracked-models-2026-08",
}
"""The published files, and the id of each one's source in `sources.csv`."""

Cells = Sequence[Sequence[object]]


def written(header: Sequence[str], rows: Cells) -> str:
    """Return a table as CSV text, lines ending in a line feed."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue()


def inputs(folder: Path) -> str:
    """Return `inputs.csv`: which files the tables were written from, with their digests."""
    rows = [
        (name, hashlib.sha256((folder / name).read_bytes()).hexdigest(), source)
        for name, source in sorted(INPUTS.items())
    ]
    return written(("file", "sha256", "source"), rows)


def build(folder: Path) -> dict[str, str]:
    """Return the text of every table by its file name."""
    made = {"inputs.csv": inputs(folder)}
    for part in (atlas_epoch, atlas_list_prices, atlas_prices, atlas_tracked):
        for name, (header, rows) in part.tables(folder, INPUTS).items():
            made[f"{name}.csv"] = written(header, rows)
    return made


def main() -> int:
    """Write or check the tables; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="the folder of published files")
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    given = parser.parse_args()
    folder = given.folder or Path(os.environ.get("TWOLOOPS_DATA", "")) / "atlas"
    missing = [name for name in INPUTS if not (folder / name).is_file()]
    if missing:
        parser.error(f"{folder} lacks {', '.join(missing)}; name a folder that has them")
    stale = []
    for name, text in build(folder).items():
        path = TABLES / name
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not given.check:
            path.write_text(text, encoding="utf-8", newline="\n")
    verb = "differs" if given.check else "written"
    sys.stdout.write("".join(f"{name}: {verb}\n" for name in stale) or "all tables are current\n")
    return 1 if given.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

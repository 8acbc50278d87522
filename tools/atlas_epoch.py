"""Tables from Epoch AI's files: open models by country, chips by owner."""

import csv
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from twoloops.atlas.counting import counts_by_year, read_models, summary

Made = dict[str, tuple[tuple[str, ...], list[tuple[object, ...]]]]

SNAPSHOTS = {
    "epoch/all_ai_models_2025-04.csv": ("all-2025-04", "all models"),
    "epoch/notable_ai_models_2025-12.csv": ("notable-2025-12", "notable models"),
    "epoch/notable_ai_models_2026-07.csv": ("notable-2026-07", "notable models"),
    "epoch/large_scale_ai_models_2025-12.csv": ("large-2025-12", "large-scale models"),
}
"""File: name of the snapshot, and what its publisher admits to it."""


def tables(folder: Path, inputs: Mapping[str, str]) -> Made:
    """Return the tables by name: header and rows.

    Args:
        folder: Where the published files are.
        inputs: Source id by file.
    """
    years: list[tuple[object, ...]] = []
    snapshots: list[tuple[object, ...]] = []
    for file, (name, scope) in SNAPSHOTS.items():
        models = read_models((folder / file).read_text(encoding="utf-8-sig"), file)
        told = summary(models)
        snapshots.append(
            (name, scope, told.first, told.last, told.models, told.open, told.blank, inputs[file])
        )
        years += [
            (name, country, year, count, inputs[file])
            for (country, year), count in sorted(counts_by_year(models).items())
        ]
    return {
        "open_models": (("snapshot", "country", "year", "models", "source"), years),
        "open_model_snapshots": (
            ("snapshot", "scope", "first", "last", "models", "open", "blank", "source"),
            snapshots,
        ),
        "chips": _chips(folder, inputs),
    }


def _chips(
    folder: Path, inputs: Mapping[str, str]
) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Return cumulative compute of Nvidia chips by owner and quarter, in H100 equivalents."""
    owners = "epoch/chips/nvidia_owners_cumulative_totals.csv"
    totals = "epoch/chips/nvidia_cumulative_totals.csv"
    rows: list[tuple[object, ...]] = []
    for file, prefix in ((owners, ""), (totals, "Compute estimate in ")):
        for cells in _read(folder / file):
            ends = datetime.strptime(cells["End date"], "%m/%d/%Y").date()  # noqa: DTZ007 - a day
            rows.append(
                (
                    cells.get("Owner", "all"),
                    f"{ends.year}-Q{(ends.month + 2) // 3}",
                    ends.isoformat(),
                    cells[f"{prefix}H100e (5th percentile)"],
                    cells["Compute estimate in H100e (median)"],
                    cells[f"{prefix}H100e (95th percentile)"],
                    inputs[file],
                )
            )
    rows.sort(key=str)
    twice = [key for key, n in Counter(row[:2] for row in rows).items() if n > 1]
    if twice:
        raise ValueError(f"several figures for one owner and quarter: {twice}")
    return ("owner", "quarter", "to", "low", "median", "high", "source"), rows


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))

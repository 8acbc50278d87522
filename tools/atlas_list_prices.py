"""The table of makers' list prices as two catalogues stated them, read as a refresh reads them."""

import csv
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from twoloops.atlas.list_prices import MAKERS
from twoloops.atlas.publishers import genai_prices

Made = dict[str, tuple[tuple[str, ...], list[tuple[object, ...]]]]

CATALOGUE = "models_dev/provider_prices.csv"
CURRENT = "prices/genai_prices_2026-08-21.json"
DAY = date(2026, 8, 21)
"""Of the second file: of dated prices the one in force then is taken."""


def tables(folder: Path, inputs: Mapping[str, str]) -> Made:
    """Return the tables by name: header and rows.

    Args:
        folder: Where the published files are.
        inputs: Source id by file.
    """
    rows = [(*row, inputs[CATALOGUE]) for row in _catalogue(folder / CATALOGUE)]
    providers = genai_prices.decode((folder / CURRENT).read_bytes(), least=1000)
    rows += [
        (row.provider, row.model, row.released, "", row.input, row.output, row.source)
        for row in genai_prices.standard(providers, inputs[CURRENT], DAY)
    ]
    header = ("provider", "model", "released", "open", "input", "output", "source")
    return {"list_prices": (header, sorted(rows, key=lambda row: (row[6], row[0], row[1])))}


def _catalogue(path: Path) -> list[tuple[object, ...]]:
    """Return the makers' own offers that have a price."""
    rows: list[tuple[object, ...]] = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        for cells in csv.DictReader(file):
            price = (cells["input_usd_per_mtok"], cells["output_usd_per_mtok"])
            # A price of 0 is a free preview, or not known.
            if cells["provider"] in MAKERS and all(one and float(one) > 0 for one in price):
                named = (cells["provider"], cells["model"], cells["release_date"])
                rows.append((*named, cells["open_weights"].lower(), *map(float, price)))
    return rows

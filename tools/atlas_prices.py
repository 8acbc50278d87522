"""Tables from published price lists: list prices with their history, index and price joined."""

import csv
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twoloops.atlas.prices import Price
from twoloops.atlas.publishers import genai_prices, model_prices

Made = dict[str, tuple[tuple[str, ...], list[tuple[object, ...]]]]

HISTORY = "prices/model_prices_history_2026-10-26.json"
CURRENT = "prices/genai_prices_2026-08-21.json"
INDEX = "epoch/benchmark_index_2025-12.csv"

# Models that a maker sells under another name than the one the index uses, and from when on.
SOLD_AS = {
    "DeepSeek-V3": ("deepseek", "deepseek-chat", "2025-06-10"),
    "DeepSeek-V3-0324": ("deepseek", "deepseek-chat", "2025-06-10"),
    "DeepSeek-V3.1": ("deepseek", "deepseek-chat", "2025-08-25"),
    "DeepSeek-R1-0528": ("deepseek", "deepseek-reasoner", "2025-06-10"),
    "Kimi-K2-Instruct": ("moonshotai", "kimi-k2-0711-preview", ""),
    "gemini-2.0-flash-001": ("google", "gemini-2.0-flash", ""),
    "grok-4-0709": ("xai", "grok-4", ""),
    "grok-3-beta": ("xai", "grok-3", ""),
    "grok-3-mini-beta": ("xai", "grok-3-mini", ""),
    "qwen-max-2025-01-25": ("alibaba", "qwen-max", ""),
    "qwen2.5-72b-instruct": ("alibaba", "qwen2-5-72b-instruct", ""),
}


JOINED = (
    *("version", "name", "maker", "country", "released", "score"),
    *("provider", "model", "priced", "input", "output", "source", "price_source"),
)


def tables(folder: Path, inputs: Mapping[str, str]) -> Made:
    """Return the tables by name: header and rows.

    Args:
        folder: Where the published files are.
        inputs: Source id by file.
    """
    snapshot = model_prices.decode((folder / HISTORY).read_bytes())
    history = [_cells(row) for row in model_prices.read(snapshot, inputs[HISTORY], least=500)]
    providers = genai_prices.decode((folder / CURRENT).read_bytes(), least=1000)
    rows: list[tuple[object, ...]] = list(history)
    rows += [_cells(row) for row in genai_prices.windows(providers, inputs[CURRENT])]
    header = ("provider", "model", "since", "hours", "input", "output", "basis", "page", "source")
    with (folder / INDEX).open(encoding="utf-8-sig", newline="") as file:
        index = list(csv.DictReader(file))
    joined = _joined(index, history)
    return {
        "prices": (header, sorted(rows, key=str)),
        "index_prices": (
            JOINED,
            [(*row, inputs[INDEX], inputs[HISTORY]) for row in joined],
        ),
    }


def _cells(row: Price) -> tuple[Any, ...]:
    """Return a price as the table's cells."""
    said = (row.provider, row.model, row.since, row.hours, row.input, row.output)
    return (*said, row.basis, row.page, row.source)


def _joined(index: list[dict[str, str]], history: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return models with an index score and a list price of their maker: the first one recorded."""
    sold: dict[str, list[tuple[Any, ...]]] = {}
    for row in history:
        sold.setdefault(row[1].lower(), []).append(row)
    rows = []
    for cells in index:
        if not cells["eci_score"]:
            continue
        version = cells["model_version"].strip()
        plain = version.partition("_")[0]
        provider, model, since = SOLD_AS.get(plain, ("", "", ""))
        if not model:
            model = plain.lower()
            if model not in sold:
                model = re.sub(r"-\d{4}-\d{2}-\d{2}$", "", model)
        found = [row for row in sold.get(model, ()) if provider in ("", row[0]) and row[2] >= since]
        makers = {row[0] for row in found}
        if len(makers) != 1:
            continue
        first = min(found, key=lambda row: str(row[2]))
        name = cells["display_name"] or cells["model_name"]
        score = round(float(cells["eci_score"]), 2)
        said = (version, name, cells["organization"], cells["country"], cells["release_date"])
        rows.append((*said, score, *first[:3], *first[4:6]))
    return sorted(rows, key=str)

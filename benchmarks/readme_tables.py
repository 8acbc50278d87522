"""What the blocks of the documents are made with: results, and tables of them."""

import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


@functools.cache
def read(name: str) -> Any:
    """Return a benchmark's results, or `None` where it has not run."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def missing(name: str) -> str:
    """Say what measures a figure that is not there."""
    return f"not measured yet: `python benchmarks/{name}.py`"


def table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table; all columns but the first are set to the right."""
    names = list(header)
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)

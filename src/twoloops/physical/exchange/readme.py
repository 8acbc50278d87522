"""The page of an exported dataset version."""

from collections.abc import Mapping

from twoloops.physical.exchange.croissant import (
    NOT_STATED,
    Stated,
    citation,
    description,
    limits,
    number,
)
from twoloops.physical.exchange.versions import Version
from twoloops.records.digests import short
from twoloops.records.task import Task

_LOAD = """import mlcroissant

for record in mlcroissant.Dataset("croissant.json").records("items"):
    print(record["items/label"], record["items/file"])
"""


def readme(task: Task, version: Version, stated: Stated) -> str:
    """Return what stands in `README.md`: what the version is, its limits, how to load it."""
    frozen = "unknown" if version.frozen_at is None else f"{version.frozen_at:%Y-%m-%d}"
    costs = " and ".join(map(str, version.costs)) or "nothing"
    models = ", ".join(short(one) for one in version.models) or "none"
    parts = [
        f"# {task.name}, version {number(version)}",
        description(task, version),
        _table(
            {
                "licence": stated.licence or NOT_STATED,
                "creator": stated.creator or NOT_STATED,
                "published at": stated.url or NOT_STATED,
                "frozen": frozen,
                "labels": f"{sum(version.labellers.values()):,}, for {costs}",
                "models made from it": models,
            }
        ),
        "## What is here",
        "- `items.csv`: an item a line; `items.json` is the same for programs.\n"
        "- `inputs/`: the inputs' bytes, each named by its SHA-256.\n"
        "- `croissant.json`: Croissant 1.1 metadata, with the tables' checksums.",
        _counts("split", version.splits),
        _counts("label", version.labels) if version.labels else "Nobody gave these items labels.",
        "## Limits",
        "\n".join(f"- {one}" for one in limits(version)),
        "## Load it",
        f"```python\n{_LOAD}```",
        "## Cite it",
        f"```bibtex\n{citation(version)}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _table(rows: Mapping[str, str]) -> str:
    lines = [f"| {name} | {_cell(value)} |" for name, value in rows.items()]
    return "\n".join(["| | |", "| --- | --- |", *lines])


def _counts(what: str, counts: Mapping[str, int]) -> str:
    lines = [f"| {_cell(name)} | {count:,} |" for name, count in counts.items()]
    return "\n".join([f"| {what} | items |", "| --- | ---: |", *lines])


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())

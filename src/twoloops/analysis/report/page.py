"""The report of a replay: one HTML file that needs nothing else, no script and no network."""

import os
from collections.abc import Mapping
from pathlib import Path
from string import Template

from twoloops.analysis.markup import Html, esc, join, packaged, tag
from twoloops.analysis.report import sections, thesis
from twoloops.analysis.words import clip
from twoloops.convergence.replays.outcome import ReplayResult
from twoloops.records.digests import Digest
from twoloops.records.errors import MissingExtraError, UserError


def page(result: ReplayResult, images: Mapping[Digest, bytes]) -> str:
    """Return the whole page as text; see `write_report`."""
    body = (
        ("loops", "Two loops", "The two loops, apart and together", thesis.thesis(result)),
        ("caveats", "Caveats", "What a sceptic would say first", thesis.caveats(result)),
        (
            "courses",
            "By turn",
            "By turn: accuracy, faults found, false rejects",
            thesis.courses(result),
        ),
        ("turns", "Turn table", "Turn by turn", sections.turns(result)),
        ("money", "Money", "Labels and money", sections.money(result)),
        ("gate", "Gate", "What the gate refused, and why", sections.gate(result)),
        ("lineage", "Lineage", "Lineage of bases, models and datasets", sections.lineage(result)),
        ("compute", "Compute", "Training compute of the whole replay", sections.compute(result)),
        (
            "informative",
            "Observations",
            "The most informative observations of the last turn",
            sections.informative(result, images),
        ),
        ("quarantined", "Quarantined", "Quarantined items", sections.quarantined(result)),
        ("definitions", "Definitions", "How to read this", sections.definitions(result)),
    )
    written = join(
        Html("\n") + tag("section", tag("h2", name), content, id=key)
        for key, _, name, content in body
    )
    links = join(tag("a", name, href=f"#{key}") for key, name, _, _ in body)
    return Template(packaged("page.html")).substitute(
        style=packaged("style.css"),
        title=esc(f"Replay of {clip(result.source, 120)}"),
        head=thesis.title(result),
        navigation=links,
        body=written,
    )


def write_report(
    result: ReplayResult, path: Path, images: Mapping[Digest, bytes] | None = None
) -> None:
    """Write the report of a replay to `path`.

    Args:
        result: The figures of the replay.
        path: Where the HTML file goes; its folder is made, an older file is replaced as a whole.
        images: Raw inputs by digest, for the informative observations: image files are shown,
            `.npy` signals are drawn, others are said not to be showable.

    Raises:
        MissingExtraError: altair or vl-convert is not installed.
        UserError: The file cannot be written.
    """
    try:
        text = page(result, images or {})
    except ModuleNotFoundError as error:
        if error.name not in ("altair", "vl_convert"):
            raise
        raise MissingExtraError("the report", "server") from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}.part")
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(path)
    except OSError as error:
        raise UserError(
            f"the report cannot be written to {path}: {error.strerror or error}; "
            "give another place with --report"
        ) from error

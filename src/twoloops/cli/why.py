"""`twoloops why [RELEASE]`: why a model was released or refused, in one screen."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.analysis.overview.reasons import Part


def why(
    release: list[str] | None = typer.Argument(
        None,
        metavar="RELEASE",
        help="deployed,  turn N , or the first digits of a model's digest.",
        show_default="deployed",
    ),
    task: str | None = options.TASK,
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Say why a model was released or refused.

    What was asked, the evidence with its figures, what it was compared with, the data, the base
    and its obligations, what it cost, who approved it, what else was judged, and what would have
    changed the verdict.
    """
    from twoloops.analysis.overview.reasons import headline, parts
    from twoloops.wiring.why import why_of
    from twoloops.wiring.workspace import reading

    words = " ".join(release or ()) or "deployed"
    with reading(workspace) as store:
        # A digest names its model whichever task it is of.
        several = task is None and len(store.tasks.all()) > 1
        chosen = None if several else options.task_of(store, task)
        found = why_of(store, words, chosen)
    if json:
        terminal.emit(found)
        return
    terminal.say(headline(found))
    for part in parts(found):
        _tell(part)


def _tell(part: "Part") -> None:
    terminal.say()
    terminal.say(f"{part.title}:")
    passed = part.passed or (None,) * len(part.lines)
    for line, held in zip(part.lines, passed, strict=True):
        mark = "" if held is None else ("ok  " if held else "NO  ")
        terminal.indented(f"{mark}{line}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(why)

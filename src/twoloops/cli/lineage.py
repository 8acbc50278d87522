"""`twoloops lineage`: what a thing was made from, what was made from it, what it carries."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from twoloops.digital.obligations import Graph, Thing
    from twoloops.records.finding import Purpose
    from twoloops.records.obligations import Carried

LINES = 60
"""Lines of a tree printed before the rest is counted."""

FOR: Any = typer.Option(
    "internal", "--for", metavar="PURPOSE", help="Obligations for internal, publish or distribute."
)
UP: Any = typer.Option(False, "--up", help="Only what it rests on.")
DOWN: Any = typer.Option(False, "--down", help="Only what was made from it.")
DEPTH: Any = typer.Option(None, "--depth", min=1, help="Steps away.  [default: all]")
SVG: Any = typer.Option(None, "--svg", metavar="FILE", help="Write the drawing.")
HTML: Any = typer.Option(None, "--html", metavar="FILE", help="Write a page with the drawing.")
CONFIRM: Any = typer.Option(
    None, "--confirm", metavar="TEXT", help="Put on record what was found about WHAT's own terms."
)
BY: Any = typer.Option(None, "--by", metavar="NAME", help="Who says so.")


def lineage(
    what: str = typer.Argument(
        "deployed",
        metavar="[WHAT]",
        help="`deployed`, the first digits of a digest, or the name of a base, a dataset, an "
        "ancestor or a teacher.",
    ),
    up: bool = UP,
    down: bool = DOWN,
    depth: int = DEPTH,
    purpose: str = FOR,
    svg: Path = SVG,
    html: Path = HTML,
    confirm: str = CONFIRM,
    by: str = BY,
    task: str | None = options.TASK,
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Print what a thing was made from, what was made from it, and the obligations it carries.

    Obligations come from dated tables of licences and of teachers' terms, each with the path it
    came by. What stands in the way of the purpose is printed first. A person's word on the terms
    of a base, an ancestor or a teacher goes on record with --confirm and --by; it settles what
    needs one for the purpose, and nothing that stands against it.
    """
    from twoloops.digital.obligations import flow
    from twoloops.records.errors import UserError
    from twoloops.wiring import lineage as wired
    from twoloops.wiring.workspace import now, reading

    for_purpose = options.purpose(purpose)
    if (confirm is None) != (by is None):
        raise UserError("--confirm TEXT and --by NAME go together: what was found, and who says so")
    today = now().date()
    if confirm is not None:
        _confirm(workspace, what, task, confirm, by, for_purpose)
    with reading(workspace) as store:
        graph = wired.graph_of(store)
        thing = wired.find(graph, what, _deployed(store, what, task))
    carried = flow(graph, thing.id, for_purpose, today)
    both = up == down
    part = wired.around(graph, thing, up=up or both, down=down or both, depth=depth)
    written = _write(part, thing, carried, for_purpose, today, svg, html)
    if json:
        terminal.emit(_record(part, thing, carried, for_purpose, today, written))
        return
    _print(part, thing, up=up or both, down=down or both)
    _print_obligations(carried, for_purpose)
    for path in written:
        terminal.say(f"Wrote {path}.")


def _deployed(store: Any, what: str, task: str | None) -> str | None:
    if what != "deployed":
        return None
    release = store.releases.deployed(options.task_of(store, task).name)
    return None if release is None else str(release.model)


def _confirm(
    workspace: Path, what: str, task: str | None, says: str, by: str, purpose: "Purpose"
) -> None:
    from twoloops.records.obligations import Confirmation
    from twoloops.wiring import lineage as wired
    from twoloops.wiring.workspace import now, writing

    with writing(workspace, on_wait=terminal.told) as store:
        thing = wired.find(wired.graph_of(store), what, _deployed(store, what, task))
        at = now()
        wired.confirm(store, thing, Confirmation(by, at.date(), says, (purpose,)), at)


def _write(
    part: "Graph",
    thing: "Thing",
    carried: "Sequence[Carried]",
    purpose: "Purpose",
    today: "date",
    svg: Path | None,
    html: Path | None,
) -> list[str]:
    from twoloops.analysis.lineage.drawing import alone, draw
    from twoloops.analysis.lineage.page import page
    from twoloops.digital.obligations import blocking
    from twoloops.records.errors import UserError
    from twoloops.wiring.replay import write

    texts = []
    if svg is not None:
        drawing = draw(part, thing.id, carried, blocking(carried, purpose))
        texts.append((svg, alone(drawing, f"Lineage of {thing.title}")))
    if html is not None:
        texts.append((html, page(part, thing.id, carried, purpose, today)))
    for path, text in texts:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, text.encode())
        except OSError as error:
            raise UserError(
                f"cannot write {path}: {error.strerror}; name a file you may write"
            ) from error
    return [str(path) for path, _ in texts]


def _record(
    part: "Graph",
    thing: "Thing",
    carried: "Sequence[Carried]",
    purpose: "Purpose",
    today: "date",
    written: list[str],
) -> dict[str, Any]:
    return {
        "what": thing,
        "purpose": purpose,
        "day": today,
        "things": part.things,
        "edges": part.edges,
        "obligations": [
            {
                "kind": one.obligation.kind,
                "text": one.obligation.text,
                "source": one.obligation.source,
                "weight": one.obligation.weight(purpose),
                "blocks": one.blocks(purpose),
                "confirmed": one.confirmed,
                "path": one.path,
            }
            for one in carried
        ],
        "written": written,
    }


def _print(part: "Graph", thing: "Thing", *, up: bool, down: bool) -> None:
    from twoloops.analysis.lineage.text import described, tree

    terminal.say(described(thing))
    for asked, upwards, head in ((up, True, "Rests on:"), (down, False, "Made from it:")):
        if not asked:
            continue
        lines = list(tree(part, thing.id, upwards=upwards))
        print()
        terminal.say(head if lines else f"{head} nothing.")
        for line in lines[:LINES]:
            _item(line)
        if len(lines) > LINES:
            terminal.command(f"and {len(lines) - LINES:,} more lines: see  --html FILE  or  --json")


def _print_obligations(carried: "Sequence[Carried]", purpose: "Purpose") -> None:
    blocked = [one for one in carried if one.blocks(purpose)]
    others = [one for one in carried if not one.blocks(purpose)]
    print()
    if not carried:
        terminal.say(f"Obligations for {purpose!r}: none known.")
    if blocked:
        terminal.say(f"In the way of {purpose!r}:")
        for one in blocked:
            _item(f"  {one.obligation.weight(purpose)} {one}")
    if others:
        terminal.say(f"Carried for {purpose!r}, in nobody's way:")
        for one in others:
            word = one.confirmed
            said = "" if word is None else f"; confirmed by {word.by}, {word.on}: {word.says}"
            _item(f"  {one}{said}")


def _item(text: str) -> None:
    """Print a line, wrapped below its own beginning."""
    import textwrap

    body = text.lstrip("│├└─ ")
    indent = len(text) - len(body)
    rest = text[:indent].replace("├─", "│ ").replace("└─", "  ")
    for line in textwrap.wrap(
        body,
        terminal.WIDTH,
        initial_indent=text[:indent],
        subsequent_indent=f"{rest}  ",
        break_on_hyphens=False,
    ):
        print(line)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(lineage)

"""`twoloops watch`: what is newer or gone upstream, and how what was published is used."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.digital.upstream.port import Use
    from twoloops.wiring.watching import Counted, Watched


def watch(
    add: bool = typer.Option(False, "--add", help="Bring in what is newer, vetted as ever."),
    rebase: bool = typer.Option(
        False, "--rebase", help="Bring it in, and try it on every task of its kind."
    ),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Ask upstream whether there is something newer, and how what was published is used.

    For the Hub that is a new commit, for a package another installed version, for a folder changed
    files. A base whose upstream is gone goes on working. Asked once: let a timer call it.

    Exit code 75 where an upstream could not be asked for now.
    """
    from twoloops.wiring.watching import watch as look

    seen = look(
        workspace,
        adding=add,
        rebasing=rebase,
        wait=wait,
        on_wait=terminal.told,
        tell=lambda words: terminal.say(f"{words} …", err=True),
    )
    if json:
        terminal.emit(seen)
    else:
        _print(seen.watched, workspace)
        _print_published(seen.published)
    states = [one.state for one in seen.watched] + [one.state for one in seen.published]
    if "not asked" in states:
        raise typer.Exit(75)


def _print(rows: "tuple[Watched, ...]", workspace: Path) -> None:
    if not rows:
        terminal.say("No base was added to this workspace, so there is nothing to watch. Add one:")
        terminal.command(options.going_on(workspace, "base add hub:OWNER/NAME"))
        return
    table = terminal.table("base", "held", "newest", "state")
    for one in rows:
        table.add_row(one.base, _short(one.held), _short(one.newest or ""), one.state)
    terminal.show(table)
    for one in rows:
        if one.why:
            terminal.say(f"{one.source}: {one.why}")
        if one.added:
            terminal.say(f"{one.source}: {one.added} was added.")
        for tried in one.tried:
            terminal.say(f"  {tried.base} on {tried.task}: {tried.outcome}. {tried.reason}")
    newer = [one for one in rows if one.state == "newer" and not one.added]
    if newer:
        terminal.say("Bring in what is newer, and try it on every task:")
        terminal.command(options.going_on(workspace, "watch --rebase"))


def _print_published(rows: "tuple[Counted, ...]") -> None:
    for one in rows:
        words = {
            "same": "as published",
            "changed": "its newest commit is not the one published from here",
            "gone": "gone",
            "not asked": "not asked",
        }[one.state]
        terminal.say(f"{one.place}: {words}{f', {used(one.use)}' if one.use else ''}.")
        if one.why:
            terminal.say(f"  {one.why}")


def used(use: "Use") -> str:
    """Say how something published is used, as far as it is counted."""
    counts = {
        "downloads in 30 days": use.downloads,
        "downloads": use.downloads_ever,
        "derivatives": use.derivatives,
    }
    said = [f"{count:,} {what}" for what, count in counts.items() if count is not None]
    return ", ".join(said) or "nothing counted"


def _short(revision: str) -> str:
    return revision.removeprefix("sha256:")[:8]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(watch)

"""`twoloops base add|show|drop`: the bases of a workspace."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.store.rows import StoredBase

WHAT: Any = typer.Argument(
    metavar="SOURCE", help="hub:OWNER/NAME, folder:PATH, package:NAME; or without the prefix."
)
REVISION: Any = typer.Option(
    None, "--revision", metavar="COMMIT", help="Which revision.  [default: the newest]"
)
FILE: Any = typer.Option(None, "--file", metavar="PATH", help="The ONNX file, of several.")
NAME: Any = typer.Option(None, "--name", help="What it is called here.  [default: name@revision]")


def add(
    source: str = WHAT,
    revision: str = REVISION,
    file: str = FILE,
    name: str = NAME,
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Bring a base into the workspace: pulled by revision, vetted, then run on a few inputs.

    It is offered to every task of its kind from then on, alone and beside the built-in features;
    only the gate of a turn or a re-base releases a model on it. Refused is what vetting refuses
    for internal use; what publishing needs is said, and asked for again by publish.
    """
    from twoloops.wiring.bases import add as bring

    done = bring(
        workspace,
        source,
        revision=revision,
        file=file,
        name=name,
        wait=wait,
        on_wait=terminal.told,
        tell=lambda words: terminal.say(f"{words} …", err=True),
    )
    if json:
        terminal.emit({"new": done.new, "base": done.base})
        return
    kept = done.base
    terminal.say(f"{kept.name} is {'added' if done.new else 'here already'}, from {kept.source}.")
    _card(kept)
    print()
    terminal.say("See what it is worth on a task, and let the gate judge it:")
    terminal.command(
        options.going_on(workspace, f"base compare --bases {kept.name}"),
        options.going_on(workspace, f"rebase --to {kept.name}"),
    )


def show(
    name: str | None = typer.Argument(None, help="A base.  [default: list all]"),
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Show the bases that were added to the workspace, or one with its vetting."""
    from twoloops.wiring.workspace import reading

    with reading(workspace) as store:
        kept = [store.bases.get(name)] if name is not None else store.bases.all()
    if json:
        terminal.emit({"bases": kept})
        return
    if name is not None:
        (one,) = kept
        terminal.say(
            f"{one.name}, from {one.source}, added on {one.added_at.date()}"
            + (f", dropped on {one.dropped_at.date()}." if one.dropped_at else ".")
        )
        _card(one)
        return
    if not kept:
        terminal.say(
            "No base was added to this workspace; those that come with twoloops are offered "
            "anyway. Look for others with"
        )
        terminal.command("twoloops base search WORDS")
        return
    table = terminal.table("base", "kind", "dimension", "parameters", "licence", "", right=(2, 3))
    for one in kept:
        table.add_row(
            one.name,
            one.card.input,
            f"{one.card.dimension:,}",
            f"{one.card.parameters / 1e6:,.1f} M",
            one.card.licence,
            "dropped" if one.dropped_at else "",
        )
    terminal.show(table)


def drop(
    name: str = typer.Argument(help="A base that was added."),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """No longer offer a base. Its bytes stay for the models that stand on it."""
    from twoloops.wiring.bases import drop as leave

    kept = leave(workspace, name, wait=wait, on_wait=terminal.told)
    if json:
        terminal.emit({"base": kept})
        return
    terminal.say(f"{kept.name} is no longer offered; adding it again brings it back.")


def _card(kept: "StoredBase") -> None:
    from twoloops.records.digests import short

    card = kept.card
    past = ", ".join(f"{one.relation} {one.name} ({one.licence})" for one in card.lineage)
    for line in (
        f"encodes {card.input}, {card.dimension:,} dimensions, "
        f"{card.parameters / 1e6:,.1f} M parameters, "
        f"{card.operations / 1e6:,.1f} M multiply-adds an input; digest {short(kept.digest)}",
        f"licence {card.licence}, publisher {card.publisher} ({card.origin}), past: "
        f"{past or 'nothing stated'}",
    ):
        terminal.say(line)
    for verdict in kept.vetting.verdicts:
        terminal.say(f"{verdict.purpose}: {verdict.outcome}")
        for because in verdict.because[:6]:
            terminal.say(f"  {because}")

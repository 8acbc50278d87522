"""`twoloops dataset`: versions of a task's dataset, what is in each, and a folder for others."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.physical.exchange.versions import Version

datasets = typer.Typer(
    name="dataset",
    help="List versions of a dataset, show one, export one with Croissant metadata.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

DIGEST: Any = typer.Argument(
    metavar="DIGEST", help="`latest`, or four or more digits of a dataset's digest."
)


@datasets.command(name="list")
def list_(
    task: str | None = typer.Argument(None, help="The task.  [default: the workspace's only one]"),
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """List the versions of a task's dataset by turn, with what their labels cost.

    A turn without new labels freezes the version of an earlier one again; it stands once. Turn -1
    is a list of unlabelled inputs that a large model was asked about.
    """
    from twoloops.physical.exchange.versions import versions_of
    from twoloops.records.digests import short
    from twoloops.wiring.workspace import reading

    with reading(workspace) as store:
        chosen = options.task_of(store, task)
        found = versions_of(store, chosen.name)
    if json:
        terminal.emit({"task": chosen.name, "versions": found})
        return
    if not found:
        terminal.say(
            f"Task {chosen.name!r} has no dataset yet. A turn freezes one from its labels:"
        )
        terminal.command(options.going_on(workspace, f"turn {chosen.name}"))
        return
    table = terminal.table(
        "turn", "digest", "items", "splits", "labellers", "cost", "models", right=(0, 2, 5, 6)
    )
    for one in found:
        table.add_row(
            str(one.turn),
            short(one.digest),
            f"{one.items:,}",
            _counts(one.splits),
            f"{len(one.labellers)}",
            _costs(one),
            f"{len(one.models)}",
        )
    terminal.show(table)


@datasets.command()
def show(
    digest: str = DIGEST,
    task: str | None = options.TASK,
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Show one version: its splits, labels and labellers, its cost, the models made from it."""
    from twoloops.physical.exchange.croissant import limits
    from twoloops.physical.exchange.versions import find_version, version_of
    from twoloops.records.digests import short
    from twoloops.wiring.workspace import reading

    with reading(workspace) as store:
        chosen = options.task_of(store, task)
        one = version_of(store, find_version(store, digest, chosen.name))
    if json:
        terminal.emit(one)
        return
    frozen = "" if one.frozen_at is None else f", frozen {one.frozen_at:%Y-%m-%d %H:%M} UTC"
    terminal.say(f"{one.digest}")
    terminal.say(f"Dataset of task {one.task!r}, turn {one.turn}{frozen}.")
    table = terminal.table("what", "how many")
    table.add_row("items", f"{one.items:,}, with {terminal.items(one.inputs, 'distinct input')}")
    table.add_row("splits", _counts(one.splits))
    table.add_row("chance known", _counts(one.known) or "of none")
    table.add_row("labels", _counts(one.labels) or "none")
    table.add_row("labellers", _counts(one.labellers) or "none")
    table.add_row("cost", _costs(one))
    table.add_row("models", ", ".join(map(short, one.models)) or "none")
    if one.forgotten:
        table.add_row("forgotten", terminal.items(one.forgotten, "input"))
    terminal.show(table)
    for sentence in limits(one):
        terminal.say(sentence)


@datasets.command()
def export(
    digest: str = DIGEST,
    folder: Path = typer.Argument(help="The folder to write; nothing may be there."),
    licence: str | None = typer.Option(
        None, metavar="SPDX", help="Under which licence it is.  [default: unknown, not stated]"
    ),
    creator: str | None = typer.Option(None, metavar="NAME", help="Whose dataset it is."),
    url: str | None = typer.Option(None, metavar="URL", help="Where it is published."),
    names: bool = typer.Option(
        True, "--names/--no-names", help="Name the people who labelled, or number them."
    ),
    format_: str = typer.Option("croissant", "--format", help="croissant; there is no other."),
    task: str | None = options.TASK,
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Write one version as a folder: items.csv, inputs/, croissant.json (Croissant 1.1), README.md.

    The same version gives the same bytes. Nothing is stated that the workspace does not know: a
    licence, a creator and an address are what the options say, or unknown.
    """
    from twoloops.physical.exchange.croissant import Stated
    from twoloops.physical.exchange.folder import export_version
    from twoloops.physical.exchange.versions import find_version
    from twoloops.records.errors import UserError
    from twoloops.wiring.workspace import reading

    if format_ != "croissant":
        raise UserError(f"--format {format_!r} is not  croissant")
    stated = Stated(licence=licence, creator=creator, url=url)
    with reading(workspace) as store:
        chosen = options.task_of(store, task)
        dataset = find_version(store, digest, chosen.name)
        one = export_version(store, dataset, folder, stated, names=names)
    if json:
        terminal.emit({"folder": str(folder), "version": one, "stated": stated})
        return
    terminal.say(
        f"Wrote {terminal.items(one.items, 'item')} of task {one.task!r}, turn {one.turn}, to "
        f"{folder}: "
        "items.csv, items.json, inputs/, croissant.json, README.md."
    )
    if licence is None:
        terminal.say(
            "Its licence is not stated: say it with --licence SPDX before it is published."
        )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _costs(one: "Version") -> str:
    return " + ".join(map(str, one.costs)) or "nothing"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(datasets)

"""`twoloops edge`: what runs at the place of use."""

import typer

from twoloops.cli import edge_update

edges = typer.Typer(
    name="edge",
    help="Run a device: releases verified, tested, swapped and gone back from.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
edge_update.register(edges)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(edges)

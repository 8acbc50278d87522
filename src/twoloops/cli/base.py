"""`twoloops base …`: bases from upstream, looked at, kept, compared on a task."""

import typer

from twoloops.cli import base_compare, base_kept, base_probe, base_search, base_vet


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        name="base",
        help="Bases: find one, look at it before it runs, keep it, compare.",
        no_args_is_help=True,
    )
    group.command()(base_search.search)
    group.command()(base_vet.vet)
    group.command()(base_kept.add)
    group.command()(base_kept.show)
    group.command()(base_kept.drop)
    group.command()(base_compare.compare)
    group.command()(base_probe.probe)

    @group.callback()
    def base() -> None:
        pass

    app.add_typer(group)

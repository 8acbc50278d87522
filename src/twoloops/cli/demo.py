"""`twoloops demo`: the replay of real work orders, with nothing to prepare."""

import typer


def demo(
    out: str | None = typer.Option(
        None, metavar="FOLDER", help="Where it goes.  [default: ./twoloops-replay-excavators]"
    ),
    again: bool = typer.Option(False, "--again", help="Start over what FOLDER holds."),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON object."),
    quiet: bool = typer.Option(False, "--quiet", help="Print nothing on the way."),
) -> None:
    """Replay NIST's real work orders: 5,485 orders of five excavators, 2001 to 2011.

    The same as  twoloops replay excavators . The orders (0.3 MB) are fetched once from the
    package index; it takes about two minutes.
    """
    from twoloops.cli.replaying import Request, execute

    execute(Request(source="excavators", out=out, again=again, json=json, quiet=quiet))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)

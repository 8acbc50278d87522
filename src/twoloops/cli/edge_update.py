"""`twoloops edge update` and `rollback`: releases of an edge by hand; the base install suffices."""

from pathlib import Path

import typer

from twoloops.cli import options, terminal


def update(folder: Path = options.EDGE, json: bool = options.JSON) -> None:
    """Look once for what is assigned to this edge, and take it.

    An edge that runs does so by itself.
    """
    from datetime import UTC, datetime

    from twoloops.edge.home import ORDERS, Home, Orders
    from twoloops.edge.trust.updating import update as updated

    home = Home(folder)
    settings, orders = home.settings(), home.read(ORDERS, Orders)
    takt = None if orders is None else orders.takt
    done = updated(
        home.releases, settings.server, home.token(), lambda: datetime.now(UTC), takt=takt
    )
    if json:
        terminal.emit(done)
    else:
        counts = "no model counts" if done.active is None else f"model {done.active[7:19]} counts"
        terminal.say(f"{done.did}: {done.why}; {counts}.")
    if done.did == "refused":
        raise typer.Exit(1)


def rollback(
    why: str = typer.Option(metavar="TEXT", help="The reason."),
    folder: Path = options.EDGE,
    json: bool = options.JSON,
) -> None:
    """Go back to the model before, without a network; only to one that was verified here.

    An edge that runs takes it up within a second.
    """
    from datetime import UTC, datetime

    from twoloops.edge.home import Home
    from twoloops.edge.trust.updating import roll_back
    from twoloops.records.errors import UserError

    if not why.strip():
        raise UserError("the server is told the reason: say it with  --why TEXT")
    home = Home(folder)
    home.settings()
    done = roll_back(home.releases, why, datetime.now(UTC))
    if json:
        terminal.emit(done)
        return
    terminal.say(
        f"Model {str(done.active)[7:19]} counts again, until the server assigns anew; the one "
        "it left is not tried again before that."
    )


def register(app: typer.Typer) -> None:
    """Add the commands to the group `edge`."""
    app.command()(update)
    app.command()(rollback)

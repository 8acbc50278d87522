"""`twoloops token`: who may ask the server for what."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

import typer

from twoloops.cli import options, terminal

MOST_DAYS = 36_500

tokens = typer.Typer(
    name="token",
    help="Make, list and revoke the tokens that the server asks for.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@tokens.command()
def add(
    name: str = typer.Argument(help="Whose it is: a labeller's answers bear this name."),
    scope: Literal["admin", "labeller", "edge", "reader"] = typer.Option(
        help="admin: everything; labeller: reads and labels; edge: sends; reader: reads."
    ),
    days: float | None = typer.Option(None, help="Expires after so many.  [default: never]"),
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Make a token and print it, this once: only its hash is kept."""
    from twoloops.records.errors import UserError
    from twoloops.wiring.workspace import now, reading

    if days is not None and not 0 < days <= MOST_DAYS:
        raise UserError(f"--days is a number above 0 and at most {MOST_DAYS:,}: got {days:g}")
    at = now()
    with reading(workspace) as store:
        expires = None if days is None else at + timedelta(days=days)
        made, secret = store.tokens.add(name, scope, at, expires)
    if json:
        terminal.emit({"token": secret, "id": made.id, "name": made.name, "scope": scope})
        return
    until = "" if expires is None else f", good until {expires:%Y-%m-%d %H:%M} UTC"
    terminal.say(f"Token of {made.name!r}, scope {scope}{until}, shown this once:")
    terminal.command(secret)


@tokens.command(name="list")
def list_(workspace: Path = options.WORKSPACE, json: bool = options.JSON) -> None:
    """List the tokens, without what is secret of them."""
    from twoloops.wiring.workspace import now, reading

    with reading(workspace) as store:
        found = store.tokens.all()
    if json:
        terminal.emit({"tokens": found})
        return
    table = terminal.table("id", "name", "scope", "made", "state")
    for one in found:
        state = "valid" if one.valid(now()) else "expired"
        if one.revoked_at is not None:
            state = "revoked"
        made = one.created_at.isoformat(sep=" ", timespec="minutes")[:16]
        table.add_row(one.id, one.name, one.scope, made, state)
    terminal.show(table)


@tokens.command()
def revoke(
    id: str = typer.Argument(help="Its id, as  twoloops token list  prints it."),
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Refuse a token from now on; a running server does so at once."""
    from twoloops.wiring.workspace import now, reading

    with reading(workspace) as store:
        gone = store.tokens.revoke(id, now())
    if json:
        terminal.emit(gone)
        return
    terminal.say(f"Token {gone.id} of {gone.name!r} is revoked.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(tokens)

"""`twoloops serve`: the HTTP API and the pages of a workspace."""

import re
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.server.app import Options
    from twoloops.server.serving import Tls

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def serve(
    host: str = typer.Option("127.0.0.1", help="Address to listen at; others reach 0.0.0.0."),
    port: int = typer.Option(8420, min=0, max=65535, help="Port; 0 takes a free one."),
    turn_every: str | None = typer.Option(
        None,
        metavar="TIME",
        help="Open the next turn so long after the last one, if anything came in: 24h, 90m, 7d.  "
        "[default: never]",
    ),
    turn_after: int | None = typer.Option(
        None, min=1, help="Open the next turn once so many observations came in.  [default: never]"
    ),
    allow_host: list[str] = typer.Option(
        [],
        help="Name by which the server may be asked for, beside addresses, localhost and --host; "
        "give it once a name.",
    ),
    rate: float = typer.Option(
        100.0, min=0, help="Requests a second of one token, twice as many at once; 0: any number."
    ),
    certificate: Path | None = typer.Option(None, help="PEM file, with its chain: serve HTTPS."),
    key: Path | None = typer.Option(None, help="PEM file of the certificate's key."),
    insecure_http: bool = typer.Option(
        False,
        "--insecure-http",
        help="Listen beyond this machine without HTTPS: who listens there reads every token.",
    ),
    browser: bool = typer.Option(False, help="Open a browser at the server."),
    workspace: Path = options.WORKSPACE,
) -> None:
    """Serve a workspace: pages for people, an HTTP API for programs, turns by themselves.

    The first start prints an admin token, once. Everything asks for a token; more are made with
    twoloops token add. Open turns go on as soon as their labels are in.
    """
    from twoloops.records.errors import UserError
    from twoloops.server.app import Options
    from twoloops.server.front import own_hosts
    from twoloops.server.scheduler import Schedule
    from twoloops.server.serving import Tls, check_safe

    if (certificate is None) != (key is None):
        raise UserError("HTTPS needs both: --certificate FILE --key FILE")
    tls = None if certificate is None or key is None else Tls(certificate, key)
    check_safe(host, tls, insecure=insecure_http)
    how = Options(
        hosts=own_hosts(host, allow_host),
        rate=rate,
        schedule=Schedule(every=_duration(turn_every), after=turn_after),
    )
    _serve(workspace, host, port, how, tls, browser=browser)


def _serve(
    workspace: Path, host: str, port: int, how: "Options", tls: "Tls | None", *, browser: bool
) -> None:
    import logging

    from twoloops.server.serving import address, alone, bind, first_token, run

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s")
    with alone(workspace):
        listener = bind(host, port)
        token = first_token(workspace)
        url = address(host, listener, tls)
        if token is not None:
            terminal.say("Admin token, shown this once:")
            terminal.command(token)
        _begin_to_sign(workspace)
        terminal.say(f"Serving {workspace} (Ctrl-C ends it) at")
        terminal.command(url)
        sys.stdout.flush()  # whoever started this in the background waits for these lines
        if browser:
            import webbrowser

            webbrowser.open(url)
        run(workspace, listener, url, how, tls)


def _begin_to_sign(workspace: Path) -> None:
    """Make keys where there are none yet: devices take nothing that is not signed."""
    from twoloops.wiring.trust import begin
    from twoloops.wiring.workspace import now

    if begin(workspace, now()):
        terminal.say("Made the keys that sign releases, root's too, on this machine. Take it off:")
        terminal.command(options.going_on(workspace, "keys offline FOLDER"))


def _duration(text: str | None) -> timedelta | None:
    """Return a time as people write it.

    >>> str(_duration("90m"))
    '1:30:00'

    Raises:
        UserError: It is none.
    """
    from twoloops.records.errors import UserError

    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", text.strip())
    if match is None or float(match[1]) <= 0:
        raise UserError(f"--turn-every {text!r} is no time: write 30m, 24h or 7d")
    return timedelta(seconds=float(match[1]) * UNITS[match[2]])


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)

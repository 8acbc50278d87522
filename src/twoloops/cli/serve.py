"""`twoloops serve`: the HTTP API and the pages of a workspace."""

import sys
from pathlib import Path

import typer

from twoloops.cli import options, terminal


def serve(
    host: str = typer.Option("127.0.0.1", help="Address to listen at; others reach 0.0.0.0."),
    port: int = typer.Option(8420, min=0, max=65535, help="Port; 0 takes a free one."),
    workspace: Path = options.WORKSPACE,
) -> None:
    """Serve a workspace: pages for people, an HTTP API for programs, turns by themselves.

    The first start prints an admin token, once. Everything asks for a token; more are made with
    twoloops token add.
    """
    from twoloops.server.serving import bind, first_token, run
    from twoloops.wiring.workspace import reading

    with reading(workspace):  # says what is missing before a port is taken
        pass
    listener = bind(host, port)
    token = first_token(workspace)
    address = listener.getsockname()
    url = f"http://{host}:{address[1]}"
    if token is not None:
        terminal.say("Admin token, shown this once:")
        terminal.command(token)
    terminal.say(f"Serving {workspace} at {url} (Ctrl-C ends it)")
    sys.stdout.flush()  # whoever started this in the background waits for these lines
    run(workspace, listener, url)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)

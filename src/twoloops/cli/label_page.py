"""`twoloops label` alone: open the label page, on the server that runs or on one of its own."""

import sys
from datetime import timedelta
from pathlib import Path

import typer

from twoloops.cli import options, terminal

DAY = timedelta(days=1)
HOST = "127.0.0.1"


def label(
    context: typer.Context,
    task: str | None = typer.Option(
        None, "--task", metavar="NAME", help="The task.  [default: the only one, or a choice]"
    ),
    name: str | None = typer.Option(
        None, "--as", metavar="NAME", help="Who labels.  [default: the name of the login]"
    ),
    browser: bool = typer.Option(
        True, "--browser/--no-browser", help="Open a browser, or print the address to open."
    ),
    workspace: Path = options.WORKSPACE,
) -> None:
    """Open the label page in a browser; or write questions to a file, read answers back.

    Without a command it opens the page of the server that runs on the workspace; where none runs,
    it serves the workspace to this machine alone until Ctrl-C. The address holds a token that may
    label for a day.
    """
    if context.invoked_subcommand is not None:
        return
    from twoloops.server.serving import serving
    from twoloops.wiring.workspace import now, reading

    who = _login() if name is None else name
    with reading(workspace) as store:
        path = "/label" if task is None else f"/label/{store.tasks.get(task).name}"
        made, secret = store.tokens.add(who, "labeller", now(), now() + DAY)
    running = serving(workspace)
    if running is not None:
        _open(running.url, path, secret, who, browser, "")
        return
    try:
        _serve(workspace, path, secret, who, browser)
    finally:
        with reading(workspace) as store:
            store.tokens.revoke(made.id, now())


def _serve(workspace: Path, path: str, secret: str, who: str, browser: bool) -> None:
    """Serve the page to this machine until a signal ends it; turns are left to their command."""
    from twoloops.server.app import Options
    from twoloops.server.front import own_hosts
    from twoloops.server.serving import address, alone, bind, run

    with alone(workspace):
        listener = bind(HOST, 0)  # the browser may come before the server is ready: it waits there
        url = address(HOST, listener, None)
        _open(url, path, secret, who, browser, " (Ctrl-C ends it)")
        run(workspace, listener, url, Options(hosts=own_hosts(HOST)))


def _open(url: str, path: str, secret: str, who: str, browser: bool, more: str) -> None:
    """Lead a browser to the page, or say where it is."""
    import webbrowser
    from urllib.parse import quote, urlencode

    # A server that listens everywhere is reached here; what is behind the # stays in the browser.
    here = url.replace("//0.0.0.0:", "//127.0.0.1:")
    address = f"{here}/login#{urlencode({'token': secret, 'to': quote(path)})}"
    if browser and webbrowser.open(address):
        terminal.say(f"Labelling as {who} at {here}{path}{more}")
    else:
        terminal.say(f"Label as {who}; open this address, good for a day{more}:")
        terminal.command(address)
    sys.stdout.flush()  # whoever started this in the background waits for the address


def _login() -> str:
    import getpass

    from twoloops.records.errors import UserError

    try:
        return getpass.getuser()
    except (OSError, KeyError) as error:
        raise UserError(
            "this login has no name: say who labels with  twoloops label --as NAME"
        ) from error

"""`twoloops edge update` and `rollback`: releases on a device; the base install suffices."""

from pathlib import Path

import typer

from twoloops.cli import options, terminal

FOLDER = typer.Argument(help="The device's folder of releases.")


def update(
    folder: Path = FOLDER,
    server: str = typer.Option(metavar="URL", help="The server's address."),
    token: str = typer.Option(
        metavar="TOKEN", envvar="TWOLOOPS_TOKEN", help="A token of scope edge."
    ),
    root_digest: str | None = typer.Option(
        None,
        metavar="DIGEST",
        help="Enrols: the digest that  twoloops keys show  prints on the server itself.",
    ),
    task: str | None = typer.Option(None, help="Enrols: the device's task."),
    group: str = typer.Option("all", help="Enrols: the device's group."),
    takt: float | None = typer.Option(
        None, min=0, metavar="SECONDS", help="How long a decision may take.  [default: any time]"
    ),
    json: bool = options.JSON,
) -> None:
    """Fetch what is assigned to this device, verify and test it, and make it count.

    Whatever is refused is said, and the model that counts goes on counting.
    """
    from datetime import UTC, datetime

    from twoloops.edge.trust.updating import begin
    from twoloops.edge.trust.updating import update as updated
    from twoloops.records.errors import UserError

    if (root_digest is None) != (task is None):
        raise UserError("to enrol, give both: --root-digest DIGEST --task NAME")
    if root_digest is not None and task is not None:
        begin(folder, root_digest, task, group)
    done = updated(folder, server, token, lambda: datetime.now(UTC), takt=takt)
    if json:
        terminal.emit(done)
    else:
        counts = "no model counts" if done.active is None else f"model {done.active[7:19]} counts"
        terminal.say(f"{done.did}: {done.why}; {counts}.")
    if done.did == "refused":
        raise typer.Exit(1)


def rollback(
    folder: Path = FOLDER,
    why: str = typer.Option(metavar="TEXT", help="The reason."),
    json: bool = options.JSON,
) -> None:
    """Go back to the model before, without a network; only to one that was verified here."""
    from datetime import UTC, datetime

    from twoloops.edge.trust.updating import roll_back

    done = roll_back(folder, why, datetime.now(UTC))
    if json:
        terminal.emit(done)
        return
    terminal.say(f"Model {str(done.active)[7:19]} counts again.")


def register(app: typer.Typer) -> None:
    """Add the commands to the group `edge`."""
    app.command()(update)
    app.command()(rollback)

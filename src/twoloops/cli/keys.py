"""`twoloops keys`: the keys that sign releases for the edges."""

from pathlib import Path

import typer

from twoloops.cli import options, terminal

group = typer.Typer(
    name="keys",
    help="Make, show and replace the keys that sign releases, and take their root offline.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
ROOT_KEY = typer.Option(
    [], metavar="FILE", help="A root key that is offline; give it once a key that is needed."
)


@group.command()
def init(
    root_keys: int = typer.Option(1, min=1, max=16, help="How many keys root has."),
    threshold: int = typer.Option(1, min=1, help="How many of them must sign a new root."),
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Make keys and root on this machine, and sign what is released; the first serve does so too.

    Keys that are there are left as they are.
    """
    from twoloops.wiring.trust import begin, publish
    from twoloops.wiring.workspace import now, reading

    begin(workspace, now(), root_keys, threshold)
    with reading(workspace) as store:
        publish(workspace, store, now())
    show(workspace, json)


@group.command()
def show(workspace: Path = options.WORKSPACE, json: bool = options.JSON) -> None:
    """Show the roles with their keys and expiry, and the digest that devices are enrolled with."""
    from twoloops.wiring.trust_keys import show as shown

    found = shown(workspace)
    if json:
        terminal.emit(found)
        return
    table = terminal.table("role", "version", "expires", "keys", "here", "needed")
    for role in found.roles:
        table.add_row(
            role.name,
            str(role.version),
            role.expires.strftime("%Y-%m-%d"),
            " ".join(one[:8] for one in role.keys),
            str(len(role.here)),
            str(role.threshold),
        )
    terminal.show(table)
    terminal.say("Devices are enrolled with the digest of the root:")
    terminal.command(found.root_digest)
    if not found.offline:
        terminal.say("The root's key lies on this machine. Move it to a stick that is put away:")
        terminal.command(options.going_on(workspace, "keys offline FOLDER"))


@group.command()
def rotate(
    role: str | None = typer.Argument(
        None, help="root, targets, snapshot or timestamp; left out, root is only signed again."
    ),
    root_key: list[Path] = ROOT_KEY,
    old: str | None = typer.Option(None, metavar="KEY", help="Which key, where there are several."),
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Replace a role's key by a new one, and sign again what it signed; devices follow."""
    from twoloops.wiring.trust_keys import rotate as rotated
    from twoloops.wiring.workspace import now

    made = rotated(workspace, role, root_key, now(), old)
    if json:
        terminal.emit(made)
        return
    what = "signed again" if made.role is None else f"the key of {made.role} is replaced"
    terminal.say(f"Root is version {made.root_version}: {what}.")
    if made.file is not None:
        terminal.say(f"The new root key: {made.file}")


@group.command()
def offline(
    folder: Path = typer.Argument(help="A folder outside of the workspace: a stick."),
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Move the root's keys out of the workspace; they are needed only to replace keys."""
    from twoloops.wiring.trust_keys import offline as moved

    written = moved(workspace, folder)
    if json:
        terminal.emit({"files": [str(one) for one in written]})
        return
    for path in written:
        terminal.say(f"The root's key lies at {path}, and no longer in the workspace.")
    terminal.say("Keep it where no network is, and a copy: without it no key can be replaced.")


@group.command()
def refresh(workspace: Path = options.WORKSPACE, json: bool = options.JSON) -> None:
    """Sign what is new, and again what would expire, as the server does by itself every day."""
    from twoloops.wiring.trust import publish
    from twoloops.wiring.workspace import now, reading

    with reading(workspace) as store:
        done = publish(workspace, store, now())
    if json:
        terminal.emit(done)
        return
    for one in done.assigned:
        terminal.say(f"Group {one.group} of {one.task}: model {one.model[7:19]} ({one.mode}).")
    signed = ", ".join(done.signed) or "nothing"
    news = done.models or done.withdrawn or done.assigned
    terminal.say("Signed what is new." if news else f"Nothing is new; signed again: {signed}.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group)

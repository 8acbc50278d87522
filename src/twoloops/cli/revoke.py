"""`twoloops revoke MODEL`: a model, and what was made from it, is no longer deployed."""

from pathlib import Path

import typer

from twoloops.cli import options, terminal


def revoke(
    model: str = typer.Argument(help="The first digits of a model's digest."),
    reason: str = typer.Option(metavar="TEXT", help="Why; goes on record."),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Revoke a model for good, replace what was made from it, and show everything that rests on it.

    Models made from it that are in force, assigned to a group of edges or being rolled out are
    revoked with it. Each task goes back to its last good release that was not made from it, or to
    none: its edges take the fail-safe. Where releases are signed, the edges are told at once.
    """
    from twoloops.records.digests import short
    from twoloops.records.errors import UserError
    from twoloops.wiring import exporting, revoking
    from twoloops.wiring.workspace import writing

    if model == "deployed":
        raise UserError(
            "name the model by the first digits of its digest, see  twoloops status : after a "
            "revocation another one is deployed, and the same command would revoke that too"
        )
    with writing(workspace, wait=wait, on_wait=terminal.told) as store:
        done = revoking.revoke(store, exporting.find(store, model, None), reason, workspace)
    if json:
        terminal.emit(done)
        return
    already = "was revoked already" if done.before else "is revoked"
    terminal.say(f"Model {short(done.model)} {already} ({done.at:%Y-%m-%d}: {done.reason}).")
    for digest in done.also:
        terminal.say(f"Model {short(digest)} was made from it, and is revoked with it.")
    for back in done.withdrawn:
        terminal.say(
            f"The release of {short(back.model)}, task {back.task!r}, made from it, is withdrawn."
        )
    for one in done.replaced:
        if one.instead is None:
            terminal.say(
                f"Task {one.task!r} has no release left: nothing is deployed, its edges take the "
                "fail-safe."
            )
        else:
            terminal.say(f"Task {one.task!r} is back on model {short(one.instead)}.")
    if done.signed:
        terminal.say("Assignments and revocations are signed: edges follow when they next ask.")
    rests = [
        *(f"{one.kind} {short(one.digest)}  {one.title}" for one in done.descendants),
        *(f"release of {short(one.model)}, task {one.task}, "
          f"{'adopted' if one.turn < 0 else f'turn {one.turn}'}"
          for one in done.releases),
        *(f"edge {one.edge} ran {short(one.model)} on {one.last_seen:%Y-%m-%d %H:%M}"
          for one in done.edges),
    ]  # fmt: skip
    terminal.say("What rests on it:" if rests else "Nothing rests on it.")
    for line in rests:
        terminal.command(line)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(revoke)

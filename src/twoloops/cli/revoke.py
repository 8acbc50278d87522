"""`twoloops revoke MODEL`: a model is no longer deployed, exported or published."""

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
    """Revoke a model for good, and show everything that rests on it.

    Where it was deployed, the release before it that was not revoked is in force again. Models
    made from it are shown and stay as they are.
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
        done = revoking.revoke(store, exporting.find(store, model, None), reason)
    if json:
        terminal.emit(done)
        return
    already = "was revoked already" if done.before else "is revoked"
    terminal.say(f"Model {short(done.model)} {already} ({done.at:%Y-%m-%d}: {done.reason}).")
    for one in done.replaced:
        if one.instead is None:
            terminal.say(f"Task {one.task!r} has no release left: nothing is deployed.")
        else:
            terminal.say(f"Task {one.task!r} is back on model {short(one.instead)}.")
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

"""`twoloops adopt DIR`: take a published model into this workspace."""

from pathlib import Path

import typer

from twoloops.cli import options, terminal


def adopt(
    folder: Path = typer.Argument(
        metavar="DIR", help="A folder that  twoloops publish  wrote, or hub:OWNER/NAME[@COMMIT]."
    ),
    task: str = typer.Option(
        metavar="NAME", help="Its task here; one that is not there is made after the publisher's."
    ),
    key: Path | None = typer.Option(
        None, metavar="PUBLIC", help="The publisher's public key: checks the signature."
    ),
    deploy: bool = typer.Option(
        False, "--deploy", help="Deploy it, by a person's word and not by the gate's."
    ),
    reason: str = typer.Option("", metavar="TEXT", help="Why it is deployed; goes on record."),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Verify a published model and keep it here, with its past.

    It decides nothing until somebody deploys it with --deploy --reason TEXT: the journal says
    that a person did so and no gate was asked.
    """
    from twoloops.cli.task import _check_name
    from twoloops.records.digests import short
    from twoloops.records.errors import UserError
    from twoloops.wiring import adopting
    from twoloops.wiring.upstreams import published
    from twoloops.wiring.workspace import writing

    _check_name(task)
    if deploy != bool(reason.strip()):
        raise UserError(
            "a person's release needs both  --deploy  and  --reason TEXT : say why it is deployed, "
            "or leave both out to keep the model only"
        )
    # Pulled before the workspace is locked: a download may take long.
    there = published(str(folder), lambda words: terminal.say(f"{words} …", err=True))
    with writing(workspace, wait=wait, on_wait=terminal.told) as store:
        done = adopting.adopt(store, there, task, public=key, reason=reason.strip())
    if json:
        terminal.emit(done)
        return
    made = "a new task" if done.new_task else "the task"
    known = " was here already; it" if done.known else ""
    terminal.say(f"Model {short(done.model)}{known} is kept for {made} {done.task!r}.")
    terminal.say(f"Signature {done.signature}.")
    for one in done.obligations:
        terminal.say(f"- {one}")
    if done.deployed:
        terminal.say("It is deployed, by a person's word: no gate was asked.")
        terminal.command(options.going_on(workspace, f"decide INPUT --task {done.task}"))
        return
    terminal.say("It is not deployed. Deploy it with")
    words = f"adopt {folder} --task {done.task} --deploy --reason TEXT"
    terminal.command(options.going_on(workspace, words))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(adopt)

"""`twoloops init`, `status` and `doctor`: the workspace as a whole."""

from pathlib import Path

import typer

from twoloops.cli import options, terminal


def init(
    folder: Path = typer.Argument(Path(), show_default="this folder", help="The new workspace."),
    from_replay: Path | None = typer.Option(
        None, metavar="REPLAY", help="Go on where the replay in this folder ended."
    ),
    wait: float = options.WAIT,
) -> None:
    """Make a workspace: a folder with a catalog, blobs and a journal; no server.

    With --from-replay it holds the replay's task, releases, datasets and journal, and the task
    goes on at the next turn.
    """
    from twoloops.wiring.beginning import begin, begin_from_replay

    if from_replay is None:
        begin(folder, wait=wait, on_wait=terminal.told)
        terminal.say(f"Made the workspace {folder}. Say what is to be decided with")
        terminal.command(
            options.going_on(folder, "task add NAME --kind text --labels A,B --normal A")
        )
        return
    task = begin_from_replay(folder, from_replay, wait=wait, on_wait=terminal.told)
    terminal.say(f"Made the workspace {folder} from {from_replay}, with task {task.name!r}.")
    terminal.say("Go on with")
    terminal.command(
        options.going_on(folder, f"ingest SOURCE --task {task.name}"),
        options.going_on(folder, f"turn {task.name}"),
        options.going_on(folder, "status"),
    )


def status(workspace: Path = options.WORKSPACE, json: bool = options.JSON) -> None:
    """Show each task: its release and evidence, its open turn, labels, money and accuracy."""
    from twoloops.cli.standing import print_status
    from twoloops.wiring.status import status_of

    found = status_of(workspace)
    if json:
        terminal.emit(found)
    else:
        print_status(found, workspace)


def doctor(workspace: Path = options.WORKSPACE, json: bool = options.JSON) -> None:
    """Check Python, extras, disk, clock and the workspace; exits 1 where something is wrong."""
    from twoloops.wiring.doctor import examine

    findings = examine(workspace)
    healthy = all(finding.well for finding in findings)
    if json:
        terminal.emit({"healthy": healthy, "findings": findings})
    else:
        table = terminal.table("", "what", "finding")
        for finding in findings:
            table.add_row("ok" if finding.well else "!", finding.what, finding.detail)
        terminal.show(table)
    if not healthy:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (init, status, doctor):
        app.command()(command)

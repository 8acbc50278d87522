"""`twoloops ingest SOURCE`: the local edge sees a file's rows."""

from pathlib import Path

import typer

from twoloops.cli import options, terminal

LISTED = 5


def ingest(
    source: str = typer.Argument(help="A file or folder, as for  twoloops replay ."),
    task: str | None = options.TASK,
    text: str | None = typer.Option(None, help="Column of the input, for texts."),
    channels: str | None = typer.Option(
        None, metavar="A,B", help="Columns (or prefixes, or arrays) of the input, for signals."
    ),
    label: str | None = typer.Option(None, help="Column of the labels, for --with-labels."),
    time: str | None = typer.Option(None, help="Column of the time of arrival."),
    time_format: str | None = typer.Option(None, help="Its format, as strptime takes it."),
    origin: str | None = typer.Option(None, help="Column of the part or recording."),
    key: str | None = typer.Option(
        None,
        help="Column of what the plant calls the row (a serial number), to which outcomes are "
        "joined.  [default: none; the file's name of an image]",
    ),
    source_name: str | None = typer.Option(
        None,
        help="Name under which rows are known; give one where a file of the same name holds "
        "other rows each day.  [default: the file's name]",
    ),
    with_labels: bool = typer.Option(
        False, "--with-labels", help="Take in the labels of new rows too, as labeller history."
    ),
    new_labels: bool = typer.Option(
        False, "--new-labels", help="Add labels that the task does not have."
    ),
    accept_licence: bool = typer.Option(
        False, "--accept-licence", help="Accept the non-commercial licence of solar-cells."
    ),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Decide on a source's rows with the deployed model, and keep what is worth keeping.

    Labels in the source are not used unless --with-labels is given. A row counts once however
    often its file is given: it is known by the file's name, its input, its time where the source
    has times, and how many like it came before in the file. Items that cannot be read are
    quarantined and listed.
    """
    from twoloops.physical.history.options import Mapping
    from twoloops.wiring.ingesting import read_source, take_in
    from twoloops.wiring.workspace import writing

    mapping = Mapping(
        text=text,
        channels=tuple(name for name in (channels or "").split(",") if name),
        label=label,
        time=time,
        time_format=time_format,
        origin=origin,
        key=key,
    )
    with writing(workspace, wait=wait, on_wait=terminal.told) as store:
        chosen = options.task_of(store, task)
        reading = read_source(source, mapping, accept_licence=accept_licence)
        for guess in reading.guesses:
            terminal.say(f"guessed: {guess}", err=True)
        done = take_in(
            store,
            workspace,
            chosen,
            reading,
            name=source_name or Path(source).name,
            with_labels=with_labels,
            new_labels=new_labels,
        )
    if json:
        terminal.emit(done)
        return
    known = f", {done.known:,} of them known already" if done.known else ""
    terminal.say(f"{source}: {terminal.items(done.rows, 'row')}{known}.")
    if done.model is None:
        terminal.say(
            f"No model is deployed yet: {terminal.items(done.kept, 'was', 'were')} kept for "
            f"{done.period}."
        )
    else:
        terminal.say(f"{done.decided:,} decided, {done.kept:,} kept for {done.period}.")
    if done.labels:
        terminal.say(f"{terminal.items(done.labels, 'label')} came with them.")
    if done.quarantined:
        known = f", {done.already_quarantined:,} known" if done.already_quarantined else ""
        terminal.say(f"{len(done.quarantined):,} could not be used (quarantined{known}):")
        for sentence in done.quarantined[:LISTED]:
            terminal.say(f"  {sentence}")
        if len(done.quarantined) > LISTED:
            terminal.say(f"  and {len(done.quarantined) - LISTED:,} more: --json lists all")
    terminal.say("Go on with")
    terminal.command(options.going_on(workspace, f"turn {done.task}"))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(ingest)

"""`twoloops outcome import FILE`: what became of items, joined by their keys."""

from pathlib import Path

import typer

from twoloops.cli import options, terminal

LISTED = 5

outcomes = typer.Typer(
    name="outcome",
    help="Take in what became of items, measured later.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@outcomes.callback()
def _group() -> None:
    """Take in what became of items, measured later."""


@outcomes.command(name="import")
def import_(
    file: Path = typer.Argument(help="A CSV file with a row for each outcome."),
    source: str = typer.Option(
        metavar="NAME", help="Whose outcomes they are: the labeller is outcome:NAME."
    ),
    key: str = typer.Option("key", help="Column of what the observation is called."),
    label: str = typer.Option("label", help="Column of what it turned out to be."),
    at: str | None = typer.Option(None, help="Column of when that was found.  [default: now]"),
    new_labels: bool = typer.Option(
        False, "--new-labels", help="Add labels that the task does not have."
    ),
    task: str | None = options.TASK,
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Join outcomes ("the part came back") to observations by the key they were ingested with.

    They cost nothing and train from the next dataset on. They judge nothing unless the
    observation was drawn to judge: outcomes are known only of what was shipped. Rows whose key
    is unknown, or names several observations, are listed and quarantined; reading the file again
    joins what has come in since, and changes nothing else.
    """
    from twoloops.physical.outcomes import Columns, import_outcomes
    from twoloops.wiring.workspace import now, writing

    with writing(workspace, wait=wait, on_wait=terminal.told) as store:
        chosen = options.task_of(store, task)
        done = import_outcomes(
            store,
            chosen.name,
            file,
            Columns(key=key, label=label, at=at),
            source=source,
            at=now(),
            new_labels=new_labels,
        )
    if json:
        terminal.emit({"task": chosen.name, "outcomes": done})
        return
    blank = f", {terminal.items(done.blank, 'row')} without one" if done.blank else ""
    terminal.say(
        f"{terminal.items(done.rows, 'outcome')}{blank}: {terminal.items(done.new, 'new label')}, "
        f"{terminal.items(done.known, 'was', 'were')} known."
    )
    if done.unasked:
        terminal.say(f"{done.unasked:,} of observations that nobody was asked about: they train.")
    if done.added:
        terminal.say(f"New labels of task {chosen.name!r}: {', '.join(done.added)}.")
    for what, rows in (
        ("match no observation", done.unmatched),
        ("match several observations", done.ambiguous),
        ("cannot be taken in", done.refused),
    ):
        if rows:
            terminal.say(f"{len(rows):,} {what} (quarantined):")
            for row in rows[:LISTED]:
                terminal.say(f"  {row}")
            if len(rows) > LISTED:
                terminal.say(f"  and {len(rows) - LISTED:,} more: --json lists all")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.add_typer(outcomes)

"""`twoloops label`: open the label page; write open questions to a file, read answers back."""

from pathlib import Path

import typer

from twoloops.cli import label_page, options, terminal

labels = typer.Typer(
    name="label",
    rich_markup_mode=None,
)
labels.callback(invoke_without_command=True)(label_page.label)


@labels.command()
def export(
    file: Path = typer.Argument(help="The CSV file to write."),
    task: str | None = options.TASK,
    force: bool = typer.Option(False, "--force", help="Replace a file that is there."),
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Write the observations to label as a CSV file with an empty label column.

    Signals and images are written beside it, into a folder of its name. What the model decided
    is left out: it would sway the answer.
    """
    from twoloops.physical.labelling.csv_file import export_questions
    from twoloops.physical.labelling.questions import open_questions
    from twoloops.records.errors import UserError
    from twoloops.wiring.workspace import reading

    with reading(workspace) as store:
        chosen = options.task_of(store, task)
        if not open_questions(store, chosen.name):
            raise UserError(
                f"task {chosen.name!r} asks for no label now:  twoloops turn {chosen.name}  says "
                "what it waits for"
            )
        if file.exists() and not force:
            raise UserError(
                f"{file} is there already, perhaps with answers in it: name another file, or "
                "replace it with --force"
            )
        try:
            count = export_questions(store, chosen.name, file)
        except OSError as error:
            raise UserError(
                f"cannot write {file}: {error.strerror}; name a file in a folder you may write to"
            ) from error
    if json:
        terminal.emit({"task": chosen.name, "questions": count, "file": str(file)})
        return
    terminal.say(
        f"Wrote {count:,} observations to {file}. Fill in the label column with one of "
        f"{', '.join(chosen.labels)}; then"
    )
    terminal.command(options.going_on(workspace, f"label import {file}"))


@labels.command(name="import")
def import_(
    file: Path = typer.Argument(help="The CSV file with the label column filled in."),
    task: str | None = options.TASK,
    labeller: str = typer.Option(
        "import", help="Whose answers they are, where the file does not say: a person's name."
    ),
    new_labels: bool = typer.Option(
        False, "--new-labels", help="Add labels that the task does not have."
    ),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Read labels from a CSV file with the columns observation,label[,labeller].

    Lines without a label stay open. Reading a file twice changes and costs nothing. Where
    anything is wrong with the file, nothing of it is taken in and every problem is told.
    """
    from twoloops.physical.labelling.csv_file import import_labels
    from twoloops.physical.labelling.questions import open_questions
    from twoloops.wiring.workspace import now, writing

    who = labeller if ":" in labeller or labeller == "history" else f"person:{labeller}"
    with writing(workspace, wait=wait, on_wait=terminal.told) as store:
        chosen = options.task_of(store, task)
        done = import_labels(
            store, chosen.name, file, at=now(), labeller=who, new_labels=new_labels
        )
        left = len(open_questions(store, chosen.name))
    if json:
        terminal.emit({"task": chosen.name, **done._asdict(), "open": left})
        return
    cost = "" if done.cost is None else f", for {done.cost}"
    terminal.say(f"{done.new:,} new labels{cost}; {done.repeated:,} were known.")
    if done.added:
        terminal.say(f"New labels of task {chosen.name!r}: {', '.join(done.added)}.")
    terminal.say(f"{left:,} questions are open." if left else "Every question is answered.")
    terminal.say("Go on with")
    words = f"label export FILE --task {chosen.name}" if left else f"turn {chosen.name}"
    terminal.command(options.going_on(workspace, words))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(labels)

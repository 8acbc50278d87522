"""`twoloops label`: open the label page; write open questions to a file, read answers back."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from twoloops.cli import label_page, label_quality, label_study, options, terminal

if TYPE_CHECKING:
    from twoloops.records.task import Task
    from twoloops.store.workspace import Store

labels = typer.Typer(
    name="label",
    rich_markup_mode=None,
)
labels.callback(invoke_without_command=True)(label_page.label)


FORMATS = ("csv", "label-studio")
FORMAT: Any = typer.Option(
    None, "--format", metavar="NAME", help="csv or label-studio.  [default: by the file's name]"
)
LABELLED: Any = typer.Option(
    False, "--labelled", help="Label Studio: what has labels, with them, not the open questions."
)
PREDICTIONS: Any = typer.Option(
    False, "--with-predictions", help="Label Studio: show what the model decided."
)
BESIDE: Any = typer.Option(
    False, "--beside", help="Label Studio: images as files beside, for local file serving."
)


@labels.command()
def export(
    file: Path = typer.Argument(help="The file to write: .csv, or .json for Label Studio."),
    task: str | None = options.TASK,
    format_: str = FORMAT,
    labelled: bool = LABELLED,
    predictions: bool = PREDICTIONS,
    beside: bool = BESIDE,
    force: bool = typer.Option(False, "--force", help="Replace a file that is there."),
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Write the observations to label to a file: CSV, or tasks for Label Studio.

    A CSV file has an empty label column; signals and images are written beside it, into a folder
    of its name. Label Studio's JSON has its labeling config beside it. What the model decided is
    left out: it would sway the answer.
    """
    from twoloops.physical.labelling.label_studio import config_path
    from twoloops.records.errors import UserError
    from twoloops.wiring.workspace import reading

    studio = _format(file, format_) == "label-studio"
    if not studio and (labelled or predictions or beside):
        raise UserError(
            "--labelled, --with-predictions and --beside are for Label Studio: add  "
            "--format label-studio"
        )
    with reading(workspace) as store:
        chosen = options.task_of(store, task)
        _refuse_nothing(store, chosen, labelled=labelled)
        for one in (file, config_path(file)) if studio else (file,):
            if one.exists() and not force:
                raise UserError(
                    f"{one} is there already, perhaps with answers in it: name another file, or "
                    "replace it with --force"
                )
        try:
            count = _write(store, chosen.name, file, studio, labelled, predictions, beside)
        except OSError as error:
            raise UserError(
                f"cannot write {file}: {error.strerror}; name a file in a folder you may write to"
            ) from error
    if json:
        config = {"config": str(config_path(file))} if studio else {}
        terminal.emit({"task": chosen.name, "questions": count, "file": str(file), **config})
        return
    if studio:
        terminal.say(
            f"Wrote {terminal.items(count, 'task')} to {file} and the labeling config to "
            f"{config_path(file)}. In Label Studio make a project with that config, import the "
            "file, label, export as "
            "JSON; then"
        )
    else:
        terminal.say(
            f"Wrote {terminal.items(count, 'observation')} to {file}. Fill in the label column "
            f"with one of {', '.join(chosen.labels)}; then"
        )
    terminal.command(options.going_on(workspace, f"label import {'FILE' if studio else file}"))


def _format(file: Path, name: str | None) -> str:
    """Return the format asked for, or the one that the file's name says.

    Raises:
        UserError: There is no such format, or a file's config would overwrite it.
    """
    from twoloops.records.errors import UserError

    chosen = name or ("label-studio" if file.suffix.lower() == ".json" else "csv")
    if chosen not in FORMATS:
        raise UserError(f"--format {chosen!r} is not  {' or '.join(FORMATS)}")
    if chosen == "label-studio" and file.suffix.lower() == ".xml":
        raise UserError(f"{file} is where the labeling config goes: name a .json file")
    return chosen


def _refuse_nothing(store: "Store", task: "Task", *, labelled: bool) -> None:
    """Refuse to write a file without tasks.

    Raises:
        UserError: Nothing is asked for; or nothing is labelled, where that was to be written.
    """
    from twoloops.physical.labelling.quality.looks import open_looks
    from twoloops.physical.labelling.questions import open_questions
    from twoloops.records.errors import UserError

    if labelled and not store.labels.count(task.name):
        raise UserError(f"task {task.name!r} has no labels yet: leave out --labelled")
    asked = open_questions(store, task.name) or open_looks(store, task.name)
    if not labelled and not asked:
        raise UserError(
            f"task {task.name!r} asks for no label now:  twoloops turn {task.name}  says "
            "what it waits for"
        )


def _write(
    store: "Store",
    task: str,
    file: Path,
    studio: bool,
    labelled: bool,
    predictions: bool,
    beside: bool,
) -> int:
    from twoloops.physical.labelling.csv_file import export_questions
    from twoloops.physical.labelling.label_studio import export_tasks

    if not studio:
        return export_questions(store, task, file)
    return export_tasks(
        store, task, file, labelled=labelled, predictions=predictions, beside=beside
    )


@labels.command(name="import")
def import_(
    file: Path = typer.Argument(help="The filled-in CSV file, or Label Studio's JSON export."),
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
    """Read labels from a CSV file, or from Label Studio's JSON or JSON-MIN export.

    A CSV file has the columns observation,label[,labeller]; lines without a label stay open. A
    task skipped in Label Studio is one of which its annotator cannot tell. Reading a file twice
    changes and costs nothing. Where anything is wrong with the file, nothing of it is taken in and
    every problem is told.
    """
    from twoloops.physical.labelling.files import import_answers
    from twoloops.physical.labelling.questions import open_questions
    from twoloops.wiring.workspace import now, writing

    who = labeller if ":" in labeller or labeller == "history" else f"person:{labeller}"
    with writing(workspace, wait=wait, on_wait=terminal.told) as store:
        chosen = options.task_of(store, task)
        done = import_answers(
            store, chosen.name, file, at=now(), labeller=who, new_labels=new_labels
        )
        left = len(open_questions(store, chosen.name))
    if json:
        terminal.emit({"task": chosen.name, **done._asdict(), "open": left})
        return
    cost = "" if done.cost is None else f", for {done.cost}"
    terminal.say(
        f"{terminal.items(done.new, 'new label')}{cost}; "
        f"{terminal.items(done.repeated, 'was', 'were')} known."
    )
    if done.passed:
        terminal.say(f"Skipped, because somebody could not tell: {done.passed:,}.")
    if done.added:
        terminal.say(f"New labels of task {chosen.name!r}: {', '.join(done.added)}.")
    terminal.say(
        f"{terminal.items(left, 'question is', 'questions are')} open."
        if left
        else "Every question is answered."
    )
    terminal.say("Go on with")
    words = f"label export FILE --task {chosen.name}" if left else f"turn {chosen.name}"
    terminal.command(options.going_on(workspace, words))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    label_quality.register(labels)
    label_study.register(labels)
    app.add_typer(labels)

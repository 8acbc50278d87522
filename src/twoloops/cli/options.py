"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from twoloops.cli import terminal

if TYPE_CHECKING:
    from twoloops.records.finding import Purpose
    from twoloops.records.task import Task
    from twoloops.store.workspace import Store


def _noted(folder: Path) -> Path:
    """Take note of the workspace, for the commands that sentences name."""
    terminal.in_workspace(folder)
    return folder


WORKSPACE: Any = typer.Option(
    Path(),
    "--workspace",
    "-w",
    metavar="FOLDER",
    envvar="TWOLOOPS_WORKSPACE",
    callback=_noted,
    show_default="this folder",
    help="The workspace.",
)
WAIT: Any = typer.Option(10.0, min=0, help="Seconds to wait for another writer.")
JSON: Any = typer.Option(False, "--json", help="Print one JSON object instead.")
TASK: Any = typer.Option(
    None, "--task", metavar="NAME", help="The task.  [default: the workspace's only one]"
)
EDGE: Any = typer.Option(
    Path("twoloops-edge"),
    "--folder",
    metavar="FOLDER",
    envvar="TWOLOOPS_EDGE",
    help="The edge's folder: its token, spool and models.",
)


def task_of(store: "Store", name: str | None) -> "Task":
    """Return the task named, or the only one there is.

    Raises:
        UserError: There is none, none of that name, or several and none was named.
    """
    from twoloops.records.errors import UserError

    if name is not None:
        return store.tasks.get(name)
    tasks = store.tasks.all()
    if len(tasks) == 1:
        return tasks[0]
    if not tasks:
        raise UserError(
            "this workspace has no task yet: add one with  twoloops task add NAME --kind text "
            "--labels A,B"
        )
    raise UserError(f"name one of the tasks {[task.name for task in tasks]}")


def purpose(name: str) -> "Purpose":
    """Return the purpose that --for names.

    Raises:
        UserError: It names none.
    """
    from twoloops.records.errors import UserError
    from twoloops.records.finding import PURPOSES

    found = next((one for one in PURPOSES if one == name), None)
    if found is None:
        raise UserError(f"--for takes one of {list(PURPOSES)}, got {name!r}")
    return found


def going_on(workspace: Path, words: str) -> str:
    """Return a command that goes on in the same workspace."""
    import shlex

    where = "" if workspace == Path() else f" --workspace {shlex.quote(str(workspace))}"
    return f"twoloops {words}{where}"

"""`twoloops export MODEL DIR`: one model as files that an edge can run."""

from pathlib import Path

import typer

from twoloops.cli import options, terminal


def export(
    model: str = typer.Argument(help="`deployed`, or the first digits of a model's digest."),
    folder: Path = typer.Argument(metavar="DIR", help="The folder to write."),
    task: str | None = options.TASK,
    force: bool = typer.Option(False, "--force", help="Replace the files of a folder."),
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Write a model's ONNX file, its card, a README with the model hub's keys, and an example.

    The example and  twoloops decide --model DIR  need the base install only.
    """
    from twoloops.wiring import exporting
    from twoloops.wiring.workspace import reading

    with reading(workspace) as store:
        chosen = options.task_of(store, task) if model == "deployed" else None
        found = exporting.find(store, model, chosen)
        files = exporting.export(store, found, folder, force=force)
    if json:
        terminal.emit({"model": found.digest, "task": found.task, "files": list(map(str, files))})
        return
    sizes = ", ".join(f"{path.name} ({path.stat().st_size / 1e6:.2f} MB)" for path in files[:1])
    others = ", ".join(path.name for path in files[1:])
    terminal.say(f"Wrote {sizes}, {others} to {folder}. Try")
    terminal.command(f"twoloops decide --model {folder} INPUT")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(export)

"""`twoloops decide INPUT…`: what the deployed model says of inputs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.edge.runtime import Runtime
    from twoloops.records.observation import Decision
    from twoloops.records.task import Kind


def decide(
    inputs: list[str] = typer.Argument(
        help="Texts; or files (.npy windows, images, .txt); or - for stdin, a text a line."
    ),
    task: str | None = options.TASK,
    model: Path | None = typer.Option(
        None,
        metavar="FOLDER",
        help="Use an exported model instead of a workspace; needs the base install only.",
    ),
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Decide on inputs with the deployed model, by the same code as at the edge.

    Nothing is kept:  twoloops ingest  is for inputs that the loops are to learn from.
    """
    runtime = _exported(model) if model is not None else _deployed(workspace, task)
    names, data = _read(inputs, runtime.kind, runtime.shape)
    decisions = runtime.decide(data)
    if json:
        terminal.emit(
            {
                "task": runtime.card.task,
                "model": runtime.digest,
                "labels": runtime.card.labels,
                "threshold": runtime.card.threshold,
                "decisions": [
                    {"input": name, **_figures(runtime, decision)}
                    for name, decision in zip(names, decisions, strict=True)
                ],
            }
        )
        return
    for name, decision in zip(names, decisions, strict=True):
        figures = sorted(
            zip(decision.probabilities, runtime.card.labels, strict=True), reverse=True
        )
        shown = ", ".join(f"{label} {p:.3f}" for p, label in figures[:3])
        print(f"{decision.label}\t({shown}; novelty {decision.novelty:.2f})\t{name}")


def _figures(runtime: "Runtime", decision: "Decision") -> dict[str, object]:
    import msgspec

    figures: dict[str, object] = msgspec.to_builtins(decision)
    figures["probabilities"] = dict(zip(runtime.card.labels, decision.probabilities, strict=True))
    return figures


def _exported(place: Path) -> "Runtime":
    from twoloops.wiring.edge import runtime

    return runtime(place)


def _deployed(workspace: Path, task: str | None) -> "Runtime":
    from twoloops.edge.runtime import Runtime
    from twoloops.records.errors import UserError
    from twoloops.wiring.workspace import reading

    with reading(workspace) as store:
        chosen = options.task_of(store, task)
        release = store.releases.deployed(chosen.name)
        if release is None:
            raise UserError(
                f"no model of task {chosen.name!r} is released yet: go on with  "
                f"twoloops turn {chosen.name}"
            )
        return Runtime(store.models.get(release.model))


def _read(
    words: list[str], kind: "Kind", shape: tuple[int, int] | None
) -> tuple[list[str], list[bytes]]:
    """Return names and raw bytes of the inputs.

    Raises:
        UserError: A file cannot be read, or an input is not of the model's kind.
    """
    from twoloops.edge.preprocess import check_input
    from twoloops.records.errors import UserError

    names: list[str] = []
    data: list[bytes] = []
    for word in words:
        if word == "-":
            whole = sys.stdin.buffer.read()
            lines = [line for line in whole.splitlines() if line.strip()]
            found = lines if kind == "text" else [whole]
            data += found
            names += [f"stdin {number}" for number in range(1, len(found) + 1)]
        elif kind != "text" or _is_file(word):
            try:
                data.append(Path(word).read_bytes())
            except OSError as error:
                raise UserError(
                    f"cannot read {word}: {error.strerror}; this model decides on {kind}s: give "
                    "their files"
                ) from error
            names.append(word)
        else:
            data.append(word.encode("utf-8", "surrogateescape"))
            names.append(word)
    if not data:
        raise UserError("there is no input: stdin was empty")
    for name, one in zip(names, data, strict=True):
        try:
            check_input(kind, one, shape)
        except UserError as error:
            raise UserError(f"{name}: {error}") from error
    return names, data


def _is_file(word: str) -> bool:
    try:
        return Path(word).is_file()
    except (OSError, ValueError):
        return False


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(decide)

"""What `controls --hold LAYER` does: a layer of a replay held, beside the article's rating."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import msgspec

from twoloops.analysis.own import held
from twoloops.analysis.own.article import rating, training_runs
from twoloops.cli import terminal
from twoloops.cli.replaying import Request, history_of
from twoloops.convergence.replays.held import Holding, Layer
from twoloops.convergence.replays.outcome import TurnFigures
from twoloops.convergence.replays.replay import OnTurn
from twoloops.physical.history.stream import History
from twoloops.records.errors import UserError
from twoloops.wiring import holding as wired
from twoloops.wiring.replay import ASKED, Asked

LAYERS: tuple[Layer, ...] = get_args(Layer)
EVERY = "all"


def layers_of(word: str) -> tuple[Layer, ...]:
    """Return the layers that a word names.

    Raises:
        UserError: It names none.

    >>> layers_of("compute")
    ('compute',)
    """
    if word == EVERY:
        return LAYERS
    found = tuple(layer for layer in LAYERS if layer == word)
    if not found:
        raise UserError(f"--hold {word!r}: choose one of {', '.join(LAYERS)}, or {EVERY}")
    return found


def execute(
    word: str,
    source: str = "excavators",
    *,
    seeds: int = 1,
    out: Path | None = None,
    again: bool = False,
    json: bool = False,
    quiet: bool = False,
) -> None:
    """Hold a layer of one source, and print what that did.

    Args:
        word: A layer, or `all`.
        source: What `twoloops replay` takes, or the folder of a replay: its options hold again.
        seeds: How many; images are dealt anew with each, other sources keep their order.
        out: Where arms are kept; default: `hold` in the replay's folder, or one of its own here.
        again: Whether to run arms anew that are there.
        json: Whether to print one JSON object.
        quiet: Whether to print nothing on the way.
    """
    layers = layers_of(word)
    if source == "solar-cells":
        raise UserError(
            "--source solar-cells: its licence is asked about by  twoloops replay solar-cells ; "
            "then name the folder of that replay"
        )
    if seeds < 1:
        raise UserError(f"--seeds is at least 1: got {seeds}")
    request = request_of(source)
    histories = {
        seed: history_of(msgspec.structs.replace(request, seed=seed))
        for seed in range(request.seed, request.seed + seeds)
    }
    folder = out.expanduser() if out is not None else _folder(source, histories[request.seed])
    left = wired.steps(layers, histories, folder)
    with _progress(left, quiet) as on_turn:
        found = wired.run(layers, histories, folder, again=again, on_turn=on_turn)
    if json:
        terminal.emit(
            {
                "holding": found,
                "article": {layer: rating(layer) for layer in layers},
                "article_training_runs": training_runs(),
                "scope": held.ONE_TASK,
            }
        )
    else:
        _print(found)
        terminal.say(f"Arms are kept in {folder}: another layer takes what it shares with these.")


def request_of(source: str) -> Request:
    """Return how a source is read; the folder of a replay names its own source and options.

    Raises:
        UserError: The replay's options cannot be read.
    """
    path = Path(source).expanduser() / ASKED
    if not path.is_file():
        return Request(source=source)
    try:
        known = msgspec.json.decode(path.read_bytes(), type=Asked)
        words = {
            name.removeprefix("--").replace("-", "_").lower(): text
            for name, text in known.arguments.items()
        }
        # The options of the arms, not of the stream, are said again with --seeds.
        words.pop("seeds", None)
        # Whoever replayed it has accepted the source's licence.
        return msgspec.convert({**words, "accept_licence": True}, Request, strict=False)
    except msgspec.MsgspecError as error:
        raise UserError(
            f"{path} cannot be read ({error}): name the source itself instead"
        ) from error


def _folder(source: str, history: History) -> Path:
    path = Path(source).expanduser()
    if (path / ASKED).is_file():
        return path / "hold"
    return Path(f"twoloops-hold-{history.task.name}")


def _print(found: Holding) -> None:
    for layer in found.layers:
        terminal.say(held.heading(layer, rating(layer)))
        print()
        terminal.show(
            held.effect_table((e for e in found.effects if e.layer == layer), found.currency)
        )
        print()
        if layer == "compute" and (table := held.compute_table(found, training_runs())):
            terminal.show(table)
            print()
        for sentence in held.sentences(found, layer):
            terminal.say(sentence)
        print()
    terminal.say(held.basis(found))
    terminal.say(held.ONE_TASK)


@contextmanager
def _progress(steps: int, quiet: bool) -> Iterator[OnTurn]:
    """Show a bar over the turns of all arms; on a pipe, say which arm runs."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = terminal.console(err=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} turns of arms"),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal or not steps,
        transient=True,
    )
    with bar:
        job = bar.add_task("", total=steps)
        told = ""

        def on_turn(arm: str, figures: TurnFigures) -> None:
            nonlocal told
            bar.update(job, advance=1, description=arm)
            if arm != told and not quiet and not console.is_terminal:
                terminal.say(f"running the arm {arm!r}", err=True)
            told = arm

        yield on_turn

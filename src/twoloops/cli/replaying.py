"""What `replay` and `demo` do once their options are read: plan, run with progress, sum up."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace as altered

from twoloops.analysis.report import summary
from twoloops.analysis.words import clip
from twoloops.cli import terminal
from twoloops.cli.costs import costs_of
from twoloops.convergence.replays.outcome import ReplayResult, TurnFigures
from twoloops.convergence.replays.replay import OnTurn
from twoloops.physical.history.open import open_history
from twoloops.physical.history.options import Mapping, Plan
from twoloops.physical.history.stream import History
from twoloops.records.errors import UserError
from twoloops.records.task import Costs
from twoloops.wiring import replay as wired

COSTS = ("escape_cost", "false_reject_cost", "label_cost", "currency")

LISTED = 5
"""So many unreadable items are listed on the terminal; the report has all of them."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `twoloops replay`, as its help explains them."""

    source: str
    text: str | None = None
    channels: str | None = None
    label: str | None = None
    time: str | None = None
    time_format: str | None = None
    period: str | None = None
    origin: str | None = None
    cost: str | None = None
    normal: str | None = None
    turns: int | None = None
    labels_per_turn: int | None = None
    seed_size: int | None = None
    order: Literal["time", "file", "shuffled"] | None = None
    seed: int = 0
    seeds: int = 1
    escape_cost: str | None = None
    false_reject_cost: str | None = None
    label_cost: str | None = None
    currency: str | None = None
    max_false_reject_rate: float | None = None
    rebase_on: Literal["offers", "failures"] | None = None
    accept_licence: bool = False
    out: str | None = None
    again: bool = False
    wait: float = 10.0
    dry_run: bool = False
    json: bool = False
    quiet: bool = False

    @property
    def arguments(self) -> dict[str, str]:
        """The options given that decide the figures, by name."""
        aside = {"out", "again", "wait", "dry_run", "json", "quiet", "accept_licence"}
        given = {name: value for name, value in msgspec.structs.asdict(self).items()}
        return {
            ("SOURCE" if name == "source" else f"--{name.replace('_', '-')}"): str(value)
            for name, value in given.items()
            if name not in aside and value is not None
        }


def execute(request: Request) -> None:
    """Run a replay, or print again what a complete one gave."""
    if request.seed < 0:
        raise UserError(f"--seed is 0 or more: got {request.seed}")
    history = history_of(request)
    seeds = tuple(range(request.seed, request.seed + request.seeds))
    folder = Path(request.out or f"twoloops-replay-{history.task.name}").expanduser()
    asked = wired.asked(history, seeds, request.arguments, request.rebase_on or "offers")
    if not request.quiet:
        _announce(history)
    if request.dry_run:
        _plan(request, history, folder)
        return
    result = wired.check(folder, asked, again=request.again)
    note = "this replay was complete already; --again runs it anew"
    if result is None:
        began = time.monotonic()
        result = _run(request, history, seeds, folder, asked)
        note = f"took {_duration(time.monotonic() - began)}"
    if request.json:
        terminal.emit(result)
        terminal.say(f"The report is at {folder / wired.REPORT} ({note}).", err=True)
    else:
        _sum_up(result, folder, note)


def history_of(request: Request) -> History:
    """Open the source with everything the options say.

    Raises:
        UserError: It cannot be read or does not suffice.
    """
    words = msgspec.structs.asdict(request)
    said = any(words[name] for name in COSTS)
    builtin = request.source == "excavators"
    costs = costs_of(words, Costs()) if said and not builtin else None
    plan = Plan(
        normal=request.normal,
        turns=request.turns,
        labels_per_turn=request.labels_per_turn,
        seed_size=request.seed_size,
        costs=costs,
        max_false_reject_rate=request.max_false_reject_rate,
        order=request.order,
        seed=request.seed,
    )
    mapping = Mapping(
        text=request.text,
        channels=tuple(name for name in (request.channels or "").split(",") if name),
        label=request.label,
        time=request.time,
        time_format=request.time_format,
        period=request.period,
        origin=request.origin,
        cost=request.cost,
    )
    history = open_history(
        request.source,
        plan,
        mapping,
        accept_licence=request.accept_licence,
        progress=lambda sentence: terminal.say(f"{sentence} …", err=True),
    )
    if builtin:
        costs = costs_of(words, history.task.costs)
        history = dataclasses.replace(history, task=altered(history.task, costs=costs))
    return history


def _announce(history: History) -> None:
    """Say on stderr what was guessed and what could not be read."""
    for guess in history.guesses:
        terminal.say(f"guessed: {guess}", err=True)
    if history.guesses:
        terminal.say("the same without a guess:", err=True)
        terminal.command(history.command, err=True)
    if bad := history.quarantined:
        count = "1 item" if len(bad) == 1 else f"{len(bad):,} items"
        terminal.say(f"{count} could not be read and left out:", err=True)
        for one in bad[:LISTED]:
            terminal.say(f"  {clip(str(one), 300)}", err=True)
        if len(bad) > LISTED:
            terminal.say(f"  and {len(bad) - LISTED} more: the report lists them", err=True)


def _plan(request: Request, history: History, folder: Path) -> None:
    """Print turns, labels and costs; nothing was run."""
    task, labels = history.task, len(history.seed)
    most = labels + history.labels_per_turn * len(history.turns)
    cost = task.costs.label * most
    if request.json:
        terminal.emit(
            {
                "source": history.source,
                "task": task,
                "seed": labels,
                "turns": [
                    {
                        "turn": number,
                        "period": rows[0].period if rows else "",
                        "observations": len(rows),
                        "labelled": sum(row.label is not None for row in rows),
                    }
                    for number, rows in enumerate(history.turns, 1)
                ],
                "labels_per_turn": history.labels_per_turn,
                "labels_at_most": most,
                "labels_cost_at_most": float(cost.amount),
                "currency": cost.currency,
                "folder": str(folder),
                "command": history.command,
                "caveats": history.caveats,
                "quarantined": [str(one) for one in history.quarantined],
            }
        )
        return
    table = terminal.table("turn", "period", "observations", "of known label", right=(0, 2, 3))
    for number, rows in enumerate((history.seed, *history.turns)):
        known = sum(row.label is not None for row in rows)
        name = "seed" if number == 0 else str(number)
        table.add_row(
            name, clip(rows[0].period if rows else "", 40), f"{len(rows):,}", f"{known:,}"
        )
    terminal.show(table)
    normal = "none named" if task.normal is None else repr(task.normal)
    terminal.say(
        f"\nTask {task.name!r}: {task.kind}, {len(task.labels)} labels, normal label: {normal}.\n"
        f"Labels: {labels} of the seed and at most {history.labels_per_turn} a turn, "
        f"{most:,} in all, for {cost} at {task.costs.label} each.\n"
        f"An escape costs {task.costs.escape}, a false reject {task.costs.false_reject}.\n"
        f"Eight arms would run, {request.seeds} seed(s); the result would go to {folder}. "
        "Nothing was run."
    )
    for caveat in history.caveats:
        terminal.say(f"Note: {caveat}.")


def _run(
    request: Request, history: History, seeds: tuple[int, ...], folder: Path, asked: wired.Asked
) -> ReplayResult:
    done = 0 if request.again else wired.turns_done(folder)
    if done and not request.quiet:
        terminal.say(
            f"going on with the replay in {folder}: {done} of {len(history.turns)} turns of both "
            "loops are kept",
            err=True,
        )
    with _progress(wired.steps(history, seeds), len(history.turns), request.quiet) as on_turn:
        return wired.run(
            history,
            seeds,
            folder,
            asked,
            rebase=request.rebase_on or "offers",
            again=request.again,
            wait=request.wait,
            on_wait=terminal.told,
            on_turn=on_turn,
        )


@contextmanager
def _progress(steps: int, turns: int, quiet: bool) -> Iterator[OnTurn]:
    """Show a bar over all arms and turns, and each turn of `both` as soon as it is known."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = terminal.console(err=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} turns of arms"),
        TimeRemainingColumn(),
        console=console,
        disable=quiet or not console.is_terminal,
        transient=True,
    )
    with bar:
        job = bar.add_task("both", total=steps)
        yield _teller(
            turns,
            lambda arm: bar.update(job, advance=1, description=arm),
            # Lines are wrapped already; the console must not wrap them again.
            lambda line: None if quiet else console.print(line, soft_wrap=True),
        )


def _teller(turns: int, step: Callable[[str], None], tell: Callable[[str], None]) -> OnTurn:
    """Return what is called at each turn of each arm; further seeds are not told line by line."""
    left = turns

    def on_turn(arm: str, figures: TurnFigures) -> None:
        nonlocal left
        step(arm)
        if arm == "both" and left > 0:
            left -= 1
            tell(summary.turn_line(figures))

    return on_turn


def _sum_up(result: ReplayResult, folder: Path, note: str) -> None:
    """Print the thesis first, then the turns, what came of it, and how to go on."""
    terminal.show(summary.four_arm_table(result))
    print()
    terminal.show(summary.turn_table(result))
    print()
    for sentence in summary.closing(result):
        terminal.say(sentence)
    for caveat in result.caveats:
        terminal.say(f"Note: {caveat}.")
    terminal.say("Bases:")
    for name, what in sorted(result.bases.items()):
        terminal.say(f"  {name}: {what}")
    terminal.say(f"\nReport: {folder / wired.REPORT} ({note})\n\nGo on with it:")
    terminal.command(
        f"twoloops init WORKSPACE --from-replay {folder}",
        f"twoloops ingest SOURCE --task {result.task} --workspace WORKSPACE",
        f"twoloops turn {result.task} --workspace WORKSPACE",
    )


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min {whole % 60} s"

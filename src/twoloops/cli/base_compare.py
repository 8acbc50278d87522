"""`twoloops base compare TASK`: bases on one's own task, side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.convergence.trials.compare import Compared, Comparison

BASES: Any = typer.Option(
    None, "--bases", metavar="A,B", help="Which bases.  [default: all on offer]"
)
ON: Any = typer.Option(
    "everything", "--on", help="Rank on all labels, or on those where the deployed model fails."
)
CHART: Any = typer.Option(
    None, "--chart", metavar="FILE", help="Draw accuracy over price: .png or .svg."
)


def compare(
    task: str | None = typer.Argument(None, help="The task.  [default: the only one]"),
    bases: str = BASES,
    on: Literal["everything", "failures"] = ON,
    chart: Path = CHART,
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Put bases through a task: quality, speed, size, price, licence, origin.

    All are specialised on the task's latest dataset and judged by the same labels of known chance.
    Nothing is written or released: twoloops turn  and its gate do that.
    """
    from twoloops.convergence.trials.compare import compare as put
    from twoloops.records.errors import UserError
    from twoloops.wiring.workspace import loop, reading

    if chart is not None and chart.suffix.lower() not in (".png", ".svg"):
        raise UserError(f"--chart takes a file that ends in .png or .svg, got {chart}")
    names = [name.strip() for name in (bases or "").split(",") if name.strip()]
    with reading(workspace) as store:
        chosen = options.task_of(store, task)
        found = put(
            loop(store, chosen),
            names,
            on_failures=on == "failures",
            on_base=lambda name: terminal.say(f"trying {name} …", err=True),
        )
    if chart is not None:
        _draw(found, chart)
    if json:
        terminal.emit(found)
    else:
        _print(found)


def _draw(found: "Comparison", path: Path) -> None:
    from twoloops.analysis.comparison import drawn
    from twoloops.analysis.exhibits.picture import png, svg
    from twoloops.records.errors import UserError
    from twoloops.wiring.replay import write

    picture = drawn(found)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, png(picture) if path.suffix.lower() == ".png" else svg(picture).encode())
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror}; name a file you may write"
        ) from error
    terminal.say(f"Drawn in {path}.", err=True)


def _print(found: "Comparison") -> None:
    terminal.say(
        f"Task {found.task!r}, dataset of turn {found.turn}: {found.trained_on} training items, "
        f"judged by {found.judged_by} labels of known chance. Always the most frequent label: "
        f"{found.majority}."
    )
    for one in found.failing:
        terminal.say(f"Failing slice {one}.")
    print()
    figures = tuple(range(1, 7))
    table = terminal.table(
        "base", "% right", "to deployed", "ms", "MB", "USD/M", "value", right=figures
    )
    for row in found.bases:
        table.add_row(
            row.base + (" (deployed)" if row.deployed else "") + (" *" if row.front else ""),
            _share(row),
            _points(row),
            f"{row.verdict_ms_p50:.1f}",
            f"{row.file_mb:.1f}",
            f"{row.usd_per_million:.3f}",
            "—" if row.value_ratio is None else f"{row.value_ratio:,.0f}",
        )
    terminal.show(table)
    terminal.say(
        "* no other base is as good in accuracy, time, size and price. To deployed: points on "
        "the same items. Intervals are 95 %. ms: median time of a decision here. USD/M: compute "
        "of a million decisions, labels left out. Value: points above the most frequent label per "
        "USD/M. The best of several looks better than it is: what is released is the gate's to "
        "say."
    )
    for row in found.bases:
        for label, cell in row.slices.items():
            terminal.say(f"  {row.base} on {label!r}: {cell}")
    print()
    for row in found.bases:
        terminal.say(f"{row.base}: {row.kind}, licence {row.licence}, origin {row.origin}")
    for why in found.unavailable.values():
        terminal.say(why)


def _share(row: "Compared") -> str:
    if row.accuracy.value is None or row.accuracy.interval is None:
        return "unknown"
    low, high = row.accuracy.interval
    return f"{100 * row.accuracy.value:.1f} ({100 * low:.0f}–{100 * high:.0f})"


def _points(row: "Compared") -> str:
    if row.difference is None or row.interval is None:
        return ""
    half = (row.interval[1] - row.interval[0]) / 2
    return f"{100 * row.difference:+.1f} ± {100 * half:.1f}"

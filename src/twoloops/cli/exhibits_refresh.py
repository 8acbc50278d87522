"""`twoloops exhibits refresh` and `changes`: today's data, and what it changes."""

from typing import TYPE_CHECKING

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.analysis.exhibits.changes import Changes
    from twoloops.atlas.comparing import RowChange, TableChange
    from twoloops.wiring.refreshing import Outcome

FAILED = 75
"""Exit code when no source could be used: the fault may pass (EX_TEMPFAIL)."""


def refresh(
    sources: list[str] = typer.Argument(
        None, metavar="SOURCE", show_default=False, help="Only these.  [default: all]"
    ),
    endpoint: list[str] = typer.Option(
        [], metavar="NAME=URL", help="Read a source elsewhere, such as a mirror; repeatable."
    ),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Ask nobody; show each source, its address and its last vintage."
    ),
    json: bool = options.JSON,
) -> None:
    """Fetch today's data from its publishers and keep it beside what was fetched before.

    The sources are Epoch AI's files of AI models (epoch-all, epoch-notable, epoch-large), the
    Hugging Face Hub (hugging-face; HF_ENDPOINT is read), model-prices, genai-prices and
    models-dev. Each answer is checked and kept with its date, licence and checksums as a vintage
    in the folder  atlas  of the cache (TWOLOOPS_CACHE); nothing is overwritten.

    A source that fails leaves its last vintage in use, and the others go on. The exit code is 0
    unless all fail, then 75. Nothing is sent but the requests themselves, and no other command
    fetches.
    """
    from datetime import UTC, datetime

    from twoloops.wiring import refreshing

    wanted = refreshing.publishers(refreshing.endpoints(endpoint), sources or ())
    folder = refreshing.shelf()
    if dry_run:
        found = refreshing.standing(wanted, folder, datetime.now(UTC))
        _emit(found) if json else _print_standing(found)
        return
    from twoloops.wiring.fetching import Web

    with Web() as get:
        found = refreshing.refresh(
            wanted, get, folder, tell=lambda sentence: terminal.say(sentence, err=True)
        )
    _emit(found) if json else _print_outcomes(found)
    if all(one.state == "failed" for one in found):
        raise typer.Exit(FAILED)


def changes(
    before: str = typer.Option(
        "packaged", "--from", metavar="VINTAGE", help="A date, 'packaged' or 'newest'."
    ),
    after: str = typer.Option("newest", "--to", metavar="VINTAGE", help="Likewise."),
    rows: int = typer.Option(8, min=0, help="Rows shown of each table; --json has them all."),
    json: bool = options.JSON,
) -> None:
    """Show what changed in the data from one vintage to another, and in the exhibits' figures.

    A date stands for what was in use at its end (UTC): of each source the last vintage until
    then, otherwise the packaged tables.
    """
    from twoloops.analysis.exhibits.changes import changes_between
    from twoloops.wiring import refreshing

    found = changes_between(refreshing.tables(before), refreshing.tables(after))
    if json:
        terminal.emit(found)
    else:
        _print_changes(found, rows)


def register(app: typer.Typer) -> None:
    """Add the commands to the group `exhibits`."""
    app.command()(refresh)
    app.command()(changes)


def _emit(outcomes: list["Outcome"]) -> None:
    terminal.emit({"sources": outcomes, "failed": sum(one.state == "failed" for one in outcomes)})


def _print_standing(outcomes: list["Outcome"]) -> None:
    table = terminal.table("source", "vintage", "age", "address")
    for one in outcomes:
        table.add_row(one.publisher, one.day or "packaged", one.age, one.address)
    terminal.show(table)


def _print_outcomes(outcomes: list["Outcome"]) -> None:
    table = terminal.table("source", "result", "in use", "age", "data of")
    for one in outcomes:
        table.add_row(one.publisher, one.state, one.day or "packaged", one.age, one.published)
    terminal.show(table)
    for one in outcomes:
        for note in one.notes:
            terminal.say(f"{one.publisher}: {note}.")
    failed = [one for one in outcomes if one.state == "failed"]
    if len(failed) > 1 and len(failed) == len(outcomes) and all(one.unreachable for one in failed):
        terminal.say(
            f"No source could be reached ({failed[0].why}): is there a network here? Nothing was "
            "changed; the exhibits go on with what was fetched before, or with the packaged tables."
        )
        return
    for one in failed:
        terminal.say(f"{one.publisher} failed: {one.why}. {_stays(one)}")
    if any(one.state == "new" for one in outcomes):
        terminal.say("See what it changes with")
        terminal.command("twoloops exhibits changes")


def _stays(one: "Outcome") -> str:
    if one.day is None:
        return "Nothing of it has been fetched before: the packaged tables stay in use."
    return f"Its vintage of {one.day} ({one.age} old) stays in use."


def _print_changes(found: "Changes", rows: int) -> None:
    terminal.say(f"From {found.before} to {found.after}.")
    if not any(one.changes for one in found.tables):
        terminal.say("Nothing changed." if found.fetched else "Nothing has been fetched yet.")
        if not found.fetched:
            terminal.command("twoloops exhibits refresh")
        return
    table = terminal.table(
        "table", "from", "to", "added", "removed", "changed", "rows", right=(3, 4, 5, 6)
    )
    for one in found.tables:
        counts = [f"{one.count(kind):,}" for kind in ("added", "removed", "changed")]
        table.add_row(one.table, one.before, one.after, *counts, f"{one.rows_after:,}")
    terminal.show(table)
    for one in found.tables:
        _print_table(one, rows)
    _print_figures(found)


def _print_table(one: "TableChange", rows: int) -> None:
    if not one.changes or not rows:
        return
    print()
    terminal.say(f"{one.table}: {one.what}")
    # What changed says more than what came and went.
    order = {"changed": 0, "added": 1, "removed": 2}
    shown = sorted(one.changes, key=lambda change: order[change.change])[:rows]
    table = terminal.table("row", "", "figures")
    for change in shown:
        table.add_row(" ".join(change.key), change.change, _figures(change))
    terminal.show(table)
    if (left := len(one.changes) - len(shown)) > 0:
        terminal.say(f"… and {left:,} more rows: --rows {len(one.changes)} or --json")


def _figures(change: "RowChange") -> str:
    if change.change == "changed":
        parts = [
            f"{name} {_said(change.before[name])} → {_said(change.after[name])}"
            for name in change.after
        ]
    else:
        figures = change.after or change.before
        parts = [f"{name} {_said(value)}" for name, value in figures.items() if value is not None]
    return ", ".join(parts)


def _print_figures(found: "Changes") -> None:
    print()
    terminal.say("The exhibits' figures:")
    table = terminal.table("exhibit", "figure", "unit", "from", "to", right=(3, 4))
    for one in found.figures:
        table.add_row(one.exhibit, one.name, one.unit, _said(one.before), _said(one.after))
    terminal.show(table)


def _said(value: object) -> str:
    """Return a figure as it is read: thousands parted, at most four significant digits."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value) or "none"

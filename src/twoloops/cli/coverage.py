"""Prints a coverage matrix, and what a shock to a base does."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import get_args

from twoloops.analysis.controls.matrix import Finding, Matrix, Row
from twoloops.analysis.controls.shocks import Alternative, Effect, Shock
from twoloops.analysis.controls.system import LAYERS, Item
from twoloops.atlas.hardware import FORMULA, FORMULA_SOURCE
from twoloops.atlas.ratings import Rating
from twoloops.atlas.tables import sources
from twoloops.cli import terminal

QUIET = "not found to touch"
FINDINGS: tuple[Finding, ...] = get_args(Finding)
INDENT = 15


def print_matrix(found: Matrix, *, every: bool = False) -> None:
    """Print a matrix, layer by layer, in 80 columns.

    Args:
        found: The matrix.
        every: Whether to show every row that was not found to touch.
    """
    terminal.say(f"What dated instruments touch in {found.system}, as of {found.as_of}.")
    shown: list[Row] = []
    for layer in LAYERS:
        print()
        terminal.say(layer.replace("-", " ").capitalize().replace(" api", " API"))
        for rating in found.ratings:
            if rating.layer == layer:
                _say(_rated(rating), 2)
        items = [item for item in found.items if item.layer == layer]
        if not items:
            gap = found.gaps.get(layer, "nothing is declared")
            _say(f"nothing to look at: {gap}", 2)
        for item in items:
            rows = [row for row in found.rows if (row.layer, row.item) == (layer, item.name)]
            shown += _print_item(item, rows, every=every)
    print()
    _print_sources(shown, found.items)
    _print_counts(found)


def _say(text: str, indent: int, first: str = "") -> None:
    """Print a sentence, its further lines indented; `first` stands before the first line."""
    lead = first if first and not first.strip() else f"{first:<{indent}}"
    if len(lead) > indent:
        lead += " "
    for line in textwrap.wrap(
        text,
        terminal.WIDTH,
        initial_indent=lead,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    ):
        print(line)


def _rated(rating: Rating) -> str:
    return (
        f"(the article's rating, {rating.as_of}: {rating.dimension} {rating.coverage}, "
        f"risk {rating.risk})"
    )


def _print_item(item: Item, rows: Sequence[Row], *, every: bool) -> list[Row]:
    """Print one item with its rows; returns those that were shown."""
    print()
    what = f": {item.what}" if item.what else ""
    known_from = ", ".join(filter(None, (item.known_from, item.source)))
    _say(f"{item.name} [{known_from}]{what}", 4, "  ")
    loud = sorted((row for row in rows if every or row.finding != QUIET), key=_rank)
    for row in loud:
        mark = "*" if row.stale else ""
        _say(f"{row.instrument} ({row.issuer}): {_state(row)}", INDENT, f"  {row.finding}{mark}")
        _say(f"{row.how} [{row.source}]", INDENT)
        if row.finding != QUIET:
            _say(row.note, INDENT)
        if row.finding in ("touches", "names"):
            _say(row.scope, INDENT)
    still = [row for row in rows if row.finding == QUIET]
    if still and not every:
        names = "; ".join(f"{row.instrument}{'*' if row.stale else ''}" for row in still)
        _say(f"{QUIET} in this table: {names}", 4, "  ")
    if not rows:
        _say("no instrument of the table is about this kind of thing", 4, "  ")
    return loud


def _rank(row: Row) -> int:
    return FINDINGS.index(row.finding)


def _state(row: Row) -> str:
    words: list[str] = [row.state]
    if row.effect in ("relaxes", "excludes", "informs"):
        words.append(f"it {row.effect}")
    if row.expires is not None:
        words.append(f"until {row.expires}")
    aged = f", stale since {row.known_until}" if row.stale else ""
    return f"{', '.join(words)}; looked at {row.as_of}{aged}"


def _print_sources(rows: Iterable[Row], items: Sequence[Item]) -> None:
    known = sources()
    ids = {one for row in rows for one in (row.source, row.state_source)}
    ids |= {item.source for item in items if item.source}
    if any(item.subject == "hardware" for item in items):
        _say(f"{FORMULA} [{FORMULA_SOURCE}]", 0)
        ids.add(FORMULA_SOURCE)
    if ids:
        terminal.say("Sources, and how they were read:")
    for one in sorted(ids):
        source = known[one]
        _say(
            f"[{one}] {source.publisher}: {source.title}, {source.published} ({source.seen})",
            4,
            "  ",
        )


def _print_counts(found: Matrix) -> None:
    counts = found.counts
    print()
    terminal.say(
        f"{counts['instruments']} instruments there on that day and the terms of contracts, "
        f"{len(found.items)} items, {counts['rows']} comparisons: {counts['touches']} touch, "
        f"{counts['names']} name, {counts['cannot say']} cannot be said, {counts[QUIET]} were "
        f"not found to touch. {counts['stale']} rest on a stale row (*): look these up again."
    )
    for sentence in found.limits:
        terminal.say(sentence)


def print_shock(found: Shock) -> None:
    """Print what a shock does to every task, in 80 columns."""
    what = (
        "is withdrawn: deployed models lose it"
        if found.kind == "withdrawn"
        else "goes closed: what is there is kept, there is no next generation"
    )
    terminal.say(f"Assumed: {found.base} {what}.")
    terminal.say(f"{found.stopped} of {len(found.effects)} tasks stop.")
    for effect in found.effects:
        print()
        _print_effect(effect, found)
    print()
    for sentence in found.limits:
        terminal.say(sentence)


def _print_effect(effect: Effect, found: Shock) -> None:
    deployed = effect.deployed or "nothing"
    on = "stands on it" if effect.stands_on_it else "does not stand on it"
    terminal.say(f"{effect.task}: {effect.outcome} (deployed on {deployed}, which {on})")
    if not effect.stands_on_it:
        return
    if found.kind == "closed":
        terminal.say(
            f"New labels can still be learned on the kept base. A base of this line was adopted "
            f"over another one {_times(effect.adopted)} so far; a next one would not come."
        )
    elif effect.fallback is not None:
        one = effect.fallback
        terminal.say(
            f"The release of turn {one.turn} on {one.base} does not stand on it: it can be "
            "deployed again without a fit and without a label, with what it had learned by then."
        )
    else:
        terminal.say("No earlier release stands on another base.")
    terminal.say(
        f"Going over to another base: {effect.labels_there:,} labels are there, so 0 have to be "
        "bought anew."
    )
    if not effect.alternatives:
        terminal.say("No other base is known here.")
        return
    table = terminal.table("base", "points", "n", "CPU s", "how it is known", right=(1, 2, 3))
    for other in effect.alternatives:
        table.add_row(other.base, *_figures(other), other.how)
    terminal.show(table)
    terminal.say(
        f"Points: accuracy on that base − accuracy on {deployed}, on n items of known label."
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _figures(one: Alternative) -> tuple[str, str, str]:
    if one.points is None:
        points, n = "not measured", "—"
    else:
        points, n = f"{one.points:+.1f}".replace("-", "−"), f"{one.n:,}"
    seconds = "not recorded" if one.cpu_seconds is None else f"{one.cpu_seconds:.2f}"
    return points, n, seconds

"""Prints how the edges of a workspace stand."""

from collections.abc import Sequence
from datetime import UTC, datetime

from twoloops.cli import terminal
from twoloops.edge.home import Standing
from twoloops.records.digests import short
from twoloops.wiring.floor import EdgeStanding

LISTED = 5
LATE = 60.0
"""Seconds of a clock's error that are worth a word."""


def print_edges(edges: Sequence[EdgeStanding]) -> None:
    """Print a table of the edges, and every kind of gap in a sentence."""
    table = terminal.table(
        "edge", "task", "seen", "release", "stored", "waiting", "dropped", "lost"
    )
    for one in edges:
        at = one.standing
        table.add_row(
            one.edge,
            one.task,
            _ago(one.last_seen),
            "none" if at is None or at.release is None else short(at.release)[:8],
            f"{one.stored:,}",
            "" if at is None else f"{at.spooled:,}",
            "" if at is None else f"{at.dropped:,}",
            f"{one.unexplained:,}",
        )
    terminal.show(table)
    for one in edges:
        for sentence in _sentences(one):
            terminal.say(f"{one.edge}: {sentence}")
    print()


def _sentences(one: EdgeStanding) -> list[str]:
    found = []
    for gap in one.gaps[-LISTED:]:
        count, reason = gap.last - gap.first + 1, gap.reason or "unexplained"
        what = "observation" if count == 1 else "observations"
        found.append(f"{count:,} {what} between {gap.first - 1} and {gap.last + 1}: {reason}")
    if len(one.gaps) > LISTED:
        found.insert(0, f"{len(one.gaps):,} gaps in its numbers, the last {LISTED}:")
    if one.skew is not None and abs(one.skew) > LATE:
        way = "ahead" if one.skew > 0 else "behind"
        found.append(f"its clock is {terminal.lasted(abs(one.skew))} {way}")
    if one.standing is not None:
        found += _told(one.standing)
    return found


def _told(at: Standing) -> list[str]:
    """Say what an edge's last heartbeat tells that should not be."""
    told = (
        (at.source_error, f"no inputs come: {at.source_error}"),
        (at.went_back, f"it has left the model assigned to it: {at.went_back}"),
        (at.refused, f"it refused the last update: {at.refused}"),
        (at.not_kept, f"{at.not_kept:,} inputs were decided on and could not be written"),
        (at.unusable, f"{at.unusable:,} inputs could not be read, see its quarantine"),
        (at.not_told, f"{at.not_told:,} verdicts were not taken by a sink"),
    )
    return [sentence for found, sentence in told if found]


def _ago(at: datetime | None) -> str:
    if at is None:
        return "never"
    return f"{terminal.lasted((datetime.now(UTC) - at).total_seconds())} ago"

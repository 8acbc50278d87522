"""How the floor's pages put times, sizes and long lists into words."""

from collections.abc import Sequence
from datetime import datetime

from twoloops.analysis.markup import Html, tag
from twoloops.analysis.words import clip

NAME, SENTENCE = 80, 2_000
"""Characters of a name and of a sentence that are shown; both may come from a device."""


def span(seconds: float) -> str:
    """Say how long something takes, in its largest unit.

    >>> [span(one) for one in (-3, 59, 60, 5400, 86400, 200000)]
    ['0 s', '59 s', '1 min', '1 h 30 min', '1 day', '2 days']
    """
    left = max(int(seconds), 0)
    if left < 60:
        return f"{left} s"
    if left < 3600:
        return f"{left // 60} min"
    if left < 86400:
        minutes = left % 3600 // 60
        return f"{left // 3600} h {minutes} min" if minutes else f"{left // 3600} h"
    days = left // 86400
    return "1 day" if days == 1 else f"{days:,} days"


def ago(at: datetime | None, now: datetime) -> str:
    """Say how long ago something was."""
    return "never" if at is None else f"{span((now - at).total_seconds())} ago"


def size(count: int) -> str:
    """Say a number of bytes.

    >>> [size(one) for one in (0, 999, 12_340, 31_000_000_000)]
    ['0 B', '999 B', '12.3 kB', '31.0 GB']
    """
    for least, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= least:
            return f"{count / least:,.1f} {unit}"
    return f"{count} B"


def moment(at: datetime) -> str:
    """Say a time; all times are UTC.

    >>> moment(datetime(2026, 3, 1, 12, 5, 59))
    '2026-03-01 12:05 UTC'
    """
    return f"{at:%Y-%m-%d %H:%M} UTC"


def named(names: Sequence[str], most: int = 4) -> str:
    """List names, the first few of many.

    >>> named(["a", "b", "c"], most=2)
    'a, b and 1 more'
    """
    shown = ", ".join(clip(one, NAME) for one in names[:most])
    left = len(names) - most
    return f"{shown} and {left:,} more" if left > 0 else shown


def pager(page: int, pages: int, address: str, before: str, after: str) -> Html:
    """Return links to the page before and the next one; nothing where there is one page.

    Args:
        page: This one, from 1.
        pages: How many there are.
        address: Of a page, ready for its number at the end.
        before: What the page before holds.
        after: What the next one holds.
    """
    if pages <= 1:
        return Html("")
    parts = [Html("")] * 3
    if page > 1:
        parts[0] = tag("a", f"‹ {before}", href=f"{address}{page - 1}", rel="prev")
    parts[1] = tag("span", f"page {page:,} of {pages:,}")
    if page < pages:
        parts[2] = tag("a", f"{after} ›", href=f"{address}{page + 1}", rel="next")
    return tag("nav", *parts, class_="pager", aria_label="Pages of the list")


def command(*lines: str) -> Html:
    """Return commands to copy, a line each."""
    return tag("pre", tag("code", "\n".join(lines)))

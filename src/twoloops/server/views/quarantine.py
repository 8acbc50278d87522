"""What could not be used: counted by where it came from and why, then one by one."""

import re
from collections.abc import Sequence

import msgspec

from twoloops.analysis.words import clip
from twoloops.server.views.words import NAME, SENTENCE, moment
from twoloops.store.rows import Quarantined, Reason

PER_PAGE = 50

MOST = 40
"""Rows of the table of counts; what is left is counted in one more."""

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_NUMBER = re.compile(r"-?\d[\d,._]*")


class CountView(msgspec.Struct, frozen=True):
    """How many inputs of a source cannot be used for reasons alike, and when the last one came."""

    source: str
    kind: str
    count: int
    last: str


class ItemView(msgspec.Struct, frozen=True):
    """One input that cannot be used."""

    at: str
    source: str
    place: str
    reason: str


class QuarantineView(msgspec.Struct, frozen=True, kw_only=True):
    """The quarantine, or a page of it.

    Args:
        total: How many there are of the chosen source.
        chosen: Whose are shown one by one; `None` for all.
        counts: By source and kind of reason, the most first.
        others: How many are in no row of `counts`.
        items: Those of this page, the newest first.
        page: This page, from 1.
        pages: How many there are.
    """

    total: int
    chosen: str | None
    counts: tuple[CountView, ...]
    others: int
    items: tuple[ItemView, ...]
    page: int
    pages: int


def kind_of(reason: str) -> str:
    """Return a reason without what is particular to one input, so that alike ones count together.

    >>> kind_of("its input has 70,123 bytes; at most 65,536 are taken")
    'its input has … bytes; at most … are taken'
    >>> kind_of("no label 'leek'")
    "no label '…'"
    """
    return _NUMBER.sub("…", _QUOTED.sub("'…'", reason))


def page_of(total: int, page: int) -> tuple[int, int]:
    """Return which page is shown, the nearest to the one asked for, and how many there are.

    >>> page_of(0, 3), page_of(51, 3)
    ((1, 1), (2, 2))
    """
    pages = max(1, -(-total // PER_PAGE))
    return min(max(page, 1), pages), pages


def quarantine_view(
    reasons: Sequence[Reason],
    shown: Sequence[Quarantined],
    page: int = 1,
    chosen: str | None = None,
) -> QuarantineView:
    """Return what the page shows.

    Args:
        reasons: Counts by source and reason.
        shown: What is on this page, the newest first.
        page: This page.
        chosen: Whose are shown one by one.
    """
    counted: dict[tuple[str, str], tuple[int, Reason]] = {}
    for one in reasons:
        key = one.source, kind_of(one.reason)
        number, last = counted.get(key, (0, one))
        counted[key] = number + one.count, max(last, one, key=lambda other: other.last)
    ranked = sorted(counted.items(), key=lambda row: (-row[1][0], row[0]))
    total = sum(one.count for one in reasons if chosen in (None, one.source))
    page, pages = page_of(total, page)
    return QuarantineView(
        total=total,
        chosen=chosen,
        counts=tuple(
            # Alone in its kind, a reason is told as it is.
            CountView(
                source,
                clip(last.reason if number == last.count else kind, SENTENCE),
                number,
                moment(last.last),
            )
            for (source, kind), (number, last) in ranked[:MOST]
        ),
        others=sum(number for _, (number, _) in ranked[MOST:]),
        items=tuple(
            ItemView(
                moment(one.at),
                clip(one.source, NAME),
                clip(one.place, SENTENCE),
                clip(one.reason, SENTENCE),
            )
            for one in shown
        ),
        page=page,
        pages=pages,
    )

"""How the overview puts estimates, changes and money into words: what is unknown says so."""

from urllib.parse import quote

from twoloops.analysis.markup import Html, tag
from twoloops.analysis.overview.facts import Change, Judgement, Spend
from twoloops.analysis.words import ABSENT, amount, count, items, percent, scientific, signed
from twoloops.convergence.judging.evaluate import ENOUGH, Estimate, Interval
from twoloops.records.digests import Digest, short
from twoloops.records.money import Sums

UNKNOWN = "unknown"


def rate(one: Estimate | None) -> str:
    """Say a rate with its interval and what it stands on.

    >>> from twoloops.convergence.judging.evaluate import estimate
    >>> rate(estimate([True] * 18 + [False] * 2))
    '90.0 % (95 %: 68.2 to 98.2; 20 audit labels)'
    >>> rate(estimate([True]))
    'unknown (1 audit label, 5 are needed)'
    """
    if one is None:
        return ABSENT
    labels = items(one.labels, "audit label")
    if one.value is None or one.interval is None:
        return f"{UNKNOWN} ({labels}, {ENOUGH} are needed)"
    low, high = (100 * end for end in one.interval)
    worth = "" if one.effective > one.labels - 0.5 else f", worth {one.effective:.0f}"
    return f"{percent(one.value)} (95 %: {low:.1f} to {high:.1f}; {labels}{worth})"


def points(value: float, interval: Interval) -> str:
    """Say a difference of shares with its interval.

    >>> points(0.02, (-0.01, 0.05))
    '+2.0 points (95 %: −1.0 to +5.0)'
    """
    low, high = (signed(100 * end) for end in interval)
    return f"{signed(100 * value)} points (95 %: {low} to {high})"


def changed(one: Change | None, *, better: int = 1) -> Html:
    """Return the cell of a change: figure and interval, or that it is unknown and why.

    Args:
        one: The change; `None` where there is none.
        better: 1 where more is better, -1 where less is.
    """
    if one is None:
        return Html(ABSENT)
    if one.value is None or one.interval is None:
        return Html(UNKNOWN) + tag("small", f"{one.before} and {one.after} labels")
    low, high = one.interval
    clear = better * low > 0 if better > 0 else better * high > 0
    worse = better * high < 0 if better > 0 else better * low < 0
    kind = "better" if clear else ("worse" if worse else "open")
    figure = tag("b", signed(100 * one.value), class_=kind)
    return figure + tag("small", f"{signed(100 * low)} to {signed(100 * high)}")


def money(sums: Sums) -> str:
    """Say money, each currency by itself.

    >>> money(())
    '—'
    """
    return " + ".join(amount(float(one.amount), one.currency) for one in sums) or ABSENT


def compute(spend: Spend) -> Html:
    """Return the cell of what fitting took."""
    if spend.cpu_seconds is None:
        return Html(ABSENT)
    return tag("span", f"{spend.cpu_seconds:.1f} s") + tag("small", scientific(spend.flop, "FLOP"))


def minutes(spend: Spend) -> str:
    """Say how long people took."""
    return ABSENT if spend.minutes is None else f"{spend.minutes:,.1f}"


def model(digest: Digest) -> str:
    """Name a model for people."""
    return short(digest)


def why(task: str, release: str) -> str:
    """Return the address of the page that says why.

    >>> why("a/b", "turn-3")
    '/why/turn-3?task=a%2Fb'
    """
    return f"/why/{quote(release, safe='')}?task={quote(task, safe='')}"


def verdict(one: Judgement) -> str:
    """Say in a word or two what came of a candidate."""
    said = "released" if one.released else "refused"
    if one.person:
        said = "deployed by a person"
    return said if one.taken_back is None else f"{said}, {one.taken_back.how} since"


def whole(number: float) -> str:
    """Print a count that may be an estimate."""
    return count(round(number))

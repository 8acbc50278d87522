"""Figures in words: how a share, an interval, money and a verdict are printed everywhere.

Law: no function here returns `None` or `nan` in print; what does not exist is `—`.
"""

import math
import re
from collections.abc import Sequence
from typing import TypeGuard

from twoloops.convergence.replays.outcome import Interval, TurnFigures

ABSENT = "—"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# Lone surrogates cannot be written; the others turn the direction of the text around them.
_UNFIT = re.compile(r"[\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
NOT_DEFINED = "not defined (no normal label)"


def known(value: float | None) -> TypeGuard[float]:
    """Say whether there is a finite figure."""
    return value is not None and math.isfinite(value)


def percent(value: float | None, digits: int = 1) -> str:
    """Print a share in [0, 1].

    >>> percent(0.9051), percent(None)
    ('90.5 %', '—')
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    return f"{100 * value:.{digits}f} %".replace("-", "−")


def signed(value: float | None, digits: int = 1) -> str:
    """Print a difference with its sign; what rounds to zero has none.

    >>> signed(1.94), signed(-0.71), signed(-0.01), signed(None)
    ('+1.9', '−0.7', '0.0', '—')
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    text = f"{abs(value):.{digits}f}"
    if not text.strip("0."):
        return text
    return ("+" if value > 0 else "−") + text


def points(value: float | None) -> str:
    """Print a difference of two shares in points.

    >>> points(0.019)
    '+1.9 points'
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    return f"{signed(100 * value)} points"


def interval_text(interval: Interval, factor: float = 1.0, digits: int = 1) -> str:
    """Print an interval, its ends multiplied by `factor` (100 for points).

    >>> interval_text((-0.002, 0.02), 100)
    '95 % −0.2 … +2.0'
    """
    low, high = (signed(end * factor, digits) for end in interval)
    return f"95 % {low} … {high}"


def count(value: float | None) -> str:
    """Print a whole number with thousands separated.

    >>> count(5485), count(-3), count(None)
    ('5,485', '−3', '—')
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    return f"{value:,.0f}".replace("-", "−")


def items(number: int, singular: str, plural: str | None = None) -> str:
    """Print a number with its noun.

    >>> items(1, "label"), items(40, "label")
    ('1 label', '40 labels')
    """
    return f"{count(number)} {singular if number == 1 else plural or singular + 's'}"


def amount(value: float | None, currency: str = "", sign: bool = False) -> str:
    """Print money: no cents from 1,000 on, three significant digits below one.

    >>> amount(12345.6, "USD"), amount(-2.5, "USD"), amount(0.01234, "EUR"), amount(None)
    ('12,346 USD', '−2.50 USD', '0.0123 EUR', '—')
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    size = abs(value)
    if size >= 1000 or size == round(size):
        text = f"{size:,.0f}"
    elif size >= 1:
        text = f"{size:,.2f}"
    else:
        text = f"{size:.3g}" if size >= 1e-4 else f"{size:.1e}"
    mark = "−" if value < 0 else ("+" if sign and value > 0 else "")
    return f"{mark}{text} {currency}".rstrip()


def scientific(value: float | None, unit: str) -> str:
    """Print a large figure as a product with a power of ten.

    >>> scientific(3.24e12, "FLOP"), scientific(950, "FLOP")
    ('3.2 × 10¹² FLOP', '950 FLOP')
    """
    if value is None or not math.isfinite(value):
        return ABSENT
    if abs(value) < 10_000:
        return f"{value:,.0f} {unit}".replace("-", "−")
    mantissa, exponent = f"{value:.1e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa.replace('-', '−')} × 10{raised} {unit}"


def clip(text: str, length: int) -> str:
    """Shorten a text to `length` characters, on one line, without control characters.

    >>> clip("replace  worn hose", 12)
    'replace wor…'
    """
    line = " ".join(_UNFIT.sub("\ufffd", _CONTROL.sub(" ", text)).split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def mean_of(turns: Sequence[TurnFigures], field: str) -> float | None:
    """Return the mean of a figure over the turns in which it exists, or `None`."""
    values = [getattr(turn, field) for turn in turns]
    found = [value for value in values if known(value)]
    return math.fsum(found) / len(found) if found else None


def seeds_note(seeds: Sequence[int]) -> str:
    """Say what the interval of a single seed leaves out; empty for several.

    >>> seeds_note((0, 1))
    ''
    """
    if len(seeds) > 1:
        return ""
    return (
        "One seed: the interval leaves out the luck of which observations were labelled; "
        "--seeds 5 shows it."
    )


def verdict(interaction: float, interval: Interval) -> str:
    """Say in words what an interaction with its 95 % interval shows, on whichever scale.

    >>> verdict(0.019, (0.011, 0.027)).split(":")[0]
    'the two loops compound on this stream'
    >>> verdict(-0.03, (-0.05, -0.01)).split(":")[0]
    'the two loops do not compound on this stream'
    >>> verdict(0.009, (-0.002, 0.02)).split(":")[0]
    'the interaction of the two loops cannot be told apart from zero on this stream'
    """
    low, high = interval
    if not all(math.isfinite(figure) for figure in (interaction, low, high)):
        return "the interaction of the two loops is not defined on this stream"
    if low > 0:
        return (
            "the two loops compound on this stream: "
            "together they gain more than the sum of what each gains alone"
        )
    if high < 0:
        return (
            "the two loops do not compound on this stream: "
            "together they gain less than the sum of what each gains alone"
        )
    if low == high == 0:
        return (
            "the two loops do not compound on this stream: the interaction is exactly zero, "
            "together they gain the sum of what each gains alone"
        )
    return (
        "the interaction of the two loops cannot be told apart from zero on this stream: "
        "whether they compound is open"
    )

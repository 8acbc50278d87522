"""Small charts as SVG, written by hand: they cost a page a millisecond and follow its colours.

Every drawing is as wide as `WIDTH` pixels before it is scaled; text that comes from outside is
escaped. Colours are the page's variables, each with the value that stands where there is none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from twoloops.analysis.markup import Html, esc

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 54, 16, 14, 34
INK = "var(--ink,#1b1f24)"
SOFT = "var(--soft,#59636e)"
LINE = "var(--line,#d5dae0)"
BLUE = "var(--c-data,#0072b2)"
ORANGE = "var(--c-models,#e69f00)"
RED = "var(--c-both,#d55e00)"
GREEN = "var(--c-everything,#009e73)"
GREY = "var(--c-neither,#7f7f7f)"

Point = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """A linear scale from values to pixels.

    Attributes:
        low: Value at `start`.
        high: Value at `end`; another one than `low`.
        start: In pixels.
        end: In pixels.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value.

        >>> Scale(0, 10, 100, 200)(5)
        150.0
        """
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def compact(value: float) -> str:
    """Print an axis label in few characters.

    >>> [compact(one) for one in (0, 2.5, -200, 40_000, 1_200_000)]
    ['0', '2.5', '−200', '40 k', '1.2 M']
    """
    for least, unit, mark in ((1e6, 1e6, " M"), (1e4, 1e3, " k")):
        if abs(value) >= least:
            return f"{value / unit:g}{mark}".replace("-", "−")
    return f"{value:g}".replace("-", "−")


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers that span the values, the first at or below and the last at or above.

    >>> ticks(3, 47)
    [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
    """
    if not high > low:
        low, high = low - 0.5, low + 0.5
    rough = (high - low) / about
    size = 10.0 ** np.floor(np.log10(rough))
    step = float(
        next(size * times for times in (1, 2, 2.5, 5, 10) if size * times >= rough * 0.999)
    )
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    return [round(float(number) * step, 10) for number in np.arange(first, last + 1)]


def text(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    size: float = 12,
    colour: str = SOFT,
    weight: int = 400,
) -> str:
    """Return a line of text."""
    bold = f' font-weight="{weight}"' if weight != 400 else ""
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size:g}" fill="{colour}"'
        f"{bold}>{esc(words)}</text>"
    )


def line(
    points: Sequence[Point], colour: str, *, width: float = 2, dash: str = "", title: str = ""
) -> str:
    """Return a line through points in pixels."""
    path = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    told = f"<title>{esc(title)}</title>" if title else ""
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dashed}>'
        f"{told}</path>"
    )


def band(low: Sequence[Point], high: Sequence[Point], colour: str) -> str:
    """Return the area between two lines in pixels."""
    path = "M" + "L".join(f"{x:g} {y:g}" for x, y in [*low, *reversed(high)]) + "Z"
    return f'<path d="{path}" fill="{colour}" fill-opacity="0.15" stroke="none"/>'


def dot(x: float, y: float, colour: str, *, title: str, filled: bool = True) -> str:
    """Return a mark that says what it is when the pointer rests on it."""
    fill = colour if filled else "var(--paper,#fff)"
    return (
        f'<circle cx="{x:g}" cy="{y:g}" r="4.5" fill="{fill}" stroke="{colour}" '
        f'stroke-width="2"><title>{esc(title)}</title></circle>'
    )


def bar(x: float, y: float, width: float, height: float, colour: str, *, title: str) -> str:
    """Return an upright bar from `y` down."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{max(height, 0):g}" '
        f'fill="{colour}" fill-opacity="0.75"><title>{esc(title)}</title></rect>'
    )


def left_axis(
    scale: Scale, values: Sequence[float], shown: Callable[[float], str], title: str
) -> str:
    """Return rules across the plot, what they stand for, and the axis title above them."""
    rules = "".join(
        f'<path d="M{LEFT} {scale(value):g}H{WIDTH - RIGHT}" stroke="{LINE}"/>'
        + text(LEFT - 7, scale(value) + 4, shown(value), anchor="end")
        for value in values
    )
    return rules + text(2, scale.end - 10, title)


def bottom_axis(
    places: Sequence[tuple[float, str]], y: float, title: str, *, room: float = 46
) -> str:
    """Return labels below the plot, as many as have room, and the axis title."""
    written, free = [], -1e9
    for x, words in places:
        if x - free >= room:
            written.append(text(x, y + 15, words, anchor="middle"))
            free = x
    return "".join(written) + text(WIDTH - RIGHT, y + 31, title, anchor="end")


def drawing(height: float, *parts: str) -> Html:
    """Return the parts as one drawing of the usual width."""
    return Html(
        f'<svg viewBox="0 0 {WIDTH} {height:g}" style="max-width:{WIDTH}px" '
        f'font-family="system-ui, sans-serif">{"".join(parts)}</svg>'
    )

"""How series look, and drawings made fit for a page: inline SVG, legends, colours.

Colours are the Okabe–Ito palette, each replaced by a style sheet variable on the way out, so
that a page can show the same drawing on light and on dark; every series also has its own dash
and its own mark.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from twoloops.analysis.markup import Html, tag


class Style(NamedTuple):
    """How a series looks: colour, dash (on, off in pixels; (1, 0) is solid), mark, width."""

    colour: str
    dash: tuple[int, ...]
    mark: str
    width: float


INK = "#010101"  # stands for the text colour of the page
STYLES = {
    "neither": Style("#7f7f7f", (1, 0), "square", 1.8),
    "models": Style("#e69f00", (7, 3), "triangle-up", 1.8),
    "data": Style("#0072b2", (2, 2), "diamond", 2.0),
    "both": Style("#d55e00", (1, 0), "circle", 3.2),
    "everything": Style("#009e73", (9, 3, 2, 3), "cross", 1.8),
    "keyword_rules": Style("#cc79a7", (4, 4), "triangle-down", 1.8),
}
_VARIABLES = {INK: "ink"} | {
    style.colour: f"c-{key.replace('_', '-')}" for key, style in STYLES.items()
}
_MARKS = {
    "square": "M13 4h8v8h-8z",
    "triangle-up": "M17 3l5 9h-10z",
    "triangle-down": "M17 13l5 -9h-10z",
    "diamond": "M17 3l5 5l-5 5l-5 -5z",
    "circle": "M12 8a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z",
    "cross": "M15.5 3h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z",
    "bar": "M4 2h26v12h-26z",
}


def _number(svg: str, prefix: str) -> str:
    """Make the ids of a drawing its own, so that several can stand on one page."""
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{prefix}-\1)", svg)
    return re.sub(r'href="#([^"]+)"', rf'href="#{prefix}-\1"', svg)


def inline(svg: str, prefix: str) -> Html:
    """Return a drawing fit for a page: scales with it, follows its colours, own ids.

    >>> inline('<svg width="9" height="9"><path id="a" fill="#d55e00"/></svg>', "x")
    '<svg style="max-width:9px"><path id="x-a" fill="var(--c-both,#d55e00)"/></svg>'
    """
    head, rest = svg.split(">", 1)
    head = re.sub(r' (xmlns(:\w+)?|version|class|height)="[^"]*"', "", head)
    head = re.sub(r' width="([\d.]+)"', r' style="max-width:\1px"', head)
    rest = re.sub(r' (aria-[a-z]+|role|pointer-events)="[^"]*"', "", rest)
    return Html(_number(f"{head}>{coloured(rest)}", prefix))


def legend(entries: Mapping[str, Style]) -> Html:
    """Return what each line means, as text on the page: fonts differ, a drawing cannot know."""
    keys = []
    for name, (colour, dash, mark, width) in entries.items():
        stroke = f'stroke="{colour}" stroke-width="{width}"'
        line = f'<path d="M0 8H34" fill="none" {stroke} stroke-dasharray="{_csv(dash)}"/>'
        if mark == "bar":
            line = ""
        drawn = (
            f'<svg width="34" height="16">{line}<path d="{_MARKS[mark]}" fill="{colour}"/></svg>'
        )
        keys.append(tag("span", coloured(drawn), name))
    return tag("div", *keys, class_="legend")


def _csv(numbers: Sequence[float]) -> str:
    return ",".join(f"{number:g}" for number in numbers)


def coloured(svg: str) -> Html:
    """Return SVG or JSON text in which quoted palette colours follow the page's style sheet."""
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(f'"{colour}"', f'"var(--{variable},{colour})"')
    return Html(svg)

"""The two loops drawn as one figure: what each holds now, and the turn in which they meet.

A number that may change while the page is open has its name in `data-count`; `shown` gives the
texts by those names, for the drawing and for whoever refreshes it.
"""

import math

from twoloops.analysis.markup import Html, esc
from twoloops.analysis.overview.facts import Counts
from twoloops.analysis.overview.plot import BLUE, INK, ORANGE, RED, SOFT, text
from twoloops.analysis.words import clip, count

WIDTH, HEIGHT = 760, 326
CENTRES = {"digital": (198, 163), "physical": (562, 163)}
ACROSS, DOWN = 182, 128
BOX, TALL = 122, 54
MEETING = (142, 116)
STATIONS = (
    ("digital", -128, "bases_offered", "bases offered"),
    ("digital", -66, "bases_tried", ""),
    ("digital", 66, "models", "models made"),
    ("digital", 112, "releases", "released"),
    ("digital", 180, "published", "published"),
    ("physical", 114, "deployed", "models in use"),
    ("physical", 52, "observations", "observations kept"),
    ("physical", 0, "questions", "questions open"),
    ("physical", -52, "labels", "labels"),
    ("physical", -114, "datasets", "datasets"),
)
"""Loop, angle in degrees (clockwise from the right), the count, and what it is called."""
ARROWS = {"digital": (-98, -36, 36, 89, 146, -154), "physical": (-144, 144, 84, 24, -26, -84)}
"""Angles of the arrows on each loop."""


def shown(counts: Counts) -> dict[str, str]:
    """Return every text that changes, by its name."""
    names = [name for _, _, name, _ in STATIONS]
    texts = {name: count(getattr(counts, name)) for name in names}
    texts["bases_adopted"] = f"bases tried, {count(counts.bases_adopted)} adopted"
    for number, words in enumerate(meeting(counts), start=1):
        texts[f"meeting_{number}"] = words
    return texts


def meeting(counts: Counts) -> tuple[str, str, str]:
    """Return three short lines that say where the open turns stand."""
    opened = counts.open_turns
    if not opened:
        return "no turn is open", "", ""
    if len(opened) > 1:
        waits = f"{count(counts.questions)} labels wanted" if counts.questions else ""
        return f"{len(opened)} turns open", waits, ""
    one = opened[0]
    waits = f"waits for {count(one.questions)}" if one.questions else ""
    return f"turn {one.turn} of {clip(one.task, 10)}", f"next: {one.stage}", waits


def draw(counts: Counts) -> Html:
    """Return the figure."""
    texts = shown(counts)
    titles = _title("digital", "digital loop", "models") + _title(
        "physical", "physical loop", "data"
    )
    boxes = "".join(_station(*station, texts) for station in STATIONS)
    return Html(
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" style="max-width:60rem" role="group" '
        'aria-label="The two loops and where they meet" font-family="system-ui, sans-serif">'
        f"{_ring('digital', ORANGE)}{_ring('physical', BLUE)}{titles}{boxes}{_meeting(texts)}</svg>"
    )


def _at(loop: str, degrees: float) -> tuple[float, float]:
    x, y = CENTRES[loop]
    angle = math.radians(degrees)
    return x + ACROSS * math.cos(angle), y + DOWN * math.sin(angle)


def _ring(loop: str, colour: str) -> str:
    """Return a loop with arrows the way things go: out of the meeting point below, back above."""
    x, y = CENTRES[loop]
    ring = (
        f'<ellipse cx="{x}" cy="{y}" rx="{ACROSS}" ry="{DOWN}" fill="none" stroke="{colour}" '
        'stroke-width="3" stroke-opacity="0.55"/>'
    )
    turned = 1 if loop == "digital" else -1
    arrows = ""
    for angle in ARROWS[loop]:
        px, py = _at(loop, angle)
        radians = math.radians(angle)
        slope = math.degrees(
            math.atan2(turned * DOWN * math.cos(radians), -turned * ACROSS * math.sin(radians))
        )
        arrows += (
            f'<path d="M-5 -6L6 0L-5 6z" fill="{colour}" '
            f'transform="translate({px:.1f} {py:.1f}) rotate({slope:.1f})"/>'
        )
    return ring + arrows


def _title(loop: str, name: str, what: str) -> str:
    x, y = CENTRES[loop]
    return text(x, y - 4, name, anchor="middle", size=17, colour=INK, weight=650) + text(
        x, y + 16, what, anchor="middle", size=13
    )


def _station(loop: str, degrees: float, name: str, called: str, texts: dict[str, str]) -> str:
    x, y = _at(loop, degrees)
    wide = BOX if called else BOX + 40
    x = min(max(x, wide / 2 + 3), WIDTH - wide / 2 - 3)
    colour = ORANGE if loop == "digital" else BLUE
    below = (
        text(x, y + 17, called, anchor="middle", size=12)
        if called
        else _live(x, y + 17, "bases_adopted", texts, size=12, colour=SOFT)
    )
    return (
        f'<rect x="{x - wide / 2:.1f}" y="{y - TALL / 2:.1f}" width="{wide}" height="{TALL}" '
        f'rx="9" fill="var(--paper,#fff)" stroke="{colour}" stroke-width="1.6"/>'
        f"{_live(x, y - 2, name, texts, size=20, colour=INK, weight=650)}{below}"
    )


def _live(
    x: float,
    y: float,
    name: str,
    texts: dict[str, str],
    *,
    size: float,
    colour: str,
    weight: int = 400,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle" font-size="{size:g}" '
        f'font-weight="{weight}" fill="{colour}" data-count="{name}">{esc(texts[name])}</text>'
    )


def _meeting(texts: dict[str, str]) -> str:
    wide, tall = MEETING
    x, y = WIDTH / 2, HEIGHT / 2
    lines = "".join(
        _live(x, y + 8 + 17 * (number - 1), f"meeting_{number}", texts, size=12.5, colour=INK)
        for number in (1, 2, 3)
    )
    return (
        f'<rect x="{x - wide / 2}" y="{y - tall / 2}" width="{wide}" height="{tall}" rx="12" '
        f'fill="var(--paper,#fff)" stroke="{RED}" stroke-width="2.6"/>'
        + text(x, y - 34, "specialise", anchor="middle", size=15, colour=INK, weight=650)
        + text(x, y - 16, "then the gate judges", anchor="middle", size=11.5)
        + lines
    )

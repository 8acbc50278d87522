"""The lineage drawn: what the bases were made from → bases → models ← datasets, as SVG."""

from collections.abc import Sequence

from twoloops.analysis.markup import Html, esc
from twoloops.analysis.report.lineage_layout import (
    BOX,
    COLUMN_GAP,
    Lineage,
    Placed,
    collapse,
    place,
)
from twoloops.analysis.words import clip
from twoloops.convergence.replays.outcome import Edge, Node

WIDTH = 960
TOP = 34
# Column: left edge and width of its boxes, in pixels; the margins hold arcs within a column.
COLUMNS = {"left": (50, 290), "middle": (412, 250), "right": (740, 168)}
HEADS = {
    "left": "bases, and what they were made from",
    "middle": "models made here",
    "right": "datasets",
}
LOOKS = {
    "ancestor": "var(--c-neither,#7f7f7f)",
    "base": "var(--c-models,#e69f00)",
    "model": "var(--c-data,#0072b2)",
    "release": "var(--c-data,#0072b2)",
    "dataset": "var(--c-everything,#009e73)",
}
CHARACTER = 0.61  # mean width of a character, in font sizes: system fonts are not measured here


def _fit(text: str, width: int, size: float) -> str:
    return clip(text, max(4, int((width - 20) / (CHARACTER * size))))


def _box(node: Node, column: str, y: int, lineage: Lineage) -> str:
    x, width = COLUMNS[column]
    colour = LOOKS[node.kind]
    dashed = node.kind == "model" and lineage.released and node.id not in lineage.released
    release = node.id in lineage.released
    border = f'stroke="{colour}" stroke-width="{2.6 if release else 1.4}"'
    if dashed or node.id in lineage.folded:
        border += ' stroke-dasharray="5 4"'
    round_ = 20 if node.kind == "dataset" else 5
    title = f"✓ {node.title}" if release else node.title
    lines = [(title, 12.5, "600", y + (18 if node.detail else 26))]
    if node.detail:
        lines.append((node.detail, 11.0, "400", y + 34))
    texts = "".join(
        f'<text x="{x + 12}" y="{at}" font-size="{size}" font-weight="{weight}" '
        f'fill="var(--ink,#010101)">{esc(_fit(text, width, size))}</text>'
        for text, size, weight, at in lines
    )
    hover = esc(f"{node.kind}: {clip(node.title, 200)} {clip(node.detail, 400)}".strip())
    return (
        f'<g><title>{hover}</title><rect x="{x}" y="{y}" width="{width}" height="{BOX}" '
        f'rx="{round_}" fill="{colour}" fill-opacity="0.1" {border}/>{texts}</g>'
    )


def _within(column: str, parent: int, child: int, relation: str) -> tuple[str, str]:
    """Return the path between two boxes of one column, and its label where it is straight."""
    x, width = COLUMNS[column]
    if 0 < child - parent - BOX <= 24:  # neighbours: straight down, with the relation beside it
        middle = x + 26
        fits = child - parent - BOX >= COLUMN_GAP
        label = (
            f'<text x="{middle + 10}" y="{child - 6}" font-size="10.5" fill="var(--ink,#010101)" '
            f'fill-opacity="0.75">{esc(_fit(relation, width, 10.5))}</text>'
            if fits
            else ""
        )
        return f"M{middle} {parent + BOX}V{child - 2}", label
    start, end = parent + BOX // 2, child + BOX // 2
    side, out = (x + width, 34) if column == "right" else (x, -34)
    lands = side + (2 if out > 0 else -2)
    return f"M{side} {start}C{side + out} {start} {side + out} {end} {lands} {end}", ""


def _across(source: str, target: str, parent: int, child: int) -> str:
    start, end = parent + BOX // 2, child + BOX // 2
    to_right = COLUMNS[source][0] < COLUMNS[target][0]
    x1 = COLUMNS[source][0] + (COLUMNS[source][1] if to_right else 0)
    x2 = COLUMNS[target][0] + (-2 if to_right else COLUMNS[target][1] + 2)
    bend = (x1 + x2) // 2
    return f"M{x1} {start}C{bend} {start} {bend} {end} {x2} {end}"


def _arrow(edge: Edge, lineage: Lineage, where: dict[str, tuple[str, int]]) -> str:
    (source, parent), (target, child) = where[edge.parent], where[edge.child]
    if source == target:
        path, label = _within(source, parent, child, edge.relation)
    else:
        path, label = _across(source, target, parent, child), ""
    colour = LOOKS[lineage.nodes[edge.parent].kind]
    hover = f"{clip(edge.relation, 120)}: {clip(lineage.nodes[edge.parent].title, 120)}"
    return (
        f'<g><title>{esc(hover)}</title><path d="{path}" fill="none" stroke="{colour}" '
        f'stroke-width="1.5" stroke-opacity="0.85" marker-end="url(#lineage-arrow)"/>{label}</g>'
    )


def _positions(placed: Placed) -> dict[str, tuple[str, int]]:
    columns = {"left": placed.left, "middle": placed.middle, "right": placed.right}
    return {key: (name, y + TOP) for name, boxes in columns.items() for key, y in boxes.items()}


def draw(nodes: Sequence[Node], edges: Sequence[Edge]) -> Html | None:
    """Return the drawing, `None` where there is nothing to draw.

    Models never released are folded into one box a base; the list of everything stands beside
    the drawing on the page.
    """
    lineage = collapse(nodes, edges)
    placed = place(lineage)
    where = _positions(placed)
    if not where:
        return None
    heads = "".join(
        f'<text x="{COLUMNS[name][0]}" y="18" font-size="12.5" fill="var(--ink,#010101)" '
        f'fill-opacity="0.75">{esc(HEADS[name])}</text>'
        for name in sorted({column for column, _ in where.values()})
    )
    arrows = "".join(
        _arrow(edge, lineage, where)
        for edge in lineage.edges
        if edge.child in where and edge.parent in where
    )
    boxes = "".join(
        _box(lineage.nodes[key], column, y, lineage) for key, (column, y) in where.items()
    )
    height = TOP + placed.height + 8
    return Html(
        f'<svg viewBox="0 0 {WIDTH} {height}" style="max-width:{WIDTH}px" '
        'font-family="system-ui, sans-serif">'
        '<defs><marker id="lineage-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" '
        'fill="var(--ink,#010101)" fill-opacity="0.7"/></marker></defs>'
        f"{heads}{arrows}{boxes}</svg>"
    )

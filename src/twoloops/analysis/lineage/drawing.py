"""The lineage drawn as SVG: what a thing rests on, the thing, what was made from it."""

from collections.abc import Mapping, Sequence
from textwrap import wrap

from twoloops.analysis.lineage.layout import Layout, lay_out
from twoloops.analysis.markup import Html, esc
from twoloops.analysis.words import clip
from twoloops.digital.obligations import Graph, Thing
from twoloops.records.digests import Digest, short
from twoloops.records.obligations import Carried
from twoloops.store.rows import Edge

WIDTH, HEIGHT = 216, 52
ACROSS, DOWN, PAST = 70, 14, 12
MARGIN, KEYS = 8, 34
CHARACTER = 0.58  # mean width of a character, in font sizes: system fonts are not measured here
COLOURS = {
    "base": "var(--c-models,#e69f00)",
    "ancestor": "var(--c-neither,#7f7f7f)",
    "dataset": "var(--c-everything,#009e73)",
    "model": "var(--c-data,#0072b2)",
    "release": "var(--c-data,#0072b2)",
    "teacher": "var(--c-keyword-rules,#cc79a7)",
}
OTHER = "var(--ink,#010101)"
GROUND = "var(--paper,#ffffff)"
LINE = "var(--soft,#59636e)"
BLOCKED = "var(--c-both,#d55e00)"
INK = 'fill="var(--ink,#010101)"'


def draw(
    graph: Graph, subject: Digest, carried: Sequence[Carried] = (), blocked: Sequence[Carried] = ()
) -> Html:
    """Return the drawing as an `svg` element.

    Args:
        graph: What is drawn, without cycles.
        subject: Drawn with a thick border.
        carried: Its obligations: told when the pointer rests on where they come from.
        blocked: Those of them that stand in the way; the lines of their paths are marked.
    """
    layout = lay_out(graph)
    places, height = _places(layout)
    things = {one.id: one for one in graph.things}
    marked = {pair for one in blocked for pair in zip(one.path, one.path[1:], strict=False)}
    # What is marked is drawn last, so that no other line covers it.
    lines = "".join(
        drawn
        for _, drawn in sorted(
            (_line(edge, things, places, layout, marked) for edge in graph.edges),
            key=lambda pair: pair[0],
        )
    )
    titles = {one.title for one in graph.things}
    told: dict[str, list[str]] = {}
    for one in carried:
        text = f"{one.obligation.kind}: {one.obligation.text}"
        told.setdefault(_source(one, titles), []).append(text)
    sources = {_source(one, titles) for one in blocked}
    boxes = "".join(
        _box(
            things[id_],
            at,
            own=id_ == subject,
            blocked=things[id_].title in sources and id_ != subject,
            told=told.get(things[id_].title, ()),
        )
        for id_, at in places.items()
        if id_ in things
    )
    width = 2 * MARGIN + len(layout.columns) * (WIDTH + ACROSS) - ACROSS
    width = max(width, 640)
    return Html(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'style="min-width:{min(width, 1400)}px;max-width:{width}px" '
        'font-family="system-ui, sans-serif">'
        f"{_markers()}{_keys(graph, bool(blocked))}{lines}{boxes}</svg>"
    )


def _source(one: Carried, titles: set[str]) -> str:
    """Return the title of the box an obligation comes from; a provider has none of its own."""
    return next((title for title in reversed(one.path) if title in titles), "")


def _places(layout: Layout) -> tuple[dict[Digest, tuple[int, int]], int]:
    """Return the upper left corner of every box and passing line, and the drawing's height."""
    tall = [
        sum(PAST if id_ in layout.passing else HEIGHT + DOWN for id_ in ids)
        for ids in layout.columns
    ]
    most = max(tall, default=0)
    places = {}
    for number, ids in enumerate(layout.columns):
        y = KEYS + (most - tall[number]) // 2
        for id_ in ids:
            places[id_] = (MARGIN + number * (WIDTH + ACROSS), y)
            y += PAST if id_ in layout.passing else HEIGHT + DOWN
    return places, KEYS + most


def alone(drawing: Html, title: str) -> str:
    """Return a drawing as a file of its own: a white ground, and a size."""
    head, rest = drawing.split(">", 1)
    box = head.split('viewBox="0 0 ', 1)[1].split('"', 1)[0]
    width, height = box.split(" ")
    head = f'{head.split(" style=", 1)[0]} width="{width}" height="{height}" ' + (
        'font-family="system-ui, sans-serif"'
    )
    ground = f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    # A viewer of drawings knows no variables of a style sheet: colours stand for themselves.
    return _plain(f"{head}><title>{esc(title)}</title>{ground}{rest}\n")


def _plain(svg: str) -> str:
    for colour in (*COLOURS.values(), OTHER, GROUND, LINE, BLOCKED):
        svg = svg.replace(colour, colour.rpartition(",")[2].rstrip(")"))
    return svg


def _markers() -> str:
    def marker(name: str, colour: str) -> str:
        return (
            f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
            f'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto-start-reverse">'
            f'<path d="M0 0L8 4L0 8z" fill="{colour}"/></marker>'
        )

    return f"<defs>{marker('made-into', LINE)}{marker('obliged', BLOCKED)}</defs>"


def _keys(graph: Graph, blocked: bool) -> str:
    """Return what the colours mean: the kinds that are there."""
    kinds = [kind for kind in COLOURS if any(one.kind == kind for one in graph.things)]
    written, x = [], MARGIN
    for text, colour in (
        *((kind, COLOURS[kind]) for kind in kinds),
        *((("in the way", BLOCKED),) if blocked else ()),
    ):
        written.append(
            f'<rect x="{x}" y="6" width="12" height="12" rx="3" fill="{colour}" '
            f'fill-opacity="0.35" stroke="{colour}"/><text x="{x + 18}" y="16.5" font-size="12" '
            f"{INK}>{esc(text)}</text>"
        )
        x += 34 + round(7 * len(text))
    return "".join(written)


def _fit(text: str, width: int, size: float) -> str:
    return clip(text, max(4, int(width / (CHARACTER * size))))


def _box(
    thing: Thing, at: tuple[int, int], *, own: bool, blocked: bool, told: Sequence[str]
) -> str:
    x, y = at
    colour = COLOURS.get(thing.kind, OTHER)
    stroke = f'stroke="{BLOCKED if blocked else colour}" stroke-width="{3 if own else 1.4}"'
    if blocked:
        stroke += ' stroke-dasharray="6 3"'
    digest = short(thing.id) if thing.id.startswith("sha256:") else ""
    below = " · ".join(filter(None, (thing.kind, thing.own.licence or digest)))
    hover = "\n".join((thing.title, thing.id, *(clip(one, 200) for one in told)))
    shape = f'x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="{_round(thing)}"'
    room = WIDTH - 20
    lines = _lines(thing.title, room)
    first = y + (17 if len(lines) > 1 else 22)
    texts = "".join(
        f'<text x="{x + 10}" y="{first + 14 * number}" font-size="12" font-weight="600" {INK}>'
        f"{esc(line)}</text>"
        for number, line in enumerate(lines)
    )
    return (
        f'<g><title>{esc(hover)}</title><rect {shape} fill="{GROUND}"/>'
        f'<rect {shape} fill="{colour}" fill-opacity="0.1" {stroke}/>{texts}'
        f'<text x="{x + 10}" y="{y + 45 - (0 if len(lines) > 1 else 5)}" font-size="10.5" {INK} '
        f'fill-opacity="0.8">{esc(_fit(below, room, 10.5))}</text></g>'
    )


def _round(thing: Thing) -> int:
    return 18 if thing.kind == "dataset" else 5


def _lines(title: str, width: int) -> list[str]:
    """Return a title on two lines at most; what stands at its end often tells it apart."""
    fits = int(width / (CHARACTER * 12))
    lines = wrap(title, fits) or [""]
    return lines if len(lines) <= 2 else [lines[0], clip(" ".join(lines[1:]), fits)]


def _line(
    edge: Edge,
    things: Mapping[Digest, Thing],
    places: Mapping[Digest, tuple[int, int]],
    layout: Layout,
    marked: set[tuple[str, str]],
) -> tuple[bool, str]:
    """Return whether a line is marked, and the line through the places that it passes."""
    parent, child = things[edge.parent], things[edge.child]
    x, y = places[edge.parent][0] + WIDTH, places[edge.parent][1] + HEIGHT // 2
    path = f"M{x} {y}"
    for one in layout.ways[edge.parent, edge.child]:
        left, top = places[one][0], places[one][1] + PAST // 2
        path += f"{_bend(x, y, left, top)}H{left + WIDTH}"
        x, y = left + WIDTH, top
    path += _bend(x, y, places[edge.child][0] - 2, places[edge.child][1] + HEIGHT // 2)
    obliged = (child.title, parent.title) in marked
    colour, name = (BLOCKED, "obliged") if obliged else (LINE, "made-into")
    look = f'stroke="{colour}" stroke-width="{2.4 if obliged else 1.1}"'
    return obliged, (
        f"<g><title>{esc(f'{child.title}: {edge.relation} {parent.title}')}</title>"
        f'<path d="{path}" fill="none" {look} '
        f'marker-end="url(#{name})"/></g>'
    )


def _bend(x1: int, y1: int, x2: int, y2: int) -> str:
    middle = (x1 + x2) // 2
    return f"C{middle} {y1} {middle} {y2} {x2} {y2}"

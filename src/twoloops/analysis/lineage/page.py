"""A lineage as one HTML file that needs nothing else, in the report's looks."""

from collections.abc import Sequence
from datetime import date
from string import Template

from twoloops.analysis.lineage.drawing import draw
from twoloops.analysis.markup import Html, esc, figure, join, more, packaged, table, tag
from twoloops.analysis.words import clip
from twoloops.digital.obligations import Graph
from twoloops.records.digests import Digest
from twoloops.records.finding import Purpose
from twoloops.records.obligations import Carried

NOTE = (
    "Computed from dated tables of what licences and terms say in short; it is no legal advice. "
    "What needs a person's word is settled by one, with a name and a day."
)


def page(
    graph: Graph,
    subject: Digest,
    carried: Sequence[Carried],
    purpose: Purpose,
    today: date,
) -> str:
    """Return the page as text.

    Args:
        graph: What is drawn.
        subject: Whose lineage it is.
        carried: Its obligations for the purpose.
        purpose: For what they were computed.
        today: The day they were computed for.
    """
    thing = graph.thing(subject)
    blocked = [one for one in carried if one.blocks(purpose)]
    drawing = draw(graph, subject, carried, blocked)
    caption = (
        "From left to right: what a thing was made from, the thing, what was made from it. "
        "Rest the pointer on a box or a line for all of its words."
    )
    body = (
        ("lineage", "Lineage", figure(drawing, caption, described=_described(graph))),
        ("obligations", f"Obligations for {purpose!r}", _obligations(carried, purpose)),
        ("things", "Everything in the drawing", _listed(graph)),
    )
    written = join(
        Html("\n") + tag("section", tag("h2", name), content, id=key) for key, name, content in body
    )
    stand = (
        f"{len(blocked)} of {len(carried)} obligations stand in the way of {purpose!r}"
        if blocked
        else f"None of {len(carried)} obligations stands in the way of {purpose!r}"
    )
    head = tag("h1", f"Lineage of {clip(thing.title, 120)}") + tag("p", f"{stand}, on {today}.")
    return Template(packaged("page.html")).substitute(
        style=packaged("style.css"),
        title=esc(f"Lineage of {clip(thing.title, 120)}"),
        head=head,
        navigation=join(tag("a", name, href=f"#{key}") for key, name, _ in body),
        body=written,
    )


def _described(graph: Graph) -> str:
    return f"A graph of {len(graph.things)} things and {len(graph.edges)} edges, listed below."


def _obligations(carried: Sequence[Carried], purpose: Purpose) -> Html:
    if not carried:
        return tag("p", f"None are known. {NOTE}")
    rows = []
    strong = []
    for number, one in enumerate(carried):
        own = one.obligation
        weight: str = own.weight(purpose)
        if one.confirmed is not None:
            word = one.confirmed
            weight = f"confirmed by {word.by}, {word.on}: {word.says}"
        if one.blocks(purpose):
            strong.append(number)
        rows.append((own.kind, weight, own.text, " → ".join(one.path), own.source))
    header = ("kind", "weight", "what it says", "path", "source")
    return join((table(header, rows, strong=strong), tag("p", NOTE, class_="note")))


def _listed(graph: Graph) -> Html:
    titles = {one.id: one.title for one in graph.things}
    above: dict[Digest, list[str]] = {}
    for edge in graph.edges:
        above.setdefault(edge.child, []).append(f"{edge.relation} {titles[edge.parent]}")
    rows = [
        (one.title, one.kind, one.own.licence, "; ".join(above.get(one.id, ())), one.id)
        for one in sorted(graph.things, key=lambda one: (one.kind, one.title, one.id))
    ]
    listed = table(("title", "kind", "licence", "made from", "id"), rows)
    return more(f"{len(rows)} things", listed)

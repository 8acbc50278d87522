"""The lineage drawn, listed and as a page."""

import re
from datetime import date
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.analysis.lineage.drawing import HEIGHT, WIDTH, alone, draw
from twoloops.analysis.lineage.layout import lay_out
from twoloops.analysis.lineage.page import page
from twoloops.analysis.lineage.text import tree
from twoloops.digital.obligations import Graph, Own, Thing, blocking, flow
from twoloops.store.rows import Edge

TODAY = date(2026, 11, 24)
GRAPH = Graph(
    (
        Thing("m", "model", "orders <b>turn 2</b>"),
        Thing("d", "dataset", "orders dataset of turn 2"),
        Thing("b", "base", "minilm", Own("Apache-2.0")),
        Thing("a", "ancestor", "UniLM v2", Own("unknown")),
        Thing("e", "edge", "edge line-1"),
    ),
    (
        Edge("m", "d", "learned from"),
        Edge("m", "b", "specialised from"),
        Edge("b", "a", "distilled from"),
        Edge("m", "a", "distilled from"),
        Edge("e", "m", "runs"),
    ),
)
CARRIED = flow(GRAPH, "m", "publish", TODAY)


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 50))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1))
    edges = {
        Edge(str(max(a, b)), str(min(a, b)), "made from")
        for a, b in draw(st.lists(pairs, max_size=80))
        if a != b
    }
    return Graph(
        tuple(Thing(str(n), "model", f"model {n}") for n in range(count)), tuple(sorted(edges))
    )


@settings(deadline=None, max_examples=40)
@given(graphs())
def test_parents_stand_before_their_children_and_every_thing_once(graph) -> None:
    layout = lay_out(graph)
    placed = [id_ for ids in layout.columns for id_ in ids if id_ not in layout.passing]
    assert sorted(placed) == sorted(one.id for one in graph.things)
    places = layout.places
    for edge in graph.edges:
        line = [edge.parent, *layout.ways[edge.parent, edge.child], edge.child]
        columns = [places[id_][0] for id_ in line]
        assert columns == list(range(columns[0], columns[-1] + 1))
        assert len(columns) > 1


@settings(deadline=None, max_examples=20)
@given(graphs())
def test_boxes_lie_apart_and_inside_the_drawing(graph) -> None:
    root = ElementTree.fromstring(alone(draw(graph, graph.things[0].id), "x"))
    width, height = (int(root.attrib[name]) for name in ("width", "height"))
    boxes = {
        (int(one.attrib["x"]), int(one.attrib["y"]))
        for one in root.iter("{http://www.w3.org/2000/svg}rect")
        if one.attrib.get("height") == str(HEIGHT)
    }
    assert len(boxes) == len(graph.things)
    for x, y in boxes:
        assert x + WIDTH <= width
        assert y + HEIGHT <= height
        assert all(
            abs(x - other) >= WIDTH or abs(y - down) >= HEIGHT for other, down in boxes - {(x, y)}
        )


def test_the_drawing_marks_what_stands_in_the_way() -> None:
    drawing = draw(GRAPH, "m", CARRIED, blocking(CARRIED, "publish"))
    assert "in the way" in drawing
    assert drawing.count("stroke-dasharray") == 1
    assert drawing.count('marker-end="url(#obliged)"') == 1  # the shorter of the two paths
    assert "orders &lt;b&gt;turn 2&lt;/b&gt;" in drawing
    assert "in the way" not in draw(GRAPH, "m", CARRIED)


def test_a_file_of_its_own_needs_no_style_sheet() -> None:
    text = alone(draw(GRAPH, "m", CARRIED, ()), "Lineage of <m>")
    assert "var(" not in text
    root = ElementTree.fromstring(text)
    assert root.find("{http://www.w3.org/2000/svg}title").text == "Lineage of <m>"


def test_the_page_needs_nothing_else_and_says_where_each_obligation_comes_from() -> None:
    text = page(GRAPH, "m", CARRIED, "publish", TODAY)
    assert "1 of 2 obligations stand in the way of &#x27;publish&#x27;" in text
    assert "orders &lt;b&gt;turn 2&lt;/b&gt; → UniLM v2" in text
    assert "it is no legal advice" in text
    assert "<script" not in text
    assert re.findall(r'(?:src|href)="(?!#)', text) == []


def test_the_tree_goes_into_nothing_twice() -> None:
    assert list(tree(GRAPH, "m", upwards=True)) == [
        "├─ distilled from UniLM v2 [ancestor, unknown]",
        "├─ specialised from minilm [base, Apache-2.0]",
        "│  └─ distilled from UniLM v2 [ancestor, unknown]",
        "└─ learned from orders dataset of turn 2 [dataset]",
    ]
    assert list(tree(GRAPH, "a", upwards=False)) == [
        "├─ minilm [base, Apache-2.0]",
        "│  └─ orders <b>turn 2</b> [model]",
        "│     └─ edge line-1 [edge]",
        "└─ orders <b>turn 2</b> [model] (see above)",
    ]


def test_a_long_line_of_generations_is_no_trouble() -> None:
    count = 3_000
    graph = Graph(
        tuple(Thing(str(n), "model", f"model {n}") for n in range(count)),
        tuple(Edge(str(n + 1), str(n), "distilled from") for n in range(count - 1)),
    )
    assert len(list(tree(graph, "0", upwards=False))) == count - 1

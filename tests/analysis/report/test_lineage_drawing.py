import itertools
import xml.etree.ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.analysis.report.lineage_drawing import draw
from twoloops.analysis.report.lineage_layout import BOX, MOST_MODELS, collapse, place
from twoloops.convergence.replays.outcome import Edge, Node

KINDS = st.sampled_from(["base", "ancestor", "dataset", "model", "release"])


def boxes(lineage):
    placed = place(lineage)
    return [list(column.values()) for column in (placed.left, placed.middle, placed.right)]


def test_nothing_is_drawn_of_nothing():
    assert draw((), ()) is None


def test_releases_mark_their_models(example_result):
    result = example_result()
    lineage = collapse(result.nodes, result.edges)
    assert "m:1:0" in lineage.released
    assert "m:2:0" not in lineage.released
    assert not any(node.kind == "release" for node in lineage.nodes.values())


def test_candidates_never_released_share_a_box_by_base(example_result):
    result = example_result()
    lineage = collapse(result.nodes, result.edges)
    titles = [lineage.nodes[key].title for key in lineage.folded]
    assert titles == ["7 candidates not released"]
    assert lineage.parents("folded:1", ["base"]) == ["b:minilm"]


def test_a_long_replay_stays_legible(example_result):
    result = example_result(turns=80)
    lineage = collapse(result.nodes, result.edges)
    models = [node for node in lineage.nodes.values() if node.kind == "model"]
    assert len(models) == MOST_MODELS
    assert models[-1].title == "model 80"
    assert "more models" in draw(result.nodes, result.edges)


def test_an_ancestor_stands_above_what_was_made_from_it(example_result):
    result = example_result()
    left = place(collapse(result.nodes, result.edges)).left
    assert left["a:bert"] < left["a:l6"] < left["a:st"] < left["b:minilm"] < left["b:both"]


def test_a_circle_in_the_edges_does_no_harm():
    nodes = [Node(id=name, kind="base", title=name) for name in "ab"]
    edges = [Edge(child=c, parent=p, relation="from") for c, p in ("ab", "ba", "aa", "az")]
    assert draw(nodes, edges) is not None


@settings(deadline=None, max_examples=50)
@given(st.lists(KINDS, max_size=40), st.lists(st.tuples(st.integers(0, 39), st.integers(0, 39))))
def test_no_two_boxes_of_a_column_overlap(kinds, pairs):
    nodes = [Node(id=str(place), kind=kind, title="<&>") for place, kind in enumerate(kinds)]
    edges = [Edge(child=str(a), parent=str(b), relation="<&>") for a, b in pairs]
    for column in boxes(collapse(nodes, edges)):
        column.sort()
        assert all(below - above >= BOX for above, below in itertools.pairwise(column))
    drawing = draw(nodes, edges)
    if drawing is not None:
        ET.fromstring(drawing)

"""The lineage of a workspace: what is derived, what each thing brings, how it is named."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from twoloops.digital.obligations import blocking
from twoloops.records.base import ModelCard
from twoloops.records.dataset import Dataset, Item
from twoloops.records.errors import UserError
from twoloops.records.gate import Verdict
from twoloops.records.label import Label
from twoloops.records.money import Money
from twoloops.records.obligations import Confirmation
from twoloops.records.observation import Decision, Kept, Observation, Place
from twoloops.records.task import Task
from twoloops.store.rows import Edge
from twoloops.store.workspace import Store
from twoloops.wiring.lineage import around, confirm, find, graph_of, named, obligations_of
from twoloops.wiring.workspace import workbench

AT = datetime(2026, 11, 24, tzinfo=UTC)
TODAY = AT.date()
TASK = Task("orders", "text", ("leak", "ok"), normal="ok")


def observed(store: Store, number: int, labeller: str, model: str | None = None) -> Item:
    """Keep an observation with its label; returns the item a dataset has of it."""
    place = Place("line-1", "e", number)
    digest = store.inputs.put(f"text {number}".encode(), "text")
    decision = None if model is None else Decision("ok", (0.0, 1.0), model, None, 0.0)
    store.observations.add_many(
        [Observation(place, "orders", digest, AT, "p", decision, Kept("routine", 1.0))]
    )
    store.labels.add_many("orders", [Label(place, "leak", labeller, AT, Money(Decimal(1), "EUR"))])
    return Item(0, digest, "leak", "train", True, 1.0, digest)


@pytest.fixture
def store():
    """Two models: one on built-in features, and one on a base whose card is not at hand."""
    with Store.in_memory() as made:
        made.tasks.put(TASK)
        base = workbench(TASK).first(TASK)
        clean = Dataset.of("orders", [observed(made, 1, "person:Ada")])
        taught = Dataset.of("orders", [observed(made, 2, "teacher:zhipu/glm-5")])
        for turn, dataset in enumerate((clean, taught)):
            made.datasets.put(dataset, turn)
            made.lineage.node(dataset.digest, "dataset", f"orders dataset of turn {turn}")
        made.lineage.node(base.digest, "base", base.card.name)
        made.lineage.node("sha256:" + "0" * 64, "base", "elsewhere")
        made.lineage.node("ancestor:far/away", "ancestor", "far/away")
        made.lineage.edge("sha256:" + "0" * 64, "ancestor:far/away", "distilled from")
        for turn, (dataset, digest) in enumerate(
            ((clean, base.digest), (taught, "sha256:" + "0" * 64))
        ):
            card = ModelCard(
                "orders", ("leak", "ok"), "ok", None, "b", digest, "head/1", dataset.digest
            )
            model = made.models.put(f"model {turn}".encode(), card, turn)
            made.lineage.node(model, "model", f"orders turn {turn}")
            made.lineage.edge(model, digest, "specialised from")
            made.lineage.edge(model, dataset.digest, "learned from")
        (first, *_) = made.models.of_task("orders")
        verdict = Verdict(True, "first", "released: better", 20.0, 120, 0.1)
        made.releases.approve("orders", 0, first.digest, verdict, AT)
        observed(made, 3, "person:Ada", first.digest)
        yield made


def titles(graph):
    return {one.title for one in graph.things}


def test_what_labels_releases_and_edges_say_is_in_the_graph(store) -> None:
    graph = graph_of(store)
    first, second = store.models.of_task("orders")
    assert Edge(second.card.dataset, "teacher:zhipu/glm-5", "labelled by") in graph.edges
    assert [one for one in graph.edges if one.child == first.card.dataset] == []
    assert Edge("edge:line-1", first.digest, "runs") in graph.edges
    assert Edge(first.digest, "recipe:head/1", "made by") in graph.edges
    assert {"orders release of turn 0", "gate of turn 0: first, 120 labels"} <= titles(graph)
    licences = {one.title: one.own.licence for one in graph.things if one.kind != "model"}
    assert licences["builtin/char-ngram"] == "Apache-2.0"
    assert (licences["elsewhere"], licences["far/away"]) == ("unknown", "unknown")


def test_the_obligations_of_a_model_and_of_what_runs_it(store) -> None:
    first, second = store.models.of_task("orders")
    (notice,) = obligations_of(store, first.digest, "publish", TODAY)
    assert (notice.obligation.kind, notice.blocks("publish")) == ("notice", False)
    blocked = blocking(obligations_of(store, second.digest, "internal", TODAY), "internal")
    assert [one.path for one in blocked] == [
        ("orders turn 1", "orders dataset of turn 1", "teacher:zhipu/glm-5", "Z.ai")
    ]
    blocked = blocking(obligations_of(store, second.digest, "publish", TODAY), "publish")
    assert [one.path[-1] for one in blocked] == ["Z.ai", "elsewhere", "far/away"]
    (same,) = obligations_of(store, "edge:line-1", "publish", TODAY)
    assert same.path == ("edge line-1", *notice.path)


def test_a_persons_word_goes_on_record_and_settles_its_purpose(store) -> None:
    _, second = store.models.of_task("orders")
    graph = graph_of(store)
    word = Confirmation("Ada", TODAY, "MIT, by its author's letter", ("publish",))
    for name in ("far/away", "zhipu/glm-5"):
        for _ in range(2):
            confirm(store, find(graph, name, None), word, AT)
    assert len(store.journal.facts(kind="terms confirmed")) == 2
    carried = obligations_of(store, second.digest, "publish", TODAY)
    assert [one.path[-1] for one in blocking(carried, "publish")] == ["Z.ai", "elsewhere"]
    assert [one.confirmed for one in carried if one.path[-1] == "far/away"] == [word]
    carried = obligations_of(store, second.digest, "distribute", TODAY)
    assert "far/away" in [one.path[-1] for one in blocking(carried, "distribute")]
    with pytest.raises(UserError, match="orders turn 1 has no terms of its own: name the base"):
        confirm(store, graph.thing(second.digest), word, AT)
    with pytest.raises(UserError, match="needs who says it"):
        confirm(store, find(graph, "far/away", None), Confirmation(" ", date(2026, 1, 1), "x"), AT)


def test_things_are_found_by_name_and_by_digits(store) -> None:
    graph = graph_of(store)
    first, second = store.models.of_task("orders")
    for words, title in (
        ("deployed", "orders turn 0"),
        (second.digest, "orders turn 1"),
        (second.digest.removeprefix("sha256:")[:8].upper(), "orders turn 1"),
        ("Elsewhere", "elsewhere"),
        ("zhipu/glm-5", "teacher:zhipu/glm-5"),
        ("teacher:zhipu/glm-5", "teacher:zhipu/glm-5"),
        ("orders dataset of turn 1", "orders dataset of turn 1"),
        ("far/", "far/away"),
        ("edge:line-1", "edge line-1"),
    ):
        assert find(graph, words, first.digest).title == title
    with pytest.raises(UserError, match=r"'orders dataset' names several things: .* one of orders"):
        find(graph, "orders dataset", None)
    with pytest.raises(UserError, match=r"'nothing' names nothing in the lineage: .*known are "):
        find(graph, "nothing", None)
    with pytest.raises(UserError, match="no model is released yet"):
        find(graph, "deployed", None)
    assert named(graph.thing(first.digest)) == first.digest[7:19]


def test_the_part_around_a_thing_is_cut_by_side_and_depth(store) -> None:
    graph = graph_of(store)
    second = find(graph, store.models.of_task("orders")[1].digest, None)
    assert titles(around(graph, second, up=False, down=True)) == {"orders turn 1"}
    near = around(graph, second, up=True, down=False, depth=1)
    assert titles(near) == {
        "orders turn 1",
        "orders dataset of turn 1",
        "elsewhere",
        "recipe head/1",
    }
    whole = around(graph, second, up=True, down=True)
    assert titles(whole) - titles(near) == {"far/away", "teacher:zhipu/glm-5"}

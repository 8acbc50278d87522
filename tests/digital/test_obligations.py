"""Obligations: laws of their flow, and a table of every licence and every provider."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.atlas.contracts import licences, teacher_terms
from twoloops.digital.obligations import (
    Graph,
    Own,
    Thing,
    blocking,
    flow,
    student_of,
    way_of,
)
from twoloops.records.errors import UserError
from twoloops.records.finding import OUTWARD, PURPOSES
from twoloops.records.obligations import Carried, Confirmation, Obligation
from twoloops.store.rows import Edge

TODAY = date(2026, 11, 24)
LICENCES = [one.id for one in licences()]
PROVIDERS = [one.provider for one in teacher_terms()]

relations = st.sampled_from(["specialised from", "distilled from", "trained on", "labelled by"])
owns = st.one_of(
    st.just(Own()),
    st.sampled_from([*LICENCES, "unknown", "Beerware", "MIT OR CC-BY-NC-4.0"]).map(Own),
    st.sampled_from([*PROVIDERS, "a colleague", "openrouter/auto"]).map(
        lambda name: Own(teacher=name)
    ),
)


@st.composite
def graphs(draw):
    """Graphs without cycles: a thing is made from later ones only; the subject is thing 0."""
    count = draw(st.integers(2, 7))
    things = tuple(Thing(str(n), "ancestor", f"thing {n}", draw(owns)) for n in range(count))
    pairs = st.tuples(st.integers(0, count - 1), st.integers(0, count - 1), relations)
    edges = [
        Edge(str(min(a, b)), str(max(a, b)), relation)
        for a, b, relation in draw(st.lists(pairs, max_size=10))
        if a != b
    ]
    return Graph(things, tuple(dict.fromkeys(edges)))


def asked(graph, purpose, subject="0", today=TODAY):
    return {(one.obligation, one.path[-1]) for one in flow(graph, subject, purpose, today)}


@settings(deadline=None)
@given(graphs(), st.sampled_from(PURPOSES), st.data())
def test_an_edge_more_never_removes_an_obligation(graph, purpose, data) -> None:
    kept = data.draw(st.sets(st.sampled_from(graph.edges))) if graph.edges else set()
    fewer = Graph(graph.things, tuple(one for one in graph.edges if one in kept))
    assert asked(fewer, purpose) <= asked(graph, purpose)


@settings(deadline=None)
@given(graphs(), owns, relations, st.sampled_from(PURPOSES), st.data())
def test_an_ancestor_more_never_removes_an_obligation(graph, own, relation, purpose, data) -> None:
    child = data.draw(st.sampled_from(graph.things))
    more = graph.joined([Thing("new", "ancestor", "new", own)], [Edge(child.id, "new", relation)])
    assert asked(graph, purpose) <= asked(more, purpose)
    before = {
        (one.obligation, one.path[-1])
        for one in blocking(flow(graph, "0", purpose, TODAY), purpose)
    }
    after = {
        (one.obligation, one.path[-1]) for one in blocking(flow(more, "0", purpose, TODAY), purpose)
    }
    assert before <= after


@settings(deadline=None)
@given(graphs(), st.randoms(use_true_random=False), st.sampled_from(PURPOSES))
def test_order_does_not_matter(graph, draw, purpose) -> None:
    things, edges = list(graph.things), list(graph.edges)
    draw.shuffle(things)
    draw.shuffle(edges)
    shuffled = Graph(tuple(things), tuple(edges))
    assert flow(graph, "0", purpose, TODAY) == flow(shuffled, "0", purpose, TODAY)


@settings(deadline=None)
@given(graphs(), st.sampled_from(PURPOSES))
def test_a_student_carries_what_its_teacher_may_not_be_learned_from(graph, purpose) -> None:
    """What stands against the teacher stands against its student, and the student's student."""
    second, student = student_of(graph, ["0"], "student")
    third, grandchild = student_of(second, [student], "student's student")

    def against(of, subject):
        return {
            (one.obligation, one.path[-1])
            for one in flow(of, subject, purpose, TODAY)
            if one.obligation.against
        }

    assert against(graph, "0") <= against(second, student) == against(third, grandchild)


@settings(deadline=None)
@given(graphs(), st.sampled_from(PURPOSES), st.integers(0, 800), st.integers(0, 800))
def test_a_later_day_never_removes_an_obligation(graph, purpose, first, second) -> None:
    early, late = (TODAY + timedelta(days) for days in sorted((first, second)))
    assert asked(graph, purpose, today=early) <= asked(graph, purpose, today=late)


@settings(deadline=None)
@given(graphs(), st.sampled_from(PURPOSES))
def test_paths_begin_at_the_subject_and_a_word_settles_no_more_than_needs(graph, purpose) -> None:
    word = Confirmation("Ada", TODAY, "asked and answered")
    said = Graph(
        tuple(
            Thing(one.id, one.kind, one.title, Own(one.own.licence, one.own.teacher, (word,)))
            for one in graph.things
        ),
        graph.edges,
    )
    carried = flow(said, "0", purpose, TODAY)
    assert all(one.path[0] == "thing 0" for one in carried)
    assert all(one.obligation.against for one in blocking(carried, purpose))


def student(own, relation="distilled from", kind="ancestor"):
    """Two generations: a model made from another, which was made from what has the terms."""
    return Graph(
        (Thing("s", "model", "student"), Thing("m", "model", "middle"), Thing("x", kind, "x", own)),
        (Edge("s", "m", "specialised from"), Edge("m", "x", relation)),
    )


def kinds(own, relation, purpose, today=TODAY):
    carried = flow(student(own, relation), "s", purpose, today)
    stops = set(blocking(carried, purpose))
    return {f"{one.obligation.kind}{'!' if one in stops else ''}" for one in carried}


# What flows through weights, and through outputs, when the model is published; `!` stops it.
FLOWS = {
    "Apache-2.0": ("notice", ""),
    "MIT": ("notice", ""),
    "Modified-MIT-Kimi-K2": ("notice threshold!", ""),
    "DeepSeek-Model-Licence": ("notice use-limit", "notice use-limit"),
    "Llama-2": ("no-train-on-outputs notice threshold! use-limit", "no-train-on-outputs!"),
    "Llama-3": ("naming no-train-on-outputs notice threshold! use-limit", "no-train-on-outputs!"),
    "Llama-3.1": ("naming notice threshold! use-limit", "naming"),
    "Tongyi-Qianwen": ("no-train-on-outputs notice threshold!", "no-train-on-outputs!"),
    "qwen-research": ("naming research-only! use-limit", "naming research-only!"),
    "Gemma-Terms": ("use-limit", "use-limit"),
    "BSD-2-Clause": ("notice", ""),
    "BSD-3-Clause": ("naming notice", ""),
    "CC-BY-4.0": ("notice", "notice unknown!"),
    "CC-BY-SA-4.0": ("notice share-alike", "notice share-alike! unknown!"),
    "CC-BY-NC-4.0": ("non-commercial! notice", "non-commercial! notice unknown!"),
    "CC-BY-NC-SA-4.0": (
        "non-commercial! notice share-alike",
        "non-commercial! notice share-alike! unknown!",
    ),
    "CC0-1.0": ("", ""),
    "CreativeML-OpenRAIL-M": ("notice use-limit", "notice use-limit"),
    "BigScience-OpenRAIL-M": ("notice use-limit", "notice use-limit"),
    "Gemma-4": ("unknown!", "unknown!"),
    "unknown": ("unknown!", "unknown!"),
    "Beerware": ("unknown!", "unknown!"),
}


def test_the_table_of_flows_has_every_licence() -> None:
    assert set(LICENCES) == set(FLOWS) - {"unknown", "Beerware"}


@pytest.mark.parametrize("name", FLOWS)
def test_what_flows_from_each_licence(name) -> None:
    weights, outputs = FLOWS[name]
    assert kinds(Own(name), "fine-tuned from", "publish") == set(weights.split())
    assert kinds(Own(name), "distilled from", "publish") == set(outputs.split())


INSIDE = {
    "Llama-2": "no-train-on-outputs!",
    "Llama-3": "no-train-on-outputs!",
    "Tongyi-Qianwen": "no-train-on-outputs!",
    "qwen-research": "research-only!",
    "DeepSeek-Model-Licence": "use-limit",
    "Gemma-Terms": "use-limit",
    "CreativeML-OpenRAIL-M": "use-limit",
    "BigScience-OpenRAIL-M": "use-limit",
    "CC-BY-NC-4.0": "non-commercial! unknown",
    "CC-BY-NC-SA-4.0": "non-commercial! unknown",
    "CC-BY-4.0": "unknown",
    "CC-BY-SA-4.0": "unknown",
    "Gemma-4": "unknown",
    "unknown": "unknown",
    "Beerware": "unknown",
}


@pytest.mark.parametrize("name", FLOWS)
def test_inside_the_organisation_unknown_is_let_pass_with_its_reason(name) -> None:
    assert kinds(Own(name), "distilled from", "internal") == set(INSIDE.get(name, "").split())


# Weight for internal use, and for publishing; empty where nothing is asked.
STANCES = {
    "OpenAI": ("needs", "against"),
    "Anthropic": ("needs", "needs"),
    "Google Gemini API": ("needs", "needs"),
    "DeepSeek Open Platform": ("", ""),
    "Alibaba Model Studio": ("needs", "needs"),
    "Moonshot Kimi": ("needs", "needs"),
    "Z.ai": ("against", "against"),
    "MiniMax": ("duty", "needs"),
    "xAI": ("against", "against"),
    "OpenRouter": ("needs", "needs"),
}


def test_the_table_of_stances_has_every_provider() -> None:
    assert set(PROVIDERS) == set(STANCES)


@pytest.mark.parametrize("name", STANCES)
def test_what_flows_from_each_provider_through_two_generations(name) -> None:
    for purpose, weight in zip(("internal", "publish"), STANCES[name], strict=True):
        graph = student(Own(teacher=name), "labelled by", "teacher")
        carried = flow(graph, "s", purpose, TODAY)
        assert [one.obligation.weight(purpose) for one in carried] == ([weight] if weight else [])
        stops = [one.path[:3] for one in blocking(carried, purpose)]
        assert stops == ([("student", "middle", "x")] if weight in ("needs", "against") else [])


def test_openai_excepts_what_is_not_distributed_when_a_person_says_that_it_is_such() -> None:
    word = Confirmation("Ada", TODAY, "a classifier of work orders, used here only", PURPOSES)
    graph = student(Own(teacher="openai/gpt-6", confirmed=(word,)), "labelled by", "teacher")
    (inside,) = flow(graph, "s", "internal", TODAY)
    assert inside.confirmed == word
    assert "categorising, classifying or organising" in inside.obligation.text
    assert blocking([inside], "internal") == ()
    for purpose in OUTWARD:
        assert len(blocking(flow(graph, "s", purpose, TODAY), purpose)) == 1


def test_the_message_names_the_whole_path() -> None:
    things = (
        Thing("2", "model", "student of the student"),
        Thing("1", "model", "student"),
        Thing("d", "dataset", "orders of turn 2"),
        Thing("t", "teacher", "teacher:zhipu/glm-5", Own(teacher="zhipu/glm-5")),
    )
    edges = (
        Edge("2", "1", "distilled from"),
        Edge("1", "d", "learned from"),
        Edge("d", "t", "labelled by"),
    )
    (one,) = blocking(flow(Graph(things, edges), "2", "internal", TODAY), "internal")
    assert str(one) == (
        "no-train-on-outputs: Z.ai, API terms 1.xii: no training, labelling or fine-tuning of "
        "external models on outputs (ctl-teacher-terms); path: student of the student → student "
        "→ orders of turn 2 → teacher:zhipu/glm-5 → Z.ai"
    )


def test_openrouter_passes_on_the_upstreams_terms() -> None:
    named = student(Own(teacher="openrouter/z.ai/glm-5"), "labelled by", "teacher")
    assert [one.obligation.against for one in flow(named, "s", "publish", TODAY)] == [PURPOSES]
    free = student(Own(teacher="openrouter/deepseek/deepseek-chat"), "labelled by", "teacher")
    assert flow(free, "s", "publish", TODAY) == ()
    (unnamed,) = flow(student(Own(teacher="openrouter/auto"), "labelled by"), "s", "publish", TODAY)
    assert "does not name the upstream model" in unnamed.obligation.text


def test_a_teacher_of_no_known_provider_is_unknown() -> None:
    graph = student(Own(teacher="somebody/large-1"), "labelled by", "teacher")
    (one,) = flow(graph, "s", "publish", TODAY)
    assert (one.obligation.kind, one.blocks("publish"), one.blocks("internal")) == (
        "unknown",
        True,
        True,
    )
    assert "somebody/large-1" in one.obligation.text


def test_a_stale_row_needs_a_fresh_reading_and_an_old_word_is_none() -> None:
    row = next(one for one in licences() if one.id == "Llama-3.1")
    late = row.review_by + timedelta(1)
    assert "unknown!" not in kinds(Own(row.id), "distilled from", "publish", row.review_by)
    assert "unknown!" in kinds(Own(row.id), "distilled from", "publish", late)
    old, fresh = (Confirmation("Ada", day, "read") for day in (row.as_of, late))
    for word, blocks in ((old, True), (fresh, False)):
        graph = student(Own(row.id, confirmed=(word,)), "distilled from")
        assert bool(blocking(flow(graph, "s", "publish", late), "publish")) is blocks


def test_a_word_holds_for_the_purposes_it_was_given_for() -> None:
    word = Confirmation("Ada", TODAY, "we do research", ("internal",))
    graph = student(Own("qwen-research", confirmed=(word,)), "fine-tuned from")
    assert blocking(flow(graph, "s", "internal", TODAY), "internal") == ()
    assert len(blocking(flow(graph, "s", "publish", TODAY), "publish")) == 1


def test_data_with_conditions_needs_an_answer_whether_they_reach_a_model() -> None:
    assert kinds(Own("CC-BY-SA-4.0"), "trained on", "publish") == {"notice", "share-alike!"}
    assert kinds(Own("CC-BY-4.0"), "trained on", "publish") == {"notice"}


def test_the_last_way_that_was_not_weights_decides() -> None:
    # A student of a model that was fine-tuned from Llama 2 has none of its weights.
    graph = student(Own("Llama-2"), "fine-tuned from")
    graph, made = student_of(graph, ["s"], "new")
    (one,) = flow(graph, made, "internal", TODAY)
    assert (one.obligation.kind, one.blocks("internal")) == ("no-train-on-outputs", True)
    assert "needs a person's answer" in one.obligation.text


def test_what_came_declared_flows_as_it_is() -> None:
    own = Obligation("naming", "keep the name", "a sidecar", needs=("publish",))
    graph = student(Own(declared=(own,)), "adopted from")
    assert flow(graph, "s", "publish", TODAY) == (Carried(own, ("student", "middle", "x")),)


@pytest.mark.parametrize(
    ("relation", "kind", "way"),
    [
        ("exported to ONNX with int8 weights from", "ancestor", "weights"),
        ("fine-tuned on about 1.17 billion sentence pairs from", "ancestor", "weights"),
        ("distilled from", "ancestor", "outputs"),
        ("trained on", "ancestor", "data"),
        ("learned from", "dataset", "data"),
        ("made by", "teacher", "outputs"),
    ],
)
def test_ways(relation, kind, way) -> None:
    assert way_of(relation, Thing("x", kind, "x")) == way


def test_what_is_not_there_is_said() -> None:
    graph = Graph((Thing("a", "model", "a"),), (Edge("a", "b", "made from"),))
    with pytest.raises(UserError, match="the lineage has no b: see  twoloops lineage"):
        flow(graph, "b", "publish", TODAY)
    with pytest.raises(ValueError, match="an edge names a thing that is not there"):
        flow(graph, "a", "publish", TODAY)

"""Why a model was released: what is gathered from the records."""

import pytest

from twoloops.edge.runtime import Runtime
from twoloops.records.digests import short
from twoloops.records.errors import UserError
from twoloops.wiring.why import why_of
from twoloops.wiring.workspace import reading


@pytest.fixture
def store(plant):
    with reading(plant.folder) as found:
        yield found


@pytest.fixture
def task(store):
    return store.tasks.get("orders")


def test_a_release_is_compared_with_the_one_before_on_labels_that_came_after_both(store, task):
    before, release = store.releases.all("orders")[:2]
    why = why_of(store, short(release.model), task)
    later = [
        (store.observations.get(one.observation), one)
        for one in store.questions.of_task("orders")
        if one.purpose == "audit" and release.turn < one.turn < 3
    ]
    gain = total = 0.0
    for seen, question in later:
        truth = store.labels.find([seen.place])[seen.place][0].label
        data = [store.inputs.get(seen.input)]
        right = [
            Runtime(store.models.get(one.model)).decide(data)[0].label == truth
            for one in (release, before)
        ]
        gain += (right[0] - right[1]) / question.probability
        total += 1 / question.probability
    assert why.beside_before.after == len(later)
    assert why.beside_before.value == pytest.approx(gain / total)


def test_the_record_is_that_of_the_turn(store, task):
    release = store.releases.all("orders")[1]
    why = why_of(store, f"turn {release.turn}", task)
    assert why.candidate.verdict == release.verdict
    assert why.candidate.model == release.model
    assert why.approved_at == release.approved_at
    facts = {fact.sequence: fact for fact in store.journal.facts("orders")}
    fact = facts[why.fact[0]]
    assert (fact.kind, fact.digest, fact.body["model"]) == (
        "release approved",
        why.fact[1],
        release.model,
    )
    dataset = store.datasets.get(why.data.dataset)
    counts = (why.data.train, why.data.golden, why.data.audit)
    assert counts == tuple(len(dataset.split(name)) for name in ("train", "golden", "audit"))
    (labeller,) = why.data.labellers
    assert labeller.labeller == "person:ann"
    assert labeller.labels >= len(dataset.items)
    assert why.base.name == "builtin/char-ngram"
    assert why.base.licence == "Apache-2.0"
    assert why.self_test.endswith("inputs")
    best = store.releases.all("orders")[0]
    assert why.compared_with.startswith(short(best.model))


def test_a_model_of_an_open_turn_or_none_at_all_is_not_found(store, task):
    with pytest.raises(UserError, match="names no model"):
        why_of(store, "sha256:ffff", task)
    with pytest.raises(UserError, match=r"has no turn 12: there are 0 to 3"):
        why_of(store, "TURN 12", task)
    with pytest.raises(UserError, match="name the task of 'turn 1' with --task"):
        why_of(store, "turn 1", None)

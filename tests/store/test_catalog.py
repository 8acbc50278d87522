from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from twoloops.records.base import ModelCard
from twoloops.records.dataset import Dataset, Item
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.gate import Check, Verdict
from twoloops.records.label import Label, Question
from twoloops.records.money import Money
from twoloops.records.observation import Decision, Kept, Observation, Place
from twoloops.records.task import Task
from twoloops.store.rows import Gap
from twoloops.store.schema import INLINE_LIMIT
from twoloops.store.workspace import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TASK = Task("orders", "text", ("leak", "none"), normal="none")
PASSED = Verdict(True, "first", "beats the majority class", 30.0, 62, 0.1, (Check("a", True, "b"),))


def observation(counter: int, *, epoch: str = "e1", period: str = "2001") -> Observation:
    return Observation(
        Place("desk", epoch, counter),
        "orders",
        digest_bytes(b"order %d" % counter),
        NOW + timedelta(minutes=counter % 7),
        period,
        Decision("none", (0.25, 0.75), digest_bytes(b"model"), 0.3, 0.125),
        Kept("routine", 0.5),
        origin=None if counter % 2 else "shovel",
    )


@pytest.fixture
def store() -> Iterator[Store]:
    with Store.in_memory() as store:
        store.tasks.put(TASK)
        yield store


def fill(store: Store, *observations: Observation) -> list[Observation]:
    for one in observations:
        store.inputs.put(b"order %d" % one.place.counter, "text")
    store.observations.add_many(observations)
    return sorted(observations, key=lambda one: (one.observed_at, one.place))


def test_tasks_are_kept_by_name(store: Store) -> None:
    assert store.tasks.get("orders") == TASK
    grown = msgspec.structs.replace(TASK, labels=("leak", "missing", "none"))
    store.tasks.put(grown)
    assert store.tasks.all() == [grown]
    with pytest.raises(UserError) as caught:
        store.tasks.get("order")
    assert str(caught.value) == (
        "no task 'order': choose one of ['orders'], or add it with  twoloops task add"
    )


@pytest.mark.parametrize("size", [0, 1, INLINE_LIMIT, INLINE_LIMIT + 1])
def test_inputs_of_any_size_come_back(store: Store, size: int) -> None:
    data = bytes(size)
    digest = store.inputs.put(data, "image")
    assert store.inputs.put(data, "image") == digest == digest_bytes(data)
    assert store.inputs.get(digest) == data
    assert store.inputs.has(digest)
    assert store.blobs.has(digest) == (size > INLINE_LIMIT)


def test_many_inputs_keep_their_order(store: Store) -> None:
    data = [b"b", b"a", b"b"] + [b"%d" % number for number in range(1200)]
    digests = store.inputs.put_many(data, "text")
    assert digests == [digest_bytes(one) for one in data]
    assert store.inputs.get_many([*digests, "sha256:absent"]) == dict(
        zip(digests, data, strict=True)
    )


def test_an_unknown_input_is_said(store: Store) -> None:
    with pytest.raises(UserError, match="sha256:absent is not in this workspace: check the digest"):
        store.inputs.get("sha256:absent")
    with pytest.raises(UserError, match="sha256:absent is not in this workspace"):
        store.inputs.forget("sha256:absent", NOW)


def test_what_was_forgotten_stays_forgotten(store: Store) -> None:
    for data in (b"short", bytes(INLINE_LIMIT + 1)):
        digest = store.inputs.put(data, "text")
        store.inputs.forget(digest, NOW)
        store.inputs.forget(digest, NOW + timedelta(days=1))
        store.inputs.put(data, "text")
        assert not store.inputs.has(digest)
        assert not store.blobs.has(digest)
        assert store.inputs.get_many([digest]) == {}
        assert store.inputs.forgotten([digest, "sha256:absent"]) == {digest}
        with pytest.raises(UserError, match=f"{digest} was forgotten at 2026-03-01T12:00:00"):
            store.inputs.get(digest)


@given(st.sets(st.integers(1, 12)), st.sets(st.integers(1, 3)))
def test_observations_are_found_at_whatever_places(one: set[int], other: set[int]) -> None:
    with Store.in_memory() as store:
        store.tasks.put(TASK)
        there = [observation(number) for number in range(1, 9)]
        there += [observation(number, epoch="e2") for number in (2, 3)]
        fill(store, *there)
        asked = {Place("desk", "e1", counter) for counter in one}
        asked |= {Place("desk", "e2", counter) for counter in other}
        assert store.observations.find(asked) == {
            here.place: here for here in there if here.place in asked
        }


def test_observations_come_back_as_they_were(store: Store) -> None:
    first = fill(store, *(observation(number) for number in range(1, 30)))
    later = fill(store, *(observation(number, epoch="e2", period="2002") for number in (1, 2)))
    store.observations.add_many(first[:3])
    assert store.observations.of_task("orders") == sorted(
        [*first, *later], key=lambda one: (one.observed_at, one.place)
    )
    assert list(store.observations.iterate("orders", page=4)) == store.observations.of_task(
        "orders"
    )
    assert store.observations.of_period("orders", "2002") == later
    assert store.observations.get(first[4].place) == first[4]
    assert store.observations.find([first[0].place, Place("desk", "e1", 99)]) == {
        first[0].place: first[0]
    }
    assert store.observations.count("orders") == 31
    assert store.observations.count("orders", period="2001") == 29
    assert store.observations.periods("orders") == {"2001": 29, "2002": 2}
    assert store.observations.of_input(first[5].input) == [first[5]]
    with pytest.raises(UserError, match="no observation desk/e1/99: a place is EDGE/EPOCH/COUNTER"):
        store.observations.get(Place("desk", "e1", 99))


def test_a_turn_claims_what_no_turn_has(store: Store) -> None:
    fill(store, observation(1), observation(2), observation(3, period="2002"))
    assert store.observations.claim("orders", 1, "2001") == 2
    assert store.observations.claim("orders", 1, "2001") == 0
    assert store.observations.unclaimed("orders") == 1
    assert store.observations.claim("orders", 2) == 1
    assert [one.place.counter for one in store.observations.of_turn("orders", 1)] == [1, 2]
    assert store.observations.count("orders", turn=2) == 1


def test_an_observation_needs_its_task_and_its_input(store: Store) -> None:
    with pytest.raises(IntegrityError):
        store.observations.add_many([observation(1)])


def test_questions_are_open_until_somebody_answers(store: Store) -> None:
    fill(store, *(observation(number) for number in (1, 2, 3)))
    places = [observation(number).place for number in (1, 2, 3)]
    asked = [
        Question(places[2], 1, "audit", 0.1, 0),
        Question(places[0], 1, "selected", None, 1),
        Question(places[1], 2, "audit", 0.2, 0),
    ]
    store.questions.add_many("orders", asked)
    store.questions.add_many("orders", asked[:2])
    assert store.questions.of_task("orders") == asked
    assert store.questions.of_turn("orders", 1) == asked[:2]
    label = Label(places[2], "leak", "person:ann", NOW, Money(Decimal("1.20"), "EUR"))
    assert store.labels.add_many("orders", [label]) == [label]
    assert store.questions.open("orders") == asked[1:]
    assert store.questions.open("orders", 1) == [asked[1]]
    assert store.labels.of_turn("orders", 1) == [label]
    assert store.labels.of_turn("orders", 2) == []
    store.questions.add_many("orders", [Question(places[2], 3, "selected", None)])
    assert store.questions.turns_of(places) == {places[0]: 1, places[1]: 2, places[2]: 3}
    with pytest.raises(ValueError, match="turn 1 asks about desk/e1/3 in two ways"):
        store.questions.add_many("orders", [Question(places[2], 1, "selected", None, 0)])


def test_several_labellers_may_differ_and_one_may_not(store: Store) -> None:
    place = fill(store, observation(1))[0].place
    free = Money(Decimal(0))
    ann = Label(place, "leak", "person:ann", NOW, free)
    bob = Label(place, "none", "person:bob", NOW, free)
    assert store.labels.add_many("orders", [ann, bob, ann]) == [ann, bob]
    again = msgspec.structs.replace(ann, labelled_at=NOW + timedelta(days=1))
    assert store.labels.add_many("orders", [again]) == []
    assert store.labels.find([place]) == {place: [ann, bob]}
    assert store.labels.of_task("orders") == [ann, bob]
    assert store.labels.count("orders") == 2
    with pytest.raises(UserError) as caught:
        store.labels.add_many("orders", [msgspec.structs.replace(ann, label="none")])
    assert str(caught.value) == (
        "desk/e1/1: person:ann already said 'leak' and now says 'none'; give a second opinion "
        "under another labeller's name"
    )


def item(turn: int, data: bytes) -> Item:
    return Item(turn, digest_bytes(data), "leak", "train", True, 0.5, "g")


def card(dataset: Dataset) -> ModelCard:
    return ModelCard(
        "orders", ("leak", "none"), "none", 0.3, "builtin/char-ngram", digest_bytes(b"base"),
        "head", dataset.digest,
    )  # fmt: skip


def test_datasets_models_and_releases(store: Store) -> None:
    first = Dataset.of("orders", [item(1, b"a"), item(1, b"b")])
    second = Dataset.of("orders", [*first.items, item(2, b"c")])
    assert store.datasets.latest("orders") is None
    for turn, dataset in ((1, first), (2, second), (3, first)):
        assert store.datasets.put(dataset, turn) == dataset.digest
        assert store.datasets.get(dataset.digest) == dataset
    assert store.datasets.of_task("orders") == [(1, first.digest), (2, second.digest)]
    assert store.datasets.latest("orders") == second
    assert store.datasets.using(digest_bytes(b"c")) == [second.digest]
    with pytest.raises(UserError, match="no dataset sha256:absent in this workspace"):
        store.datasets.get("sha256:absent")

    assert store.models.latest("orders") is None
    one = store.models.put(b"one", card(first), 1)
    two = store.models.put(bytes(INLINE_LIMIT + 1), card(second), 2)
    assert store.models.put(b"one", card(first), 3) == one
    assert store.models.get(two) == bytes(INLINE_LIMIT + 1)
    assert [(model.digest, model.turn) for model in store.models.of_task("orders")] == [
        (one, 1),
        (two, 2),
    ]
    assert store.models.find(one).card == card(first)
    assert [model.digest for model in store.models.made_from([second.digest])] == [two]
    with pytest.raises(UserError, match="no model sha256:absent in this workspace"):
        store.models.find("sha256:absent")
    with pytest.raises(UserError, match="is a model: only inputs can be forgotten"):
        store.inputs.forget(one, NOW)

    assert store.releases.deployed("orders") is None
    release = store.releases.approve("orders", 1, one, PASSED, NOW)
    store.releases.approve("orders", 2, two, PASSED, NOW + timedelta(days=1))
    assert store.releases.approve("orders", 1, one, PASSED, NOW + timedelta(days=9)) == release
    assert [found.model for found in store.releases.all("orders")] == [one, two]
    deployed = store.releases.deployed("orders")
    assert deployed is not None
    assert (deployed.model, deployed.verdict) == (two, PASSED)
    refused = msgspec.structs.replace(PASSED, released=False, reason="too slow")
    with pytest.raises(ValueError, match=f"the gate refused {one}: too slow"):
        store.releases.approve("orders", 3, one, refused, NOW)


def test_turns_keep_their_stage_and_state(store: Store) -> None:
    assert store.turns.open("orders") is None
    store.turns.put("orders", 1, "observe", {"seen": 3})
    store.turns.put("orders", 1, "closed", PASSED, closed=True)
    store.turns.put("orders", 2, "label")
    found = store.turns.get("orders", 1)
    assert found is not None
    assert (found.stage, found.closed, found.read(Verdict)) == ("closed", True, PASSED)
    assert found.as_dict()["labels"] == 62
    waiting = store.turns.open("orders")
    assert waiting is not None
    assert (waiting.number, waiting.stage) == (2, "label")
    assert store.turns.last("orders") == waiting
    assert store.turns.get("orders", 3) is None


def test_evidence_is_carried_over_turns(store: Store) -> None:
    assert store.evidence.get("orders", "wealth", dict[str, float]) is None
    for turn, wealth in ((1, 1.5), (2, 2.5), (2, 3.5)):
        store.evidence.put("orders", "wealth", turn, {"minilm": wealth})
    assert store.evidence.get("orders", "wealth", dict[str, float]) == {"minilm": 3.5}
    assert store.evidence.get("orders", "wealth", dict[str, float], turn=1) == {"minilm": 1.5}
    assert store.evidence.get("orders", "wealth", dict[str, float], turn=3) is None
    assert list(store.evidence.history("orders", "wealth", dict[str, float])) == [1, 2]


def test_quarantine_counts_each_place_once(store: Store) -> None:
    for _ in range(2):
        store.quarantine.add("orders.csv", "line 4", "shifted columns", NOW)
    store.quarantine.add("other.csv", "line 1", "empty", NOW)
    assert store.quarantine.count() == 2
    (found,) = store.quarantine.all("orders.csv")
    assert (found.place, found.reason, found.at) == ("line 4", "shifted columns", NOW)
    assert store.quarantine.holds("orders.csv", ["line 4", "line 5"]) == {"line 4"}
    assert store.quarantine.count("other.csv") == 1


def test_marks_replace_an_epochs_gaps(store: Store) -> None:
    assert store.marks.last("desk", "e1") is None
    store.marks.put("desk", "e1", 9, [Gap("desk", "e1", 2, 4)])
    store.marks.put("desk", "e1", 12, [Gap("desk", "e1", 3, 3), Gap("desk", "e1", 10, 11)])
    store.marks.put("press", "e2", 5, [Gap("press", "e2", 1, 1)])
    assert store.marks.last("desk", "e1") == 12
    assert [(gap.first, gap.missing) for gap in store.marks.gaps("desk")] == [(3, 1), (10, 2)]
    assert len(store.marks.gaps()) == 3

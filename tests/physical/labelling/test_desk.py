from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.edge.spoolrows import Spooled
from twoloops.physical.ingest import ingest
from twoloops.physical.labelling import desk
from twoloops.physical.labelling.desk import Reply
from twoloops.physical.labelling.policy import LabellingPolicy, keep_labelling
from twoloops.physical.labelling.questions import ask, open_questions
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.label import Note, Purpose, Question
from twoloops.records.money import Money
from twoloops.records.observation import Kept, Observation, Place
from twoloops.records.task import Costs, Task
from twoloops.store.workspace import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
PRICE = Money(Decimal("1.50"), "EUR")
ANN, BOB, CAT = "person:ann", "person:bob", "person:cat"


def place(counter: int) -> Place:
    return Place("desk", "e1", counter)


def make(count: int, purpose: Purpose = "selected") -> Store:
    """A store whose open turn 1 asks about `count` observations, in order."""
    store = Store.in_memory()
    store.tasks.put(Task("orders", "text", ("leak", "none"), costs=Costs(label=PRICE)))
    data = {n: f"order {n}".encode() for n in range(1, count + 1)}
    seen = [
        Observation(
            place(n), "orders", digest_bytes(one), NOW, "turn 1", None, Kept("routine", 1.0)
        )
        for n, one in data.items()
    ]
    ingest(store, [Spooled(one, data[one.place.counter]) for one in seen])
    ask(store, "orders", [Question(place(n), 1, purpose, 0.5, n) for n in data])
    store.turns.put("orders", 1, "label")
    return store


@pytest.fixture
def store() -> Iterator[Store]:
    with make(4) as store:
        yield store


def shown(store: Store, who: str, ahead: int = 1, minutes: float = 0) -> list[int]:
    at = NOW + timedelta(minutes=minutes)
    return [
        one.observation.counter for one in desk.next_items(store, "orders", who, at=at, ahead=ahead)
    ]


def say(store: Store, who: str, counter: int, label: str = "leak", **more: object) -> Money | None:
    reply = Reply(place(counter), label, **more)  # type: ignore[arg-type]
    return desk.answer_item(store, "orders", who, reply, at=NOW)


def test_the_best_item_is_leased_to_one_and_the_next_to_another(store: Store) -> None:
    assert shown(store, ANN, ahead=2) == [1, 2]
    assert shown(store, BOB) == [3]
    assert shown(store, ANN, ahead=2) == [1, 2]  # a reload shows the same again


def test_a_lease_ends_and_the_item_goes_to_another(store: Store) -> None:
    assert shown(store, ANN) == [1]
    assert shown(store, BOB, minutes=9) == [2]
    assert shown(store, BOB, ahead=2, minutes=11) == [2, 1]


def test_what_is_given_back_goes_to_another_at_once(store: Store) -> None:
    shown(store, ANN)
    desk.give_back(store, ANN, [place(1)])
    assert shown(store, BOB) == [1]


def test_an_answer_is_paid_once_and_said_twice_changes_nothing(store: Store) -> None:
    assert say(store, ANN, 1) == PRICE
    assert say(store, ANN, 1) is None
    assert shown(store, ANN, ahead=9) == [2, 3, 4]
    assert store.journal.costs("orders") == {1: (PRICE,)}


def test_an_answer_of_one_whose_lease_ended_still_counts(store: Store) -> None:
    shown(store, ANN)
    assert shown(store, BOB, ahead=4, minutes=11) == [1, 2, 3, 4]
    assert say(store, ANN, 1) == PRICE
    assert shown(store, BOB, ahead=4, minutes=12) == [2, 3, 4]


def test_time_costs_where_an_hour_has_a_price(store: Store) -> None:
    keep_labelling(store, "orders", LabellingPolicy(hourly_rate=Money(Decimal(36), "EUR")))
    assert say(store, ANN, 1, note=Note(seconds=10)) == Money(Decimal("0.1000"), "EUR")
    assert desk.pass_item(store, "orders", ANN, place(2), why="blurred", seconds=5, at=NOW)
    assert not desk.pass_item(store, "orders", ANN, place(2), why="blurred", seconds=5, at=NOW)
    assert store.journal.costs("orders") == {1: (Money(Decimal("0.1500"), "EUR"),)}
    assert store.notes.find([place(1)])[place(1), ANN].seconds == 10


def test_hours_on_one_item_are_not_believed(store: Store) -> None:
    say(store, ANN, 1, note=Note(seconds=1e9))
    assert store.notes.find([place(1)])[place(1), ANN].seconds == desk.LONGEST


def test_an_answer_is_taken_back_and_given_anew_for_nothing_more(store: Store) -> None:
    say(store, ANN, 1)
    assert desk.take_back(store, "orders", ANN, place(1), at=NOW) == "leak"
    assert shown(store, ANN) == [1]
    assert say(store, ANN, 1, "none") == Money(Decimal("0.00"), "EUR") * 0
    assert [one.label for one in store.labels.of_task("orders")] == ["none"]
    desk.take_back(store, "orders", ANN, place(1), at=NOW)
    say(store, ANN, 1, "none")
    assert store.journal.costs("orders") == {1: (PRICE,)}
    assert store.withdrawn.count("orders") == 2
    assert store.journal.verify() == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"per_item": 0}, "--labels-per-item must be from 1 to 99: got 0"),
        ({"per_judge": 100}, "--labels-per-judge must be from 1 to 99: got 100"),
        ({"second_looks": -1}, "--second-looks must be 0 or more: got -1"),
        ({"lease_minutes": 0}, "--lease-minutes must be above 0 and at most 1440 (a day): got 0"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_the_name_of_its_option(
    settings: dict[str, float], said: str
) -> None:
    with pytest.raises(UserError) as refused:
        LabellingPolicy(**settings)  # type: ignore[arg-type]
    assert str(refused.value) == said


def labels(store: Store) -> tuple[str, ...]:
    return store.tasks.get("orders").labels


def test_a_label_goes_with_the_only_answer_that_brought_it_in(store: Store) -> None:
    for times in (1, 2):  # what was removed may be added, and removed, again
        say(store, ANN, 1, "rust", new_label=True)
        assert labels(store) == ("leak", "none", "rust")
        desk.take_back(store, "orders", ANN, place(1), at=NOW)
        assert labels(store) == ("leak", "none")
        removed = store.journal.facts("orders", kind="labels removed")
        assert [one.body["removed"] for one in removed] == ["rust"] * times
    say(store, ANN, 1, "leak")
    desk.take_back(store, "orders", ANN, place(1), at=NOW)
    assert labels(store) == ("leak", "none")  # it had these before anybody answered


def test_a_new_label_stays_where_others_give_it_or_a_dataset_has_it(store: Store) -> None:
    say(store, ANN, 1, "rust", new_label=True)
    say(store, BOB, 2, "rust")
    desk.take_back(store, "orders", ANN, place(1), at=NOW)
    assert "rust" in labels(store)
    store.journal.append("dataset frozen", task="orders", turn=1, key="frozen", at=NOW)
    desk.take_back(store, "orders", BOB, place(2), at=NOW)
    assert "rust" in labels(store)


def test_what_was_never_said_or_is_frozen_is_not_taken_back(store: Store) -> None:
    with pytest.raises(UserError, match="has said nothing of it that could be taken back"):
        desk.take_back(store, "orders", ANN, place(1), at=NOW)
    say(store, ANN, 1)
    store.turns.put("orders", 1, "choose base")
    with pytest.raises(UserError, match="its turn has frozen its labels"):
        desk.take_back(store, "orders", ANN, place(1), at=NOW)


def test_who_cannot_tell_is_not_asked_again_and_may_take_it_back(store: Store) -> None:
    keep_labelling(store, "orders", LabellingPolicy(passes=2))
    desk.pass_item(store, "orders", ANN, place(1), why="", seconds=1, at=NOW)
    assert shown(store, ANN) == [2]
    assert shown(store, BOB) == [1]
    desk.pass_item(store, "orders", BOB, place(1), why="", seconds=1, at=NOW)
    assert [q.observation.counter for q in open_questions(store, "orders")] == [2, 3, 4]
    assert desk.take_back(store, "orders", ANN, place(1), at=NOW) == ""
    assert shown(store, ANN, ahead=9) == [1, 2, 3, 4]


def test_a_question_may_want_two_labels_by_two_people(store: Store) -> None:
    keep_labelling(store, "orders", LabellingPolicy(per_item=2))
    assert shown(store, ANN) == shown(store, BOB) == [1]
    assert shown(store, CAT) == [2]
    say(store, ANN, 1)
    assert shown(store, ANN) == [2]
    say(store, BOB, 1)
    assert [q.observation.counter for q in open_questions(store, "orders")] == [2, 3, 4]


def test_only_what_judges_may_want_two_labels() -> None:
    with make(1, "audit") as store:
        keep_labelling(store, "orders", LabellingPolicy(per_judge=2))
        say(store, ANN, 1)
        assert shown(store, ANN) == []
        assert shown(store, BOB) == [1]


def test_a_label_not_in_the_list_needs_to_be_meant(store: Store) -> None:
    with pytest.raises(UserError, match="'rust' is no label of task 'orders'"):
        say(store, ANN, 1, "rust")
    assert store.labels.count("orders") == 0
    say(store, ANN, 1, "rust", new_label=True)
    assert store.tasks.get("orders").labels == ("leak", "none", "rust")


def test_a_changed_answer_is_refused_and_strangers_too(store: Store) -> None:
    say(store, ANN, 1)
    with pytest.raises(UserError, match="already said 'leak' and now says 'none'"):
        say(store, ANN, 1, "none")
    with pytest.raises(UserError, match="no such observation"):
        say(store, ANN, 9)
    with pytest.raises(UserError, match="take that back first"):
        desk.pass_item(store, "orders", ANN, place(1), why="", seconds=1, at=NOW)


def test_progress_counts_what_was_said(store: Store) -> None:
    shown(store, BOB, ahead=1)
    say(store, ANN, 2, note=Note(seconds=4))
    desk.pass_item(store, "orders", ANN, place(3), why="", seconds=1, at=NOW)
    found = desk.progress(store, "orders", ANN, at=NOW)
    assert (found.turn, found.asked, found.open, found.passed, found.mine) == (1, 4, 2, 1, 1)
    assert (found.seconds, found.cost, found.leased) == (4.0, (PRICE,), 1)


@settings(max_examples=60, deadline=None)
@given(
    per_item=st.integers(1, 3),
    acts=st.lists(
        st.tuples(
            st.sampled_from([ANN, BOB, CAT]),
            st.sampled_from(["next", "say", "pass", "back", "undo", "wait"]),
            st.integers(1, 3),
        ),
        max_size=40,
    ),
)
def test_nobody_has_what_enough_others_have(
    per_item: int, acts: list[tuple[str, str, int]]
) -> None:
    minutes = 0
    with make(5) as store:
        keep_labelling(store, "orders", LabellingPolicy(per_item=per_item, passes=2))
        for who, act, number in acts:
            at = NOW + timedelta(minutes=minutes)
            held = store.leases.of("orders", who, at)
            if act == "next":
                items = desk.next_items(store, "orders", who, at=at, ahead=number)
                assert len({one.observation for one in items}) == len(items)
            elif act == "say" and held:
                desk.answer_item(store, "orders", who, Reply(held[0], "leak"), at=at)
            elif act == "pass" and held:
                desk.pass_item(store, "orders", who, held[0], why="", seconds=1, at=at)
            elif act == "back":
                desk.give_back(store, who, held)
            elif act == "undo":
                said = [one for one in store.labels.of_task("orders") if one.labeller == who]
                if said:
                    desk.take_back(store, "orders", who, said[-1].observation, at=at)
            elif act == "wait":
                minutes += 4 * number
            now = NOW + timedelta(minutes=minutes)
            labels = store.labels.find(place(n) for n in range(1, 6))
            for n in range(1, 6):
                others = store.leases.holder(place(n), now)
                said_by = {one.labeller for one in labels.get(place(n), [])}
                assert len(set(others) - said_by) + len(said_by) <= per_item
        assert store.journal.verify() == []

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.records.digests import digest_bytes
from twoloops.records.label import SecondLook
from twoloops.records.observation import Kept, Observation, Place
from twoloops.records.task import Task
from twoloops.store.workspace import Store

NOW = datetime(2026, 3, 1, tzinfo=UTC)

looks = st.lists(
    st.builds(
        SecondLook,
        st.builds(Place, st.just("desk"), st.just("e"), st.integers(0, 4)),
        st.integers(0, 2),
        st.text(max_size=5),
        st.integers(0, 3),
        st.integers(0, 9).map(lambda minute: NOW + timedelta(minutes=minute)),
    ),
    unique_by=lambda one: (one.observation, one.turn),
    max_size=8,
)


def filled() -> Store:
    store = Store.in_memory()
    store.tasks.put(Task("orders", "text", ("a", "b")))
    for counter in range(5):
        data = b"%d" % counter
        store.inputs.put(data, "text")
        place = Place("desk", "e", counter)
        seen = Observation(
            place, "orders", digest_bytes(data), NOW, "p", None, Kept("routine", 1.0)
        )
        store.observations.add_many([seen])
    return store


@given(looks)
@settings(max_examples=40, deadline=None)
def test_what_is_asked_twice_is_asked_once_and_comes_back_in_order(asked: list[SecondLook]) -> None:
    with filled() as store:
        for _ in range(2):
            store.second_looks.add_many("orders", asked)
        expected = sorted(asked, key=lambda one: (one.turn, one.rank, one.observation))
        assert store.second_looks.of_task("orders") == expected
        assert store.second_looks.open("orders") == expected
        for turn in range(3):
            mine = [one for one in expected if one.turn == turn]
            assert store.second_looks.of_turn("orders", turn) == mine
            assert store.second_looks.open("orders", turn) == mine
        assert store.second_looks.of_task("other") == []


@given(looks, st.sets(st.integers(0, 4)), st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_an_answer_settles_what_was_asked_before_it(
    asked: list[SecondLook], answered: set[int], minute: int
) -> None:
    at = NOW + timedelta(minutes=minute)
    with filled() as store:
        store.second_looks.add_many("orders", asked)
        places = [Place("desk", "e", counter) for counter in answered]
        settled = store.second_looks.settle(places, at)
        left = store.second_looks.open("orders")
        assert settled + len(left) == len(asked)
        assert all(one.observation.counter not in answered or one.asked_at > at for one in left)
        assert store.second_looks.settle(places, at) == 0
        assert len(store.second_looks.of_task("orders")) == len(asked)


def test_a_repeated_question_keeps_what_was_settled() -> None:
    one = SecondLook(Place("desk", "e", 1), 0, "why", 0, NOW)
    with filled() as store:
        store.second_looks.add_many("orders", [one])
        store.second_looks.settle([one.observation], NOW)
        store.second_looks.add_many("orders", [one])
        assert store.second_looks.open("orders") == []

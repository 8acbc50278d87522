from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.edge.spoolrows import Spooled
from twoloops.physical.ingest import FIRST, ingest, missing
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.observation import Decision, Kept, Observation, Place
from twoloops.records.task import Task
from twoloops.store.rows import Gap
from twoloops.store.workspace import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def spooled(counter: int, epoch: str = "e1", data: bytes | None = None) -> Spooled:
    data = b"order %d" % (counter // 2) if data is None else data
    return Spooled(
        Observation(
            Place("desk", epoch, counter),
            "orders",
            digest_bytes(data),
            NOW + timedelta(minutes=counter),
            "2001",
            Decision("none", (0.25, 0.75), digest_bytes(b"model"), 0.3, 0.125),
            Kept("routine", 0.5),
        ),
        data,
    )


def fresh() -> Store:
    store = Store.in_memory()
    store.tasks.put(Task("orders", "text", ("leak", "none")))
    return store


@pytest.fixture
def store() -> Iterator[Store]:
    with fresh() as store:
        yield store


@given(st.lists(st.lists(st.integers(1, 30), max_size=10), max_size=5))
def test_gaps_are_what_lies_between_what_came(batches: list[list[int]]) -> None:
    gaps: list[tuple[int, int]] = []
    last = FIRST - 1
    for batch in batches:
        gaps, last = missing(gaps, last, batch)
    came = {counter for batch in batches for counter in batch}
    assert last == max(came, default=FIRST - 1)
    absent = sorted(counter for low, high in gaps for counter in range(low, high + 1))
    assert absent == sorted(set(range(FIRST, last)) - came)
    assert all(low <= high for low, high in gaps)


numbers = st.tuples(st.integers(1, 12), st.sampled_from(["e1", "e2"]))


@settings(deadline=None, max_examples=40)
@given(st.lists(numbers, min_size=1, max_size=12, unique=True), st.randoms(), st.data())
def test_order_and_repetition_of_batches_do_not_matter(
    came: list[tuple[int, str]], chance: "st.random.Random", data: st.DataObject
) -> None:
    sent = [spooled(*one) for one in came]
    again = sent + data.draw(st.lists(st.sampled_from(sent), max_size=6))
    chance.shuffle(again)
    size = data.draw(st.integers(1, len(again)))
    with fresh() as once, fresh() as often:
        assert ingest(once, sent).new == len(sent)
        total = [ingest(often, again[start : start + size]) for start in range(0, len(again), size)]
        assert sum(one.new for one in total) == len(sent)
        assert sum(one.duplicates for one in total) == len(again) - len(sent)
        for store in (once, often):
            assert store.inputs.get_many(one.observation.input for one in sent) == {
                one.observation.input: one.input for one in sent
            }
        assert once.observations.of_task("orders") == often.observations.of_task("orders")
        assert once.marks.gaps() == often.marks.gaps()
        assert once.marks.last("desk", "e1") == often.marks.last("desk", "e1")


def test_gaps_are_reported_until_they_close(store: Store) -> None:
    assert ingest(store, [spooled(1), spooled(5)]) == (2, 0, (Gap("desk", "e1", 2, 4),), 0)
    assert ingest(store, [spooled(3)]).gaps == (Gap("desk", "e1", 2, 2), Gap("desk", "e1", 4, 4))
    assert ingest(store, [spooled(2), spooled(4)]).gaps == ()
    assert store.marks.last("desk", "e1") == 5
    assert ingest(store, []) == (0, 0, (), 0)


def test_an_unknown_task_takes_nothing_in(store: Store) -> None:
    stranger = spooled(2)
    stranger = stranger._replace(
        observation=msgspec.structs.replace(stranger.observation, task="other")
    )
    with pytest.raises(UserError, match="no task 'other': choose one of"):
        ingest(store, [spooled(1), stranger])
    assert store.observations.count("orders") == 0
    assert store.marks.last("desk", "e1") is None


def test_an_input_broken_on_the_way_is_quarantined_and_taken_when_it_comes_whole(
    store: Store,
) -> None:
    broken = spooled(1)._replace(input=b"order 0 brokem")
    assert ingest(store, [broken]) == (0, 0, (), 1)
    assert ingest(store, [broken]) == (0, 1, (), 0)
    (found,) = store.quarantine.all("desk")
    assert found.place == "desk/e1/1"
    assert found.reason == (
        f"its input is {digest_bytes(b'order 0 brokem')}, and the observation names "
        f"{digest_bytes(b'order 0')}"
    )
    assert ingest(store, [spooled(1)]).new == 1


def test_two_observations_of_one_place_are_no_duplicates(store: Store) -> None:
    other = spooled(1, data=b"something else")
    assert ingest(store, [spooled(1), other]) == (1, 0, (), 1)
    assert ingest(store, [other]) == (0, 1, (), 0)
    (found,) = store.quarantine.all("desk")
    assert found.reason.startswith("its place holds another observation: two edges share a name")
    assert store.observations.of_task("orders") == [spooled(1).observation]


def test_a_forgotten_input_is_not_taken_in_again(store: Store) -> None:
    ingest(store, [spooled(2)])
    store.forget(spooled(2).observation.input, NOW)
    assert ingest(store, [spooled(2)]).duplicates == 1
    assert ingest(store, [spooled(3)]).quarantined == 1  # the same bytes
    assert store.quarantine.all("desk")[0].reason == (
        "its input was forgotten earlier and is not taken in again"
    )
    assert not store.inputs.has(spooled(2).observation.input)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kept": Kept("routine", 0.0)}, "its inclusion probability 0.0 is not in (0, 1]"),
        (
            {"decision": Decision("none", (0.5, 0.5), "sha256:m", None, float("nan"))},
            "its decision holds a number that is not finite",
        ),
    ],
)
def test_figures_that_cannot_be_are_quarantined(
    store: Store, change: dict[str, object], reason: str
) -> None:
    one = spooled(1)
    one = one._replace(observation=msgspec.structs.replace(one.observation, **change))
    assert ingest(store, [one, spooled(2)]) == (1, 0, (), 1)
    assert store.quarantine.all()[0].reason == reason

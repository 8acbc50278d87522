"""The catalog counts a turn's questions as reading all of them would."""

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.edge.spoolrows import Spooled
from twoloops.physical.ingest import ingest
from twoloops.physical.labelling.questions import ask
from twoloops.records.digests import digest_bytes
from twoloops.records.label import Label, Note, Pass, Question, Wanted
from twoloops.records.money import Money
from twoloops.records.observation import Kept, Observation, Place
from twoloops.records.task import Task
from twoloops.store.labels import Tally
from twoloops.store.workspace import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN, BOB = "person:ann", "person:bob"
COUNTERS = range(4)


def place(counter: int) -> Place:
    return Place("desk", "e1", counter)


def by_reading(store: Store, turn: int, wanted: Wanted, labeller: str) -> Tally:
    asked = [one.observation for one in store.questions.of_turn("orders", turn)]
    said = [one for given in store.labels.find(asked).values() for one in given]
    notes = store.notes.find(asked)
    return Tally(
        asked=len(asked),
        open=len(store.questions.open("orders", turn, wanted)),
        passed=len({one.observation for one in store.passes.find(asked)}),
        mine=len([one for one in said if one.labeller == labeller]),
        seconds=sum(note.seconds for (_, who), note in notes.items() if who == labeller),
    )


@settings(max_examples=40, deadline=None)
@given(
    asked=st.sets(st.tuples(st.sampled_from(COUNTERS), st.integers(1, 2))),
    acts=st.sets(
        st.tuples(
            st.sampled_from(COUNTERS), st.sampled_from([ANN, BOB]), st.sampled_from(["say", "pass"])
        )
    ),
    wanted=st.builds(Wanted, st.integers(1, 2), st.integers(1, 2), st.integers(1, 2)),
)
def test_counting_is_reading(
    asked: set[tuple[int, int]], acts: set[tuple[int, str, str]], wanted: Wanted
) -> None:
    price = Money(Decimal(1))
    with Store.in_memory() as store:
        store.tasks.put(Task("orders", "text", ("leak", "none")))
        data = {n: f"order {n}".encode() for n in COUNTERS}
        ingest(
            store,
            [
                Spooled(
                    Observation(
                        place(n), "orders", digest_bytes(one), NOW, "t", None, Kept("routine", 1.0)
                    ),
                    one,
                )
                for n, one in data.items()
            ],
        )
        ask(store, "orders", [Question(place(n), turn, "audit", 0.5, n) for n, turn in asked])
        for n, who, act in sorted(acts):
            if act == "say":
                store.labels.add_many("orders", [Label(place(n), "leak", who, NOW, price)])
                store.notes.put(place(n), who, Note(seconds=n + 0.5))
            else:
                store.passes.put("orders", Pass(place(n), who, "", 1.0, price, NOW))
        for turn in (1, 2, 3):
            for who in (ANN, BOB):
                found = store.questions.tally("orders", turn, wanted, who)
                assert found == by_reading(store, turn, wanted, who)

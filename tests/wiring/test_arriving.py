"""Inputs sent one by one: each counts once under its key, whatever dies in between."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring import arriving
from twoloops.wiring.arriving import Door, Sent


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path) as store:
        store.tasks.put(Task("orders", "text", ("leak", "ok"), normal="ok"))
        yield store


def arrive(store: Store, folder: Path, *sent: Sent, sender: str = "press"):
    return Door(folder).arrive(store, store.tasks.get("orders"), sender, sent)


SENT = st.lists(
    st.builds(
        Sent,
        st.sampled_from([b"oil", b"fine", b"bent", b" "]),
        st.none() | st.sampled_from(["a", "b", "c"]),
    ),
    max_size=6,
)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(SENT, SENT, st.text(min_size=1, max_size=8))
def test_a_key_counts_once_and_every_other_input_each_time(
    store, tmp_path, first, second, sender
) -> None:
    before = store.observations.count("orders")
    door = Door(tmp_path)
    task = store.tasks.get("orders")
    seen = [
        *door.arrive(store, task, f"{sender}{before}", first),
        *door.arrive(store, task, f"{sender}{before}", second),
    ]
    known: set[str] = set()
    for one, what in zip([*first, *second], seen, strict=True):
        assert what.known == (one.key in known)
        if one.key is not None:
            known.add(one.key)
        if not what.known:
            assert (what.place is None) == (one.input == b" ") == (what.quarantined is not None)
    places = [what.place for what in seen if what.place]
    assert len(set(places)) == len(places)
    assert store.observations.count("orders") == before + len(places)


def test_what_was_sealed_before_a_crash_is_taken_in_with_the_next(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(arriving, "take", dies)
        with pytest.raises(KeyboardInterrupt):
            arrive(store, tmp_path, Sent(b"oil leak", "SN-1"))
    assert store.observations.count("orders") == 0
    (again,) = arrive(store, tmp_path, Sent(b"oil leak", "SN-1"))
    assert again.known  # it had been decided on, and was taken in now
    assert store.observations.count("orders") == 1
    assert store.marks.gaps() == []


def test_batches_are_numbered_without_gaps(store: Store, tmp_path: Path) -> None:
    assert store.evidence.following("orders", arriving_rows()) == 0
    for i in range(3):
        arrive(store, tmp_path, Sent(b"oil %d" % i))
        assert store.evidence.following("orders", arriving_rows()) == i + 1


def arriving_rows() -> str:
    from twoloops.wiring.ingesting import ROWS

    return ROWS

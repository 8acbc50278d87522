import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.edge.sources import Arrival
from twoloops.edge.spool import LARGEST_BLOCK, SMALLEST_BLOCK, Spool
from twoloops.records.errors import TransientError, UserError
from twoloops.records.observation import Kept

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
KEPT = Kept("routine", 0.5)


def put(spool, data=b"x"):
    return spool.append(Arrival(data, NOW, "2026", "shaft 3"), "task", None, KEPT)


def fill(spool):
    while True:
        put(spool)


def counters(spool):
    return [spooled.observation.place.counter for spooled in spool.pending(10**6)]


def killed_copy(spool, folder):
    """The files as a kill at this moment would leave them, in a folder of their own."""
    with spool._database:  # no commit is half done
        for path in folder.glob("spool.db*"):
            shutil.copy(path, folder / path.name.replace("spool", "copy"))
    spool.close()
    for path in folder.glob("spool.db*"):
        path.unlink()
    for path in folder.glob("copy.db*"):
        path.rename(folder / path.name.replace("copy", "spool"))


actions = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 100)),
        st.tuples(st.sampled_from(["flush", "close", "kill"]), st.just(0)),
        st.tuples(st.just("acknowledge"), st.integers(0, 40)),
    ),
    max_size=14,
)


@settings(deadline=None, max_examples=50)
@given(actions)
def test_what_is_durable_comes_back_in_order_exactly_once(chosen):
    """The laws of the module, against a model in plain lists."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        spool = Spool(folder / "spool.db", "edge")
        content, given_out, durable, acknowledged = {}, [], set(), 0
        for action, size in chosen:
            if action == "append":
                for number in range(size):
                    data = b"%d" % (number % 7)  # few inputs, shared by many
                    given_out.append(put(spool, data))
                    content[given_out[-1]] = data
            elif action == "acknowledge":
                upto = [acknowledged, *counters(spool)[:size]][-1]
                spool.acknowledge(upto)
                acknowledged = max(acknowledged, upto)
            elif action == "flush":
                spool.flush()
                durable |= set(counters(spool))
            else:
                before = spool.unknown
                if action == "close":
                    spool.close()
                else:
                    killed_copy(spool, folder)
                spool = Spool(folder / "spool.db", "edge")
                if action == "close":
                    assert spool.unknown == before
                    durable |= set(counters(spool))
            with spool._database:  # nothing is handed out above the durable mark
                ((mark,),) = spool._connection.execute("SELECT reserved FROM state")
                assert spool._reserved <= mark
            gaps = spool.gaps
            assert spool.unknown == sum(last - first + 1 for first, last in gaps)
            pending = spool.pending(10**6)
            found = [spooled.observation.place.counter for spooled in pending]
            assert {counter for counter in durable if counter > acknowledged} <= set(found)
            expected = [
                counter
                for counter in given_out
                if acknowledged < counter <= spool.committed
                and not any(first <= counter <= last for first, last in gaps)
            ]
            assert found[: len(expected)] == expected  # the writer may have gone on since
            assert all(content[c] == s.input for c, s in zip(found, pending, strict=True))
            lost = {counter for first, last in gaps for counter in range(first, last + 1)}
            assert not durable & lost
            assert len(set(given_out)) == len(given_out)
            assert given_out == sorted(given_out)
        spool.close()


def test_a_clean_life_has_neither_gap_nor_unknown(tmp_path):
    path = tmp_path / "spool.db"
    for life in range(3):
        with Spool(path, "edge") as spool:
            assert [put(spool) for _ in range(3)] == [life * 3 + i for i in (1, 2, 3)]
    with Spool(path, "edge") as spool:
        assert spool.gaps == ()
        assert spool.unknown == 0
        assert counters(spool) == list(range(1, 10))


def test_an_observation_comes_back_as_it_was(tmp_path):
    with Spool(tmp_path / "spool.db", "edge", epoch=lambda: "first life") as spool:
        spool.append(Arrival(b"\x00\xff", NOW, "week 3", "shaft"), "task", None, KEPT)
        spool.flush()
        ((observation, data),) = spool.pending(5)
    assert data == b"\x00\xff"
    assert str(observation.place) == "edge/first life/1"
    assert (observation.observed_at, observation.origin) == (NOW, "shaft")
    assert (observation.period, observation.kept) == ("week 3", KEPT)


def test_the_epoch_is_made_once_for_a_file(tmp_path):
    names = iter(["one", "two"])
    for _ in range(2):
        with Spool(tmp_path / "spool.db", "edge", epoch=lambda: next(names)) as spool:
            assert spool.epoch == "one"
    with Spool(tmp_path / "a", "e") as a, Spool(tmp_path / "b", "e") as b:
        assert a.epoch != b.epoch


def test_equal_inputs_are_stored_once_and_go_with_their_last_observation(tmp_path):
    def inputs():
        return spool._connection.execute("SELECT count(*) FROM input").fetchone()[0]

    with Spool(tmp_path / "spool.db", "edge") as spool:
        for data in (b"a", b"b", b"a"):
            put(spool, data)
        spool.flush()
        assert inputs() == 2
        spool.acknowledge(2)
        assert [spooled.input for spooled in spool.pending(5)] == [b"a"]
        assert inputs() == 1
        spool.acknowledge(3)
        assert inputs() == 0
        assert put(spool) == 4


def test_limits_and_early_acknowledgements(tmp_path):
    with Spool(tmp_path / "spool.db", "edge") as spool:
        for _ in range(5):
            put(spool)
        spool.flush()
        assert len(spool.pending(2)) == 2
        with pytest.raises(UserError, match="number 6 was acknowledged, and only numbers up to 5"):
            spool.acknowledge(6)


def test_each_commit_is_reported(tmp_path):
    marks = []
    with Spool(tmp_path / "spool.db", "edge", on_commit=marks.append) as spool:
        for _ in range(10):
            put(spool)
    assert marks == sorted(set(marks))
    assert marks[-1] == 10


def test_many_threads_get_different_numbers(tmp_path):
    taken = []
    with Spool(tmp_path / "spool.db", "edge") as spool:
        threads = [
            threading.Thread(target=lambda: taken.extend([put(spool) for _ in range(200)]))
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        spool.flush()
        assert sorted(taken) == counters(spool) == list(range(1, 801))


def test_a_full_disk_surfaces_and_nothing_is_lost(tmp_path):
    with Spool(tmp_path / "spool.db", "edge") as spool:
        put(spool)
        spool.flush()
        (pages,) = spool._connection.execute("PRAGMA page_count").fetchone()
        spool._connection.execute(f"PRAGMA max_page_count = {pages}")
        put(spool, b"x" * 100_000)
        with pytest.raises(TransientError, match=r"disk is full\): 1 observations wait in memory"):
            spool.flush()
        with pytest.raises(TransientError, match="free disk space, then try again"):
            fill(spool)  # the writer tries again after each report
        spool._connection.execute("PRAGMA max_page_count = 1000000")
        with contextlib.suppress(TransientError):  # what it met before space was made
            spool.flush()
        spool.flush()
        found = spool.pending(10**6)
    assert [spooled.observation.place.counter for spooled in found] == list(
        range(1, len(found) + 1)
    )
    assert len(found) >= 2


def test_what_could_not_be_written_is_unknown_afterwards(tmp_path):
    spool = Spool(tmp_path / "spool.db", "edge")
    spool._connection.execute("PRAGMA query_only = ON")  # every commit fails
    for _ in range(3):
        put(spool)
    with pytest.raises(TransientError):
        spool.close()
    spool.close()  # a second call does nothing
    with Spool(tmp_path / "spool.db", "edge") as again:
        assert again.gaps == ((1, SMALLEST_BLOCK),)
        assert 3 <= again.unknown <= LARGEST_BLOCK
        assert put(again) == SMALLEST_BLOCK + 1


def test_a_spool_in_use_is_refused(tmp_path):
    path = tmp_path / "spool.db"
    with (
        Spool(path, "edge"),
        pytest.raises(UserError, match=r"cannot be opened \(database is locked\): check that no"),
    ):
        Spool(path, "edge")


def test_another_edge_s_file_is_refused(tmp_path):
    Spool(tmp_path / "spool.db", "press 4").close()
    with pytest.raises(UserError, match="belongs to edge 'press 4', not 'press 5'"):
        Spool(tmp_path / "spool.db", "press 5")


def test_a_file_that_is_no_spool_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_bytes(b"no database " * 100)
    with pytest.raises(UserError, match=r"notes.txt is no spool file"):
        Spool(tmp_path / "notes.txt", "edge")
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE mine (x)")
    other.close()
    with pytest.raises(UserError, match=r"other.db is a SQLite file, but no spool"):
        Spool(tmp_path / "other.db", "edge")
    with pytest.raises(UserError, match=r"cannot be opened .* its folder can be written"):
        Spool(tmp_path / "absent" / "spool.db", "edge")


def test_a_later_schema_is_refused(tmp_path):
    Spool(tmp_path / "spool.db", "edge").close()
    later = sqlite3.connect(tmp_path / "spool.db")
    later.execute("PRAGMA user_version = 9")
    later.close()
    with pytest.raises(UserError, match=r"schema version 9, .* up to 2: upgrade twoloops"):
        Spool(tmp_path / "spool.db", "edge")


def test_a_closed_spool_takes_nothing(tmp_path):
    spool = Spool(tmp_path / "spool.db", "edge")
    spool.close()
    with pytest.raises(UserError, match="is closed: open it again"):
        put(spool)


WORKER = """
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from twoloops.edge.sources import Arrival
from twoloops.edge.spool import Spool
from twoloops.records.observation import Kept

def say(word, number):
    os.write(1, b"%s %d\\n" % (word, number))  # whole lines, from either thread

spool = Spool(Path(sys.argv[1]), "edge", on_commit=lambda number: say(b"durable", number))
while True:
    data = b"x" * 2000
    number = spool.append(Arrival(data, datetime.now(UTC), "p"), "t", None, Kept("novel", 1.0))
    say(b"given", number)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_sigkill_loses_nothing_durable_and_bounds_the_rest(tmp_path):
    path = tmp_path / "spool.db"
    highest, unknown = 0, 0
    for life in range(4):
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert worker.stdout is not None
        lines = []
        for line in worker.stdout:
            lines.append(line)
            if len(lines) == 150 + 211 * life:  # somewhere in the middle of things
                worker.send_signal(signal.SIGKILL)
        worker.stdout.close()
        assert worker.wait() == -signal.SIGKILL
        # A last line may be cut short by the kill.
        said = [line.split() for line in lines if line.endswith("\n")]
        given_out = [int(number) for word, number in said if word == "given"]
        durable = max((int(number) for word, number in said if word == "durable"), default=0)
        assert given_out[0] > highest  # no number comes twice
        with Spool(path, "edge") as spool:
            found = counters(spool)
            gaps = spool.gaps
            assert set(range(given_out[0], durable + 1)) <= set(found)
            lost = set(given_out) - set(found)
            assert len(lost) <= spool.unknown - unknown
            assert all(any(first <= n <= last for first, last in gaps) for n in lost)
            assert len(gaps) == life + 1
            highest, unknown = max(found[-1], gaps[-1][1]), spool.unknown


def test_a_disk_that_is_full_at_the_start_is_a_passing_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr("twoloops.edge.spool.open_state", full)
    with pytest.raises(TransientError, match=r"spool\.db cannot be written: disk I/O error"):
        Spool(tmp_path / "spool.db", "edge")
    monkeypatch.undo()
    Spool(tmp_path / "spool.db", "edge").close()

"""Sources and sinks: a file is taken once, the line is answered in time, nothing bad stops it."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from twoloops.edge.adapters.file import FileSource
from twoloops.edge.adapters.folder import FolderSource
from twoloops.edge.adapters.jsonl import JsonLines
from twoloops.edge.adapters.loopback import LoopbackSource
from twoloops.edge.capture import CapturePolicy
from twoloops.edge.home import Home, Orders, Settings
from twoloops.edge.ports import Verdict
from twoloops.edge.spool import Spool
from twoloops.edge.station import Station
from twoloops.records.errors import TransientError, UserError
from twoloops.records.observation import Decision
from twoloops.records.task import Task

TASK = Task("orders", "text", ("crack", "leak", "ok"), normal="ok", latency_budget_ms=300)


class Words:
    """A model that takes its time: a leak where the text says so."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def decide(self, inputs: Sequence[bytes]) -> list[Decision]:
        time.sleep(self.seconds)
        said = []
        for data in inputs:
            try:
                text = data.decode()
            except UnicodeDecodeError as error:
                raise UserError("not UTF-8") from error
            label = "leak" if "leak" in text else "ok"
            said.append(Decision(label, (0.1, 0.5, 0.4), "sha256:0", None, 0.0))
        return said


class Told:
    def __init__(self) -> None:
        self.verdicts: list[Verdict] = []

    def put(self, verdict: Verdict) -> None:
        self.verdicts.append(verdict)
        raise RuntimeError("a sink that fails stops nothing")

    def close(self) -> None:
        pass


@contextmanager
def stationed(
    folder: Path, runtime: Words | None = None, task: Task = TASK, limit: int = 1 << 30
) -> Iterator[tuple[Station, Spool, Told]]:
    told = Told()
    with Spool(folder / "spool.db", "edge") as spool:
        orders = Orders(task, CapturePolicy(), 0, 0)
        station = Station(
            Home(folder),
            spool,
            orders,
            runtime,
            clock=lambda: datetime.now(UTC),
            limit=limit,
            sinks=[told],
        )
        yield station, spool, told


def inputs(spool: Spool) -> list[bytes]:
    return [one.input for one in spool.pending(10**6)]


def test_a_file_of_the_folder_is_taken_once_and_when_it_has_settled(tmp_path: Path) -> None:
    watched = tmp_path / "in"
    watched.mkdir()
    with stationed(tmp_path, Words()) as (station, spool, told):
        source = FolderSource(watched)
        (watched / "a.txt").write_text("hose leaks")
        (watched / "b.txt.part").write_text("half")
        (watched / ".hidden.txt").write_text("half")
        assert source.take(station) == 0  # seen, not settled yet
        (watched / "late.txt").write_text("still being wri")
        assert source.take(station) == 1
        (watched / "late.txt").write_text("still being written: a leak")
        assert source.take(station) == 0
        assert source.take(station) == 1
        assert source.take(station) == 0
        assert inputs(spool) == [b"hose leaks", b"still being written: a leak"]
        assert sorted(one.name for one in (watched / "done").iterdir()) == ["a.txt", "late.txt"]
        assert [(one.key, one.label) for one in told.verdicts] == [
            ("a.txt", "leak"),
            ("late.txt", "leak"),
        ]
        assert all(one.place is not None for one in told.verdicts)
        # The same name again is another input; both files stay.
        for _ in range(2):
            (watched / "a.txt").write_text("another leak")
            source.take(station)
            source.take(station)
        assert len(inputs(spool)) == 4
        assert len(list((watched / "done").glob("a*.txt"))) == 3


def test_bad_files_are_quarantined_with_their_reason_and_stop_nothing(tmp_path: Path) -> None:
    watched = tmp_path / "in"
    watched.mkdir()
    with stationed(tmp_path, Words()) as (station, spool, _):
        source = FolderSource(watched)
        (watched / "bad.txt").write_bytes(b"\xff\xfe")
        (watched / "large.txt").write_bytes(b"x" * (65 * 1024))
        (watched / "picture.png").write_bytes(b"x")
        (watched / "good.txt").write_text("a leak")
        (watched / "link.txt").symlink_to("/etc/hostname")
        source.take(station)
        source.take(station)
        assert inputs(spool) == [b"a leak"]
        assert station.standing().unusable == 1
    reasons = {one.name: one.read_text() for one in (watched / "quarantine").glob("*.reason.txt")}
    assert sorted(reasons) == [
        f"{name}.reason.txt" for name in ("bad.txt", "large.txt", "picture.png")
    ]
    assert "UTF-8" in reasons["bad.txt.reason.txt"]
    assert "at most 65,536" in reasons["large.txt.reason.txt"]


def test_killed_between_the_commit_and_the_move_a_file_is_not_taken_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = tmp_path / "in"
    watched.mkdir()
    (watched / "a.txt").write_text("a leak")

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with stationed(tmp_path, Words()) as (station, spool, _):
        source = FolderSource(watched)
        source.take(station)
        monkeypatch.setattr(source, "_done", die)
        with pytest.raises(Killed):
            source.take(station)
    with stationed(tmp_path, Words()) as (station, spool, _):
        source = FolderSource(watched)
        source.take(station)
        source.take(station)
        assert inputs(spool) == [b"a leak"]
        assert [one.name for one in (watched / "done").iterdir()] == ["a.txt"]


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl"])
def test_a_file_is_replayed_once_and_goes_on_where_it_was(tmp_path: Path, name: str) -> None:
    texts = [f"hose {n} leaks" for n in range(100)]
    path = tmp_path / name
    if name == "a.txt":
        path.write_text("\n".join(texts))
    elif name == "a.csv":
        path.write_text("id,text\n" + "".join(f"{n},{t}\n" for n, t in enumerate(texts)))
    else:
        path.write_text("".join(json.dumps({"text": t, "origin": "line 1"}) + "\n" for t in texts))
    stop = threading.Event()
    with stationed(tmp_path) as (station, spool, _):
        FileSource(path).run(station, stop)
        assert [data.decode() for data in inputs(spool)] == texts
    with stationed(tmp_path) as (station, spool, _):
        FileSource(path).run(station, stop)
        assert len(inputs(spool)) == 100
        with path.open("a") as file:
            file.write({"a.txt": "\nmore", "a.csv": "9,more\n"}.get(name, '{"text": "more"}\n'))
        FileSource(path).run(station, stop)
        assert len(inputs(spool)) == 101


def test_what_could_not_be_kept_comes_again_and_what_was_queued_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("".join(f"hose {n}\n" for n in range(100)))
    monkeypatch.setattr("twoloops.edge.adapters.file.AGAIN", 0.01)
    with stationed(tmp_path) as (station, spool, _):
        commit, broken = spool._commit, iter([False, True, True, False, True] + 100 * [False])

        def failing(*given: object) -> None:
            if next(broken):
                raise OSError(28, "No space left on device")
            commit(*given)

        monkeypatch.setattr(spool, "_commit", failing)
        FileSource(path).run(station, threading.Event())
        monkeypatch.setattr(spool, "_commit", commit)
        spool.flush()
        assert inputs(spool) == [b"hose %d" % n for n in range(100)]


def test_windows_of_an_array_are_replayed(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.arange(12, dtype=np.float32).reshape(3, 2, 2))
    task = Task("fan", "signal", ("bad", "ok"), shape=(2, 2))
    with stationed(tmp_path, task=task) as (station, spool, _):
        FileSource(path).run(station, threading.Event())
        assert len(inputs(spool)) == 3
    with stationed(tmp_path) as (station, _, _), pytest.raises(UserError, match="of kind signal"):
        FileSource(path).run(station, threading.Event())


def test_a_spool_over_its_limit_drops_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("".join(f"hose {n} {'x' * 500}\n" for n in range(300)))
    with stationed(tmp_path, Words(), limit=50_000) as (station, spool, _):
        FileSource(path).run(station, threading.Event())
        station.keep_within()
        standing = station.standing()
        assert standing.spool_bytes <= 50_000
        assert standing.dropped == 300 - standing.spooled > 0
        assert {gap.reason for gap in spool.missing} == {"the spool was full: suspected"}


@contextmanager
def looped(
    folder: Path, runtime: Words | None, **options: str
) -> Iterator[tuple[LoopbackSource, Spool, Told, Callable[..., tuple[int, dict]]]]:
    source, stop = LoopbackSource(("127.0.0.1", 0), **options), threading.Event()
    with stationed(folder, runtime) as (station, spool, told):
        thread = threading.Thread(target=source.run, args=(station, stop))
        thread.start()
        while source.station is None:
            time.sleep(0.001)

        def ask(body: bytes, method: str = "POST", path: str = "/decide", **headers: str):
            connection = http.client.HTTPConnection("127.0.0.1", source.port, timeout=10)
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            said = json.loads(answer.read())
            connection.close()
            return answer.status, said

        try:
            yield source, spool, told, ask
        finally:
            stop.set()
            thread.join()


def test_the_line_gets_a_verdict_whose_place_is_durable(tmp_path: Path) -> None:
    with looped(tmp_path, Words()) as (_, spool, told, ask):
        status, said = ask(b"a leak", path="/decide?origin=part%207")
        assert (status, said["label"], said["fail_safe"]) == (200, "leak", False)
        assert said["place"] == f"edge/{spool.epoch}/1"
        (kept,) = spool.pending(9)
        assert (kept.input, kept.observation.origin) == (b"a leak", "part 7")
        assert ask(b"", method="GET", path="/status")[1]["seen"] == 1
        assert len(told.verdicts) == 1


def test_the_line_gets_the_fail_safe_in_time_and_the_input_is_decided_all_the_same(
    tmp_path: Path,
) -> None:
    with looped(tmp_path, Words(0.6)) as (_, spool, _, ask):
        began = time.monotonic()
        status, said = ask(b"all fine")
        assert time.monotonic() - began < 0.55
        assert (status, said["label"], said["fail_safe"]) == (200, "crack", True)
        assert "within 300 ms" in said["why"]
        until = time.monotonic() + 5
        while not spool.pending(1) and time.monotonic() < until:
            time.sleep(0.02)
        assert inputs(spool) == [b"all fine"]


def test_without_a_model_or_with_a_bad_input_the_line_gets_the_fail_safe(tmp_path: Path) -> None:
    with looped(tmp_path, None, fail_safe="leak") as (_, spool, _, ask):
        assert ask(b"all fine")[1]["label"] == "leak"
        status, said = ask(b"\xff")
        assert (status, said["label"], said["fail_safe"]) == (200, "leak", True)
        assert "UTF-8" in said["why"]
        assert inputs(spool) == [b"all fine"]


def test_a_full_disk_does_not_stop_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with looped(tmp_path, Words()) as (source, spool, _, ask):

        def full(*_: object) -> int:
            raise TransientError("disk full")

        monkeypatch.setattr(spool, "append", full)
        said = ask(b"a leak")[1]
        assert (said["label"], said["fail_safe"], said["place"]) == ("leak", False, None)
        assert source.station is not None
        assert source.station.not_kept == 1


def test_pages_of_a_browser_large_bodies_and_other_paths_are_refused(tmp_path: Path) -> None:
    with looped(tmp_path, Words()) as (_, spool, _, ask):
        assert ask(b"x", Origin="http://evil.example")[0] == 403
        assert ask(b"x", Host="evil.example")[0] == 403
        assert ask(b"x" * 65_537)[0] == 413
        assert ask(b"x", path="/other")[0] == 404
        assert inputs(spool) == []


def test_it_listens_to_this_machine_only(tmp_path: Path) -> None:
    for host in ("0.0.0.0", "192.0.2.1", "example.org"):
        with pytest.raises(UserError, match="loopback only"):
            LoopbackSource((host, 0))


def test_a_line_of_json_for_each_verdict(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.jsonl"
    verdict = Verdict("a", datetime(2026, 1, 2, tzinfo=UTC), "leak", None, None)
    for _ in range(2):
        sink = JsonLines(path)
        sink.put(verdict)
        sink.close()
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == ["a", "a"]
    with pytest.raises(UserError, match="name another sink"):
        JsonLines(tmp_path / "no" / "folder")


def test_a_token_that_others_can_read_is_refused(tmp_path: Path) -> None:
    home = Home(tmp_path / "edge")
    with pytest.raises(UserError, match="twoloops edge enrol"):
        home.settings()
    home.enrolled(
        Settings("http://127.0.0.1:1", "press-4", "orders", "all", "sha256:0"), "2l_secret"
    )
    assert home.token() == "2l_secret"
    assert (home.folder / "token").stat().st_mode & 0o777 == 0o600
    (home.folder / "token").chmod(0o644)
    with pytest.raises(UserError, match=r"0644.*chmod 600"):
        home.token()

"""What an edge that runs says while its server is away."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from twoloops.edge.adapters.folder import FolderSource
from twoloops.edge.capture import CapturePolicy
from twoloops.edge.client import Unreachable
from twoloops.edge.home import ORDERS, Home, Orders, Settings
from twoloops.edge.process import EdgeProcess, Options
from twoloops.edge.trust.updating import begin
from twoloops.records.task import Task

TASK = Task("orders", "text", ("leak", "ok"), normal="ok")
ANSWER = Orders(TASK, CapturePolicy(), 0, 0)
ROOT = f"sha256:{'0' * 64}"
NOWHERE = "http://127.0.0.1:9"


class Quiet:
    """A source from which nothing comes."""

    def run(self, line: object, stop: threading.Event) -> None:
        stop.wait()


class Away:
    """A server that answers once it is back."""

    def __init__(self) -> None:
        self.back = threading.Event()

    def post(self, path: str, body: bytes, content_type: str = "") -> bytes:
        if not self.back.is_set():
            raise Unreachable("the cable is out")
        return msgspec.json.encode(ANSWER)

    def put(self, path: str, body: bytes) -> bytes:
        raise AssertionError("nothing is sent")

    def get(self, path: str) -> bytes:
        raise AssertionError("nothing is asked")


def until(done: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for something that comes within a moment on a machine that is not busy."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_server_that_is_away_and_back_is_said_once_each(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("twoloops.edge.process.ASIDE", 0.01)
    home, server, told = Home(tmp_path / "edge"), Away(), []
    home.enrolled(Settings(NOWHERE, "press-4", TASK.name, "all", ROOT), "2l_x")
    home.put(ORDERS, ANSWER)
    begin(home.releases, ROOT, TASK.name)
    how = Options(beat=0.02, longest=0.02)
    edge = EdgeProcess(home, Quiet(), [], how, say=told.append, server=server)
    running = threading.Thread(target=edge.run)
    running.start()
    try:
        until(lambda: any("the cable is out" in one for one in told))
        failures = edge.standing().failures
        until(lambda: edge.standing().failures > failures + 3)
        server.back.set()
        until(lambda: "The server answers again." in told)
    finally:
        edge.stop()
        running.join(timeout=60)
    said = [one for one in told if "cable" in one or "answers again" in one]
    assert len(said) == 2
    assert "What is kept waits here" in said[0]


def test_a_watched_folder_that_vanishes_is_said_and_taken_up_again(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("twoloops.edge.process.ASIDE", 0.01)
    home, told, folder = Home(tmp_path / "edge"), [], tmp_path / "share"
    home.enrolled(Settings(NOWHERE, "press-4", TASK.name, "all", ROOT), "2l_x")
    home.put(ORDERS, ANSWER)
    begin(home.releases, ROOT, TASK.name)
    folder.mkdir()
    server = Away()
    server.back.set()
    source = FolderSource(folder, every=0.01)
    edge = EdgeProcess(home, source, [], Options(beat=60), say=told.append, server=server)
    running = threading.Thread(target=edge.run)
    running.start()
    try:
        folder.rename(tmp_path / "unmounted")
        until(lambda: any("No inputs come" in one for one in told))
        assert edge.standing().source_error == f"the folder {folder}: No such file or directory"
        (tmp_path / "unmounted").rename(folder)
        until(lambda: "Inputs can come again." in told)
        assert edge.standing().source_error == ""
    finally:
        edge.stop()
        running.join(timeout=60)
    assert sum("No inputs come" in one for one in told) == 1

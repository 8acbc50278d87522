"""Every built-in source and sink that needs no other machine keeps the laws; MQTT's: test_mqtt."""

import io
import json
import threading
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from twoloops.checks import check_sink, check_source
from twoloops.checks.sources import GOOD
from twoloops.edge.adapters.file import FileSource
from twoloops.edge.adapters.folder import FolderSource
from twoloops.edge.adapters.http_sink import HttpSink
from twoloops.edge.adapters.jsonl import JsonLines
from twoloops.edge.adapters.loopback import LoopbackSource
from twoloops.edge.adapters.video import VideoSource
from twoloops.edge.ports import Source
from twoloops.records.task import Task

try:
    import cv2
except ImportError:
    cv2 = None


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twoloops.edge.adapters.file.AGAIN", 0.01)
    monkeypatch.setattr("twoloops.edge.adapters.video.AGAIN", 0.01)
    monkeypatch.setattr("twoloops.checks.sources.AGAIN", 0.1)


def lay_file(folder: Path, inputs: Sequence[bytes]) -> None:
    (folder / "in.txt").write_bytes(b"".join(one + b"\n" for one in inputs))


def lay_folder(folder: Path, inputs: Sequence[bytes]) -> None:
    (folder / "in").mkdir()
    for number, data in enumerate(inputs):
        (folder / "in" / f"{number:03}.txt").write_bytes(data)


def lay_windows(folder: Path, inputs: Sequence[bytes]) -> None:
    windows = [np.load(io.BytesIO(data)) for data in inputs]
    np.save(folder / "in.npy", np.array(windows, np.float32).reshape(-1, 2, 3))


def window(number: int) -> bytes:
    file = io.BytesIO()
    np.save(file, np.full((2, 3), number, np.float32))
    return file.getvalue()


FAN = Task("fan", "signal", ("bad", "ok"), shape=(2, 3))
LAWS = [
    *check_source(lambda folder: FileSource(folder / "in.txt"), lay=lay_file),
    *check_source(lambda folder: FolderSource(folder / "in", every=0.01), lay=lay_folder),
    *check_source(
        lambda folder: FileSource(folder / "in.npy"),
        lay=lay_windows,
        task=FAN,
        good=[window(number) for number in range(70)],
        bad=None,
    ),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_replayed_files_and_a_watched_folder(law) -> None:
    law()


def ask(source: Source, inputs: Sequence[bytes]) -> None:
    assert isinstance(source, LoopbackSource)
    while source.station is None:
        time.sleep(0.001)
    connection = HTTPConnection("127.0.0.1", source.port, timeout=10)
    for data in inputs:
        connection.request("POST", "/decide", data)
        assert json.loads(connection.getresponse().read())["label"] == "leak"
    connection.close()


@pytest.mark.parametrize(
    "law",
    check_source(lambda folder: LoopbackSource(("127.0.0.1", 0)), push=ask, good=GOOD[:6]),
    ids=lambda law: law.__name__,
)
def test_what_the_line_asks(law) -> None:
    law()


def film(path: Path, shades: Sequence[int]) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, (16, 16))
    for shade in shades:
        writer.write(np.full((16, 16, 3), shade, np.uint8))
    writer.release()


@pytest.mark.skipif(cv2 is None, reason="OpenCV is not installed (extra: industrial)")
def test_a_video(tmp_path: Path) -> None:
    # Compression changes pixels a little: what is expected is what the film holds.
    shades = range(0, 240, 20)
    film(tmp_path / "all.avi", shades)
    video, pictures = cv2.VideoCapture(str(tmp_path / "all.avi")), {}
    for shade in shades:
        pictures[cv2.imencode(".png", video.read()[1])[1].tobytes()] = shade
    video.release()
    laws = check_source(
        lambda folder: VideoSource(folder / "in.avi"),
        # A film without frames is none: one that is looked at only is the first.
        lay=lambda folder, inputs: film(
            folder / "in.avi", [pictures[data] for data in inputs] or [0]
        ),
        task=Task("press", "image", ("crack", "ok")),
        good=list(pictures),
        bad=None,
    )
    for law in laws:
        law()


def keys(path: Path) -> list[str]:
    if not path.exists():
        return []
    return [json.loads(line)["key"] for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    "law",
    check_sink(lambda f: JsonLines(f / "out.jsonl"), told=lambda f: keys(f / "out.jsonl")),
    ids=lambda law: law.__name__,
)
def test_lines_of_json(law) -> None:
    law()


class Taking(BaseHTTPRequestHandler):
    """Writes each verdict into a file that its address names."""

    protocol_version = "HTTP/1.1"
    lock = threading.Lock()

    def do_POST(self) -> None:
        said = self.rfile.read(int(self.headers["Content-Length"]))
        with self.lock, Path(self.path).open("ab") as file:
            file.write(said + b"\n")
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


PORT: list[int] = []


@pytest.fixture(scope="module", autouse=True)
def receiver():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    server.daemon_threads = True
    PORT[:] = [server.server_port]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield
    server.shutdown()
    thread.join()
    server.server_close()


def nobody(folder: Path) -> HttpSink:
    sink = HttpSink("http://127.0.0.1:9/none", most=20)
    sink._outbox._leaving = 0.05
    return sink


@pytest.mark.parametrize(
    "law",
    check_sink(
        lambda folder: HttpSink(f"http://127.0.0.1:{PORT[0]}{folder}/out.jsonl"),
        told=lambda folder: keys(folder / "out.jsonl"),
        away=nobody,
    ),
    ids=lambda law: law.__name__,
)
def test_posts(law) -> None:
    law()

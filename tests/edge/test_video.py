"""Frames of a real video file, and of a camera that comes and goes."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from twoloops.checks.line import CheckedLine, Crash, opened
from twoloops.edge.adapters.asked import Asked
from twoloops.edge.adapters.camera import PASSWORD, USER, CameraSource
from twoloops.edge.adapters.camera import source as camera
from twoloops.edge.adapters.video import VideoSource
from twoloops.edge.adapters.video import source as video
from twoloops.records.errors import MissingExtraError, UserError
from twoloops.records.task import Task

cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed (extra: industrial)")

TASK = Task("press", "image", ("crack", "ok"), normal="ok")
RATE, FRAMES = 10, 30


def shade(number: int) -> int:
    """The grey of a frame: far enough apart to be told after compression."""
    return 8 * number


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A film of 30 grey frames, 3 seconds."""
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), RATE, (32, 24))
    assert writer.isOpened()
    for number in range(1, FRAMES + 1):
        writer.write(np.full((24, 32, 3), shade(number), np.uint8))
    writer.release()
    return path


def shown(line: CheckedLine) -> list[int]:
    """Which frame each picture that is stored shows."""
    found = []
    for data in line.stored():
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert pixels.shape == (24, 32, 3)
        found.append(round(float(pixels.mean()) / 8))
    return found


@pytest.mark.parametrize(
    ("every", "nth", "expected"),
    [
        (0, 1, list(range(1, 31))),
        (0, 7, [1, 8, 15, 22, 29]),
        (1, 1, [1, 11, 21]),
        (0.25, 1, [1, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 29]),
        (1, 3, [1, 13, 22]),
    ],
)
def test_the_frames_asked_for_are_taken(tmp_path, film, every, nth, expected) -> None:
    with opened(tmp_path, TASK) as line:
        VideoSource(film, every=every, nth=nth).run(line, threading.Event())
        assert shown(line) == expected


def test_names_and_times_are_those_of_the_film(tmp_path, film) -> None:
    with opened(tmp_path, TASK) as line:
        VideoSource(film, nth=10).run(line, threading.Event())
        assert [one.key for one in line.told] == ["film.avi:1", "film.avi:11", "film.avi:21"]
        first, second, third = line.times()
        assert second - first == third - second == timedelta(seconds=1)
        assert abs(third.timestamp() - film.stat().st_mtime + 0.9) < 0.001


@pytest.mark.parametrize("durable", [False, True])
def test_after_a_crash_it_goes_on_where_it_was(tmp_path, film, durable) -> None:
    with opened(tmp_path, TASK) as line:
        line.crash_at(3, durable=durable)
        with pytest.raises(Crash):
            VideoSource(film).run(line, threading.Event())
    with opened(tmp_path, TASK) as line:
        VideoSource(film).run(line, threading.Event())
        assert shown(line) == list(range(1, FRAMES + 1))
        VideoSource(film).run(line, threading.Event())
        assert len(line.stored()) == FRAMES


def test_what_is_no_video_is_refused_in_a_sentence(tmp_path, film) -> None:
    with pytest.raises(UserError, match="no file"):
        video(Asked(words=f"video:{tmp_path}/none.mp4"))
    (tmp_path / "text.mp4").write_text("no video")
    with pytest.raises(UserError, match="convert it"):
        video(Asked(words=f"video:{tmp_path}/text.mp4"))
    texts = Task("orders", "text", ("leak", "ok"))
    with opened(tmp_path, texts) as line, pytest.raises(UserError, match="decides on text"):
        VideoSource(film).run(line, threading.Event())


class Pictures:
    """A camera that shows so many frames and is gone then."""

    def __init__(self, frames: Iterator[int], count: int) -> None:
        self.frames, self.left = frames, count

    def isOpened(self) -> bool:
        return self.left > 0

    def grab(self) -> bool:
        self.left -= 1
        self.now = next(self.frames) if self.left >= 0 else 0
        return self.left >= 0

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        if self.now == 3:
            return False, None
        return True, np.full((24, 32, 3), shade(self.now), np.uint8)

    def release(self) -> None:
        self.left = 0


def test_a_camera_that_is_gone_is_opened_again_and_a_bad_frame_stops_none(tmp_path) -> None:
    frames, lives, stop = iter(range(1, 100)), iter([4, 0, 0, 5]), threading.Event()

    def open_() -> Pictures:
        life = next(lives, None)
        if life is None:
            stop.set()
        return Pictures(frames, life or 0)

    with opened(tmp_path, TASK) as line:
        source = CameraSource("camera:0", open_, longest=0.001)
        source.run(line, stop)
        assert shown(line) == [1, 2, 4, 5, 6, 7, 8, 9]
        assert (source.opened, source.unreadable) == (2, 1)
        assert source.trouble == "camera:0 sends no pictures"


def test_while_pictures_cannot_be_kept_the_same_one_is_handed_in_again(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("twoloops.edge.adapters.handing.AGAIN", 0.001)
    lives, stop = iter([4]), threading.Event()

    def open_() -> Pictures:
        life = next(lives, None)
        if life is None:
            stop.set()
        return Pictures(iter((1, 2, 4, 5)), life or 0)

    with opened(tmp_path, TASK) as line:
        line.fail(2, 3, 4)
        CameraSource("camera:0", open_, longest=0.001).run(line, stop)
        assert shown(line) == [1, 2, 4, 5]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("camera:front", "camera:0"),
        ("rtsp:nowhere", "rtsp://HOST/PATH"),
        ("rtsp://me:secret@host/1", PASSWORD),
    ],
)
def test_words_that_name_no_camera_or_hold_a_secret_are_refused(words, said) -> None:
    with pytest.raises(UserError, match=said) as refused:
        camera(Asked(words=words))
    assert "secret" not in str(refused.value)


def test_the_password_comes_from_the_environment_and_stands_in_no_name(
    tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv(USER, "me")
    monkeypatch.setenv(PASSWORD, "s/ecret")
    asked: list[str] = []
    stop = threading.Event()

    def capture(url: str, *_: object) -> Pictures:
        asked.append(url)
        if len(asked) > 1:
            stop.set()
        return Pictures(iter((1,)), int(len(asked) == 1))

    monkeypatch.setattr(cv2, "VideoCapture", capture)
    with opened(tmp_path, TASK) as line:
        camera(Asked(words="rtsp://host:554/1")).run(line, stop)
        assert asked[0] == "rtsp://me:s%2Fecret@host:554/1"
        assert line.told[0].key.startswith("rtsp://host:554/1:")


def test_without_opencv_the_line_that_installs_it_is_said(monkeypatch, film) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cv2", None)
    for words, make in ((f"video:{film}", video), ("camera:0", camera)):
        with pytest.raises(MissingExtraError, match=r"pip install 'twoloops\[industrial\]'"):
            make(Asked(words=words))

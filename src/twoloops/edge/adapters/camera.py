"""Source: a camera, attached or on the network. Opened again, with back-off, whenever it is gone.

What a camera showed while nobody could keep it is gone: after a crash the present picture is the
next input. Marks only tell which pictures are kept when the disk was full in between.
"""

import os
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from twoloops.edge.adapters.asked import Asked
from twoloops.edge.adapters.frames import check_kind, encoded, opencv
from twoloops.edge.adapters.handing import Group, hand_in
from twoloops.edge.backoff import Backoff
from twoloops.edge.ports import Line
from twoloops.edge.sources import Arrival
from twoloops.edge.station import PERIOD
from twoloops.records.errors import UserError

USER, PASSWORD = "TWOLOOPS_CAMERA_USER", "TWOLOOPS_CAMERA_PASSWORD"
"""Environment: how one logs in at an RTSP camera."""
PATIENCE = 5.0
"""Seconds until a network camera that says nothing counts as gone."""
LONGEST = 60.0
"""Seconds no wait between two tries to open it exceeds."""


class CameraSource:
    """Takes the present picture of a camera, at intervals, until stopped.

    Every frame is read, so that the one taken is no old one out of a buffer; those in between are
    passed over without being decoded. An input's name is `WORDS:TIME`.

    Args:
        words: How the camera is called in names and messages.
        open_: Opens it: something with `isOpened`, `grab`, `retrieve` and `release`, as OpenCV's
            `VideoCapture`.
        every: Seconds between two pictures; 0: all that `nth` leaves.
        nth: Take every n-th frame.
        longest: Seconds no wait between two tries to open it exceeds.
    """

    def __init__(
        self,
        words: str,
        open_: Callable[[], Any],
        *,
        every: float = 0.0,
        nth: int = 1,
        longest: float = LONGEST,
    ) -> None:
        self._words, self._open, self._every, self._nth = words, open_, every, nth
        self._backoff = Backoff(random.SystemRandom().random, longest=longest)
        self._mark = 0
        self.opened = self.unreadable = 0
        """How often it was opened, and frames that could not be decoded or encoded."""
        self.trouble = ""

    def run(self, line: Line, stop: threading.Event) -> None:
        """Take pictures until stopped.

        Raises:
            UserError: The task does not decide on pictures.
        """
        check_kind(line, self._words)
        self._mark = line.taken(self._words) or 0
        while not stop.is_set():
            camera = self._open()
            try:
                if camera.isOpened():
                    self.opened += 1
                    self._watch(camera, line, stop)
            finally:
                camera.release()
            self.trouble = f"{self._words} sends no pictures"
            stop.wait(self._backoff.failed())

    def _watch(self, camera: Any, line: Line, stop: threading.Event) -> None:
        """Take pictures until the camera is gone."""
        number, due = 0, time.monotonic()
        while not stop.is_set() and camera.grab():
            number += 1
            if (number - 1) % self._nth or time.monotonic() < due:
                continue
            at = datetime.now(UTC)
            fine, frame = camera.retrieve()
            data = encoded(frame) if fine else None
            if data is None:
                self.unreadable += 1
                continue
            self._backoff.succeeded()
            self.trouble = ""
            due = time.monotonic() + self._every
            self._hand_in(line, Arrival(data, at, PERIOD), stop)

    def _hand_in(self, line: Line, arrival: Arrival, stop: threading.Event) -> None:
        key = f"{self._words}:{arrival.observed_at.isoformat()}"
        # A mark must grow, and a clock may be set back.
        self._mark = max(self._mark + 1, int(arrival.observed_at.timestamp() * 1e6))
        hand_in(line, Group([key], [arrival], [(self._words, self._mark)]), stop)


def source(asked: Asked) -> CameraSource:
    """Return the source of `camera:INDEX` or `rtsp://HOST/PATH`.

    Raises:
        UserError: They name none, or hold a secret.
        MissingExtraError: OpenCV is not installed.
    """
    cv2 = opencv()
    if asked.scheme == "camera":
        if not asked.rest.isdecimal():
            raise UserError(f"--source {asked.words!r} names no camera: write  camera:0")
        index = int(asked.rest)
        return _source(asked, lambda: cv2.VideoCapture(index))
    parts = urlsplit(asked.words)
    if parts.username or parts.password:
        raise UserError(
            "a camera's URL holds no user and password (a list of processes shows them): set "
            f"{USER} and {PASSWORD} instead"
        )
    if not parts.hostname:
        raise UserError(f"--source {asked.words!r} names no camera: write  rtsp://HOST/PATH")
    url = asked.words
    if user := os.environ.get(USER):
        secret = f"{quote(user, safe='')}:{quote(os.environ.get(PASSWORD, ''), safe='')}"
        url = parts._replace(netloc=f"{secret}@{parts.netloc}").geturl()
    limit = int(PATIENCE * 1000)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit]
    return _source(asked, lambda: cv2.VideoCapture(url, cv2.CAP_FFMPEG, limits))


def _source(asked: Asked, open_: Callable[[], Any]) -> CameraSource:
    return CameraSource(asked.words, open_, every=asked.every, nth=asked.nth)

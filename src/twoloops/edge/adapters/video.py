"""Source: the frames of a video file. It goes on behind the last durable one, like a replayed file.

Whether a frame is taken depends on its number alone, and frames before the place to go on are
passed over one by one: seeking in compressed video is inexact.
"""

import itertools
import math
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from twoloops.edge.adapters.asked import Asked
from twoloops.edge.adapters.frames import check_kind, encoded, opencv
from twoloops.edge.adapters.handing import AGAIN, Group, hand_in
from twoloops.edge.ports import Line
from twoloops.edge.sources import Arrival
from twoloops.edge.station import PERIOD
from twoloops.records.errors import UserError

GROUP = 4
"""Frames decided on together: an uncompressed one has some megabytes."""


class VideoSource:
    """Takes frames of a video file, then ends.

    A frame's time is the file's time of change, less what comes behind the frame: a recorder
    closes its file with the last one. An input's name is `FILE:NUMBER`, from 1.

    Args:
        path: A file that OpenCV reads.
        every: Seconds of the film between two frames taken; 0: all that `nth` leaves.
        nth: Take every n-th frame.

    Raises:
        UserError: It is no video, or has no frame rate where `every` needs one.
        MissingExtraError: OpenCV is not installed.
    """

    def __init__(self, path: Path, *, every: float = 0.0, nth: int = 1) -> None:
        if not path.is_file():
            raise UserError(f"{path} is no file: name another after  video:")
        cv2 = opencv()
        video = cv2.VideoCapture(str(path))
        opened, rate = video.isOpened(), float(video.get(cv2.CAP_PROP_FPS))
        count = float(video.get(cv2.CAP_PROP_FRAME_COUNT))
        video.release()
        if not opened:
            raise UserError(f"OpenCV cannot read {path} as a video: convert it to MP4 or AVI")
        self._rate = rate if math.isfinite(rate) and rate > 0 else 0.0
        self._frames = max(count, 0.0) if math.isfinite(count) else 0.0
        if every and not self._rate:
            raise UserError(f"{path} says no frame rate: choose frames by --nth, not by --every")
        self._path, self._every, self._nth = path, every, nth
        self.unreadable = 0
        """Frames that could not be decoded or encoded."""

    def run(self, line: Line, stop: threading.Event) -> None:
        """Hand in the frames behind the last durable one.

        Raises:
            UserError: The task does not decide on pictures.
        """
        check_kind(line, f"video:{self._path}")
        name = f"video:{self._path.resolve()}"
        frames = self._taken(line.taken(name) or 0, stop)
        changed = datetime.fromtimestamp(self._path.stat().st_mtime, UTC)
        while group := list(itertools.islice(frames, GROUP)):
            keys = [f"{self._path.name}:{number}" for number, _ in group]
            arrivals = [Arrival(data, self._time(changed, n), PERIOD) for n, data in group]
            marks = [(name, number) for number, _ in group]
            if not hand_in(line, Group(keys, arrivals, marks), stop, AGAIN):
                return

    def wanted(self, number: int) -> bool:
        """Whether a frame is taken, by its number from 1."""
        index = number - 1
        if index % self._nth:
            return False
        if not self._every or not index:
            return True
        step = self._every * self._rate
        return math.floor(index / step) > math.floor((index - self._nth) / step)

    def _time(self, changed: datetime, number: int) -> datetime:
        if not self._rate:
            return changed
        return changed - timedelta(seconds=max(0.0, self._frames - number) / self._rate)

    def _taken(self, begin: int, stop: threading.Event) -> Iterator[tuple[int, bytes]]:
        """Yield number and picture of each frame that is wanted, behind `begin`."""
        video = opencv().VideoCapture(str(self._path))
        try:
            number = 0
            while not stop.is_set() and video.grab():
                number += 1
                if number <= begin or not self.wanted(number):
                    continue
                fine, frame = video.retrieve()
                data = encoded(frame) if fine else None
                if data is None:
                    self.unreadable += 1
                else:
                    yield number, data
        finally:
            video.release()


def source(asked: Asked) -> VideoSource:
    """Return the source of `video:PATH`."""
    return VideoSource(Path(asked.rest), every=asked.every, nth=asked.nth)

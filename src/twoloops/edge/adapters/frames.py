"""What a video and a camera have in common: OpenCV, and a frame as an encoded picture."""

from typing import Any

from twoloops.edge.adapters.limits import LARGEST
from twoloops.edge.ports import Line
from twoloops.records.errors import MissingExtraError, UserError

JPEG_QUALITY = 95


def opencv() -> Any:
    """Return OpenCV.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise MissingExtraError("a video or a camera", "industrial") from error
    return cv2


def check_kind(line: Line, words: str) -> None:
    """Say whether a task decides on pictures.

    Raises:
        UserError: It does not.
    """
    if line.task.kind != "image":
        raise UserError(
            f"{words} gives pictures, and task {line.task.name!r} decides on {line.task.kind}: "
            "name a task of kind image, or another source"
        )


def encoded(frame: Any) -> bytes | None:
    """Return a frame (height, width, 3) of OpenCV as PNG, or as JPEG where that is too large.

    PNG keeps every pixel, so a frame read again has the same digest. `None` where it cannot be
    encoded, or is too large for an input either way.
    """
    cv2 = opencv()
    for suffix, how in ((".png", []), (".jpg", [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])):
        try:
            fine, data = cv2.imencode(suffix, frame, how)
        except cv2.error:  # an empty frame
            return None
        if fine and data.size <= LARGEST["image"]:
            return bytes(data)
    return None

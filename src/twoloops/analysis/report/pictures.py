"""Inputs shown on a page: an image as a `data:` address, a signal as a small drawing."""

import base64
import io
import math
import warnings

import numpy as np
from numpy.typing import NDArray

from twoloops.analysis.markup import Html, esc, tag

SIDE = 360  # pixels; a larger picture is made smaller, so that the page stays light
HEAVY = 40_000  # bytes; a picture above that is encoded anew
CHANNELS = 4
POINTS = 160
_AS_IS = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
_COLOURS = ("c-data", "c-both", "c-everything", "c-models")


def _address(data: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _smaller(data: bytes) -> bytes | None:
    """Return an image of at most `SIDE` pixels a side as PNG or JPEG, `None` if unreadable."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a decompression bomb is announced by a warning
            with Image.open(io.BytesIO(data)) as opened:
                grey = opened.mode in ("1", "L", "LA", "I", "I;16", "F")
                picture = opened.convert("L" if grey else "RGB")
        picture.thumbnail((SIDE, SIDE))
        out = io.BytesIO()
        picture.save(out, "JPEG", quality=82)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning):
        return None
    return out.getvalue()


def _image(data: bytes, description: str) -> Html | None:
    from PIL import Image

    kind = next((kind for head, kind in _AS_IS.items() if data.startswith(head)), None)
    if kind is not None and len(data) <= HEAVY:
        try:
            with Image.open(io.BytesIO(data)) as opened:
                opened.verify()
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None
        address = _address(data, kind)
    else:
        smaller = _smaller(data)
        if smaller is None:
            return None
        address = _address(smaller, "image/jpeg")
    return Html(f'<img src="{address}" alt="{esc(description)}">')


def _thin(channel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep the smallest and the largest sample of each stretch: peaks stay visible."""
    if channel.size <= 2 * POINTS:
        return channel
    pieces = np.array_split(channel, POINTS)
    return np.array([end for piece in pieces for end in (piece.min(), piece.max())])


def _line(channel: NDArray[np.float64], low: float, high: float) -> str:
    values = _thin(channel)
    step = 300 / max(1, values.size - 1)
    reach = (high - low) or 1.0
    return " ".join(
        f"{number * step:.1f},{76 - 72 * (value - low) / reach:.1f}"
        for number, value in enumerate(values)
        if math.isfinite(value)
    )


def sparkline(signal: NDArray[np.float64]) -> Html:
    """Return a small drawing of a signal, (channels, samples): the first channels, one scale."""
    drawn = np.atleast_2d(signal)[:CHANNELS]
    finite = drawn[np.isfinite(drawn)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    lines = "".join(
        f'<polyline points="{_line(channel, low, high)}" fill="none" '
        f'stroke="var(--{colour})" stroke-width="1.3"/>'
        for channel, colour in zip(drawn, _COLOURS, strict=False)
    )
    svg = Html(f'<svg class="spark" viewBox="0 0 300 80">{lines}</svg>')
    channels, samples = np.atleast_2d(signal).shape
    shown = f"first {CHANNELS} of {channels}" if channels > CHANNELS else str(channels)
    note = (
        f"{shown} channel{'s' if channels > 1 else ''}, {samples} samples, {low:.3g} … {high:.3g}"
    )
    return Html(svg + tag("p", note, class_="note"))


def picture(data: bytes, description: str) -> Html:
    """Return an input as it can be shown on a page, or one line saying that it cannot."""
    shown: Html | None = None
    if data.startswith(b"\x93NUMPY"):
        try:
            array = np.load(io.BytesIO(data), allow_pickle=False)
            if array.ndim in (1, 2) and array.size and array.dtype.kind in "fiu":
                shown = sparkline(array.astype(np.float64))
        except (OSError, ValueError, EOFError):
            shown = None
    else:
        shown = _image(data, description)
    return shown if shown is not None else tag("p", "(this input cannot be shown)", class_="note")

"""A message's payload as an input: the raw bytes, or JSON where inputs can be written so."""

import io
import json
from typing import NamedTuple

import numpy as np

from twoloops.edge.adapters.limits import LARGEST
from twoloops.records.errors import UserError
from twoloops.records.task import Kind

NPY = b"\x93NUMPY"


class Payload(NamedTuple):
    """An input out of a message.

    Args:
        input: As the task's kind wants it.
        origin: Where it came from, where the message says so.
    """

    input: bytes
    origin: str | None = None


def read(kind: Kind, data: bytes) -> Payload:
    """Return the input that a payload holds.

    A text is UTF-8, or an object with `text` and, where known, `origin`; what is no such object is
    taken as it stands. A signal is `.npy` of float32 (channels, samples), or a list of channels,
    each a list of numbers; or an object with these as `values`, and `origin`. A picture is a file.
    Whether the input can be used, the task's own check says later.

    Raises:
        UserError: It is too large, or a signal that is neither.
    """
    if len(data) > LARGEST[kind]:
        raise UserError(
            f"it has {len(data):,} bytes, and an input of kind {kind} has at most "
            f"{LARGEST[kind]:,}: send less in one message"
        )
    if kind == "text":
        return _text(data)
    if kind == "signal" and not data.startswith(NPY):
        return _signal(data)
    return Payload(data)


def _text(data: bytes) -> Payload:
    if not data.lstrip().startswith(b"{"):
        return Payload(data)
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return Payload(data)
    if not isinstance(said, dict) or not isinstance(said.get("text"), str):
        return Payload(data)
    return Payload(said["text"].encode(errors="surrogatepass"), _origin(said))


def _signal(data: bytes) -> Payload:
    wanted = "write .npy, or JSON: a list of channels, each a list of numbers"
    try:
        said = json.loads(data)
        rows = said.get("values") if isinstance(said, dict) else said
        with np.errstate(over="ignore"):  # becomes infinite, which the task's check refuses
            values = np.asarray(rows, np.float32)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise UserError(f"it is no window of a signal: {wanted}") from error
    if values.ndim != 2:
        raise UserError(f"its values have shape {values.shape}: {wanted}")
    file = io.BytesIO()
    np.save(file, values)
    return Payload(file.getvalue(), _origin(said))


def _origin(said: object) -> str | None:
    origin = said.get("origin") if isinstance(said, dict) else None
    return origin if isinstance(origin, str) and origin else None

"""What a source hands to the agent: one input with its time and where it came from."""

from datetime import datetime

import msgspec


class Arrival(msgspec.Struct, frozen=True):
    """One production input as it arrives.

    Args:
        input: Raw bytes: UTF-8 text, a `.npy` of float32 (channels, samples), or an encoded
            image.
        observed_at: When it was made, UTC.
        period: The stretch of time it belongs to (a year, a week, `turn 3`).
        origin: Items of one origin (a machine part, a recording) share it; `None` when unknown.
    """

    input: bytes
    observed_at: datetime
    period: str
    origin: str | None = None

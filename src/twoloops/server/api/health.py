"""Whether the server lives: for whoever watches processes, without a token, and saying no more."""

from typing import Literal

import msgspec
from litestar import get

from twoloops.server import access


class Health(msgspec.Struct, frozen=True):
    """It answers."""

    status: Literal["ok"] = "ok"


@get("/health", opt=access.OPEN, summary="Whether the server lives")
async def health() -> Health:
    """Say ok."""
    return Health()


ROUTES = [health]

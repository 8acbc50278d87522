"""Tokens: who may ask the server for what."""

from datetime import datetime
from typing import Literal

import msgspec

Scope = Literal["admin", "labeller", "edge", "reader"]
"""`admin`: everything; `labeller`: reads and labels; `edge`: sends observations and fetches
releases, and reads nothing else; `reader`: reads."""


class Token(msgspec.Struct, frozen=True):
    """What is kept of a token: never the token itself.

    Args:
        id: Its first part, which may be shown.
        name: Whose it is; a labeller's answers are `person:NAME`'s.
        scope: What it may do.
        created_at: UTC.
        expires_at: From when on it is refused, or `None`.
        revoked_at: Since when it is refused, or `None`.
    """

    id: str
    name: str
    scope: Scope
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def valid(self, at: datetime) -> bool:
        """Whether it is good for anything at a time."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

"""How an update ends: what was refused and why, each kind by a name of its own."""

from typing import Literal

import msgspec

from twoloops.records.digests import Digest
from twoloops.records.errors import UserError

Kind = Literal[
    "tampered",
    "wrong key",
    "too few signatures",
    "rolled back",
    "expired",
    "mixed",
    "too large",
    "too slow",
    "sent elsewhere",
    "unknown root",
    "wrong task",
    "revoked",
    "unknown model",
    "unreadable",
    "self-test",
    "takt",
    "unreachable",
]


class Refused(UserError):
    """An update that is not believed; what runs goes on.

    Args:
        kind: Which refusal.
        sentence: What was got, and what is allowed.
    """

    def __init__(self, kind: Kind, sentence: str) -> None:
        self.kind: Kind = kind
        super().__init__(sentence)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an update, or going back, has done.

    Args:
        did: `updated`: another model counts; `shadowed`: another decides beside it; `withdrawn`: a
            revoked model no longer counts; `rolled back`; `unchanged`; `refused`.
        why: In one sentence.
        active: The model that counts now.
        shadow: The one beside it.
        counter: Of the assignment followed.
        refusal: Which, where something was refused.
    """

    did: Literal["updated", "shadowed", "withdrawn", "rolled back", "unchanged", "refused"]
    why: str
    active: Digest | None
    shadow: Digest | None = None
    counter: int = 0
    refusal: Kind | None = None

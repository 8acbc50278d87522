"""The journal over HTTP: what was decided, page by page."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter

from twoloops.records.digests import Digest
from twoloops.records.journal import Fact
from twoloops.server import access
from twoloops.server.access import Asking
from twoloops.server.keeper import Keeper
from twoloops.store.workspace import Store

PAGE, LARGEST_PAGE = 100, 1_000
LAST = 2**53


class ShownFact(msgspec.Struct, frozen=True):
    """A fact with its digest."""

    fact: Fact
    digest: Digest


class Facts(msgspec.Struct, frozen=True):
    """A page of the journal.

    Args:
        facts: In sequence.
        next: What to give as `after` for the next page; `None` at the end.
        last: Sequence of the journal's last fact.
        head: That fact's digest.
    """

    facts: list[ShownFact]
    next: int | None
    last: int
    head: Digest


After = Annotated[
    int, QueryParameter(ge=0, le=LAST, description="Facts after this sequence number.")
]
Limit = Annotated[int, QueryParameter(ge=1, le=LARGEST_PAGE, description="Facts on a page.")]
OfTask = Annotated[str | None, QueryParameter(max_length=200, description="Of one task only.")]


@get("/api/v1/journal", opt=access.READ, summary="What was decided, in order")
async def journal(
    request: Asking, after: After = 0, limit: Limit = PAGE, task: OfTask = None
) -> Facts:
    """Return a page of the journal's facts."""
    keeper: Keeper = request.app.state.keeper

    def act(store: Store) -> Facts:
        last, head = store.journal.head()
        found = store.journal.page(after, limit + 1, task)
        shown = [ShownFact(fact, fact.digest) for fact in found[:limit]]
        following = shown[-1].fact.sequence if len(found) > limit else None
        return Facts(shown, following, last, head)

    return await keeper.read(act)


ROUTES = [journal]

"""The overview page: the two loops with live counts, and what each task's turns came to."""

import msgspec
from litestar import get
from litestar.response import Template

from twoloops.analysis.overview import loops
from twoloops.analysis.overview.facts import Counts, Overview
from twoloops.analysis.overview.page import body
from twoloops.server import access
from twoloops.server.access import Asking
from twoloops.server.keeper import Keeper
from twoloops.server.views.concerns import Concern, box, concerns
from twoloops.store.workspace import Store
from twoloops.wiring.drift import last_looks
from twoloops.wiring.floor import floor
from twoloops.wiring.overview import Remembered, counts_of
from twoloops.wiring.rollout_standing import standing
from twoloops.wiring.workspace import now


class Live(msgspec.Struct, frozen=True):
    """What both loops hold now, and the same as the page's figure writes it."""

    counts: Counts
    shown: dict[str, str]


def remembered_of(request: Asking) -> Remembered:
    """Return what the application remembers until the journal has moved on."""
    found: Remembered = request.app.state.setdefault("remembered", Remembered())
    return found


@get("/", opt=access.READ, include_in_schema=False)
async def overview_page(request: Asking) -> Template:
    """Show the overview."""
    keeper: Keeper = request.app.state.keeper
    remembered = remembered_of(request)

    def act(store: Store) -> tuple[Overview, Counts, tuple[Concern, ...]]:
        wrong = concerns(floor(store), last_looks(store), standing(store), now())
        return remembered.overview(store), counts_of(store), wrong

    overview, counts, wrong = await keeper.read(act)
    context = {"body": body(overview, counts), "concerns": box(wrong)}
    return Template("overview.html", context=context)


@get("/api/v1/overview/counts", opt=access.READ, summary="What both loops hold now")
async def counts(request: Asking) -> Live:
    """Return the counts of the overview's figure."""
    keeper: Keeper = request.app.state.keeper
    found = await keeper.read(counts_of)
    return Live(found, loops.shown(found))


@get("/api/v1/overview", opt=access.READ, summary="What each task's turns cost and gained")
async def overview(request: Asking) -> Overview:
    """Return every figure of the overview page."""
    keeper: Keeper = request.app.state.keeper
    remembered = remembered_of(request)
    return await keeper.read(remembered.overview)


ROUTES = [overview_page, counts, overview]

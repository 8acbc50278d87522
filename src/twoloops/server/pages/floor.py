"""The page of the floor: how every edge stands."""

from litestar import get
from litestar.params import FromQuery
from litestar.response import Template

from twoloops.server import access
from twoloops.server.access import Asking
from twoloops.server.keeper import Keeper
from twoloops.server.views.edges import floor_view
from twoloops.server.views.edges_page import body
from twoloops.store.workspace import Store
from twoloops.wiring.floor import EdgeStanding, floor
from twoloops.wiring.trust import latest_counter
from twoloops.wiring.workspace import now


@get("/floor", opt=access.READ, include_in_schema=False)
async def floor_page(
    request: Asking, group: FromQuery[str | None] = None, page: FromQuery[int] = 1
) -> Template:
    """Show the groups, and the edges of one or all."""
    keeper: Keeper = request.app.state.keeper

    def act(store: Store) -> tuple[tuple[EdgeStanding, ...], dict[tuple[str, str], int]]:
        edges = tuple(floor(store))
        groups = {(one.task, one.group) for one in edges}
        return edges, {key: latest_counter(keeper.folder, *key) for key in groups}

    edges, latest = await keeper.read(act)
    view = floor_view(edges, now(), group, page, latest)
    context = {"title": "Floor", "here": "/floor", "body": body(view)}
    return Template("floor.html", context=context)


ROUTES = [floor_page]

"""The page of roll-outs: how far each release is on its way to the edges, and on what evidence."""

from litestar import get
from litestar.response import Template

from twoloops.server import access
from twoloops.server.access import Asking
from twoloops.server.keeper import Keeper
from twoloops.server.views.rollouts import rollout_view
from twoloops.server.views.rollouts_page import body
from twoloops.wiring.rollouts import standing
from twoloops.wiring.workspace import now


@get("/rollouts", opt=access.READ, include_in_schema=False)
async def rollouts_page(request: Asking) -> Template:
    """Show the last roll-out of each task."""
    keeper: Keeper = request.app.state.keeper
    at = now()
    views = [rollout_view(one, at) for one in await keeper.read(standing)]
    context = {"title": "Roll-outs", "here": "/rollouts", "body": body(views, may_act=False)}
    return Template("floor.html", context=context)


ROUTES = [rollouts_page]

"""The page about drift: what the last look at each release found."""

from litestar import get
from litestar.response import Template

from twoloops.server import access
from twoloops.server.access import Asking
from twoloops.server.keeper import Keeper
from twoloops.server.views.drift import drift_view
from twoloops.server.views.drift_page import body
from twoloops.wiring.drift import last_looks
from twoloops.wiring.workspace import now


@get("/drift", opt=access.READ, include_in_schema=False)
async def drift_page(request: Asking) -> Template:
    """Show what is on record; nothing is looked at anew."""
    keeper: Keeper = request.app.state.keeper
    at = now()
    views = [drift_view(one, at) for one in await keeper.read(last_looks)]
    context = {"title": "Drift", "here": "/drift", "body": body(views)}
    return Template("floor.html", context=context)


ROUTES = [drift_page]

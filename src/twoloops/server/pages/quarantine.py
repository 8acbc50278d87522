"""The page of what could not be used."""

from litestar import get
from litestar.params import FromQuery
from litestar.response import Template

from twoloops.server import access
from twoloops.server.access import Asking
from twoloops.server.keeper import Keeper
from twoloops.server.views.quarantine import PER_PAGE, QuarantineView, page_of, quarantine_view
from twoloops.server.views.quarantine_page import body
from twoloops.store.workspace import Store


def shown(store: Store, source: str | None, page: int) -> QuarantineView:
    """Return a page of the quarantine (of a source)."""
    place, _ = page_of(store.quarantine.count(source), page)
    listed = store.quarantine.latest(PER_PAGE, skip=(place - 1) * PER_PAGE, source=source)
    return quarantine_view(store.quarantine.reasons(), listed, place, source)


@get("/quarantine", opt=access.READ, include_in_schema=False)
async def quarantine_page(
    request: Asking, source: FromQuery[str | None] = None, page: FromQuery[int] = 1
) -> Template:
    """Show what is set aside, with its reasons."""
    keeper: Keeper = request.app.state.keeper
    view = await keeper.read(lambda store: shown(store, source, page))
    context = {"title": "Quarantine", "here": "/quarantine", "body": body(view)}
    return Template("floor.html", context=context)


ROUTES = [quarantine_page]

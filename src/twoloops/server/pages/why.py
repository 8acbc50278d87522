"""Why a model was released or refused: one screen."""

from litestar import get
from litestar.params import FromPath, FromQuery
from litestar.response import Template

from twoloops.analysis.overview.reasons import Why, headline
from twoloops.analysis.overview.why import body
from twoloops.records.errors import NotKnownError
from twoloops.server import access
from twoloops.server.access import Asking
from twoloops.server.keeper import Keeper
from twoloops.server.pages.overview import remembered_of
from twoloops.store.workspace import Store
from twoloops.wiring.verified import Verified
from twoloops.wiring.why import why_of


def asked(store: Store, release: str, task: str | None, verified: Verified) -> Why:
    """Return why; the task need not be named where there is only one.

    Raises:
        NotKnownError: Nothing was judged that goes by these names.
        UserError: There are several tasks, and none is named.
    """
    tasks = store.tasks.all()
    if task is not None:
        return why_of(store, release, store.tasks.get(task), verified)
    if not tasks:
        raise NotKnownError("this workspace has no task yet, so nothing was released", release)
    return why_of(store, release, tasks[0] if len(tasks) == 1 else None, verified)


@get("/why/{release:str}", opt=access.READ, include_in_schema=False)
async def why_page(
    request: Asking, release: FromPath[str], task: FromQuery[str | None] = None
) -> Template:
    """Show why: `release` is `deployed`, `turn-N` or the first digits of a model's digest."""
    keeper: Keeper = request.app.state.keeper
    remembered = remembered_of(request)
    found = await keeper.read(
        lambda store: remembered.answer(
            store, (release, task), lambda: asked(store, release, task, remembered.verified)
        )
    )
    context = {"title": headline(found), "body": body(found)}
    return Template("why.html", context=context)


@get("/api/v1/why/{release:str}", opt=access.READ, summary="Why a model was released or refused")
async def why(request: Asking, release: FromPath[str], task: FromQuery[str | None] = None) -> Why:
    """Return everything on record about one judgement.

    `release` is `deployed`, `turn-N` or the first digits of a model's digest.
    """
    keeper: Keeper = request.app.state.keeper
    verified = remembered_of(request).verified
    return await keeper.read(lambda store: asked(store, release, task, verified))


ROUTES = [why_page, why]

"""Tasks and where they stand."""

from litestar import get

from twoloops.records.task import Task
from twoloops.server import access
from twoloops.server.access import Asking
from twoloops.server.keeper import Keeper
from twoloops.server.pages.overview import remembered_of
from twoloops.wiring.status import Status, standing


@get("/api/v1/tasks", opt=access.READ, summary="Every task")
async def list_tasks(request: Asking) -> list[Task]:
    """Return every task of the workspace."""
    keeper: Keeper = request.app.state.keeper
    return await keeper.read(lambda store: store.tasks.all())


@get("/api/v1/status", opt=access.READ, summary="Where the workspace stands")
async def status(request: Asking) -> Status:
    """Return each task's release with its evidence, open turn, labels, money and accuracy."""
    keeper: Keeper = request.app.state.keeper
    verified = remembered_of(request).verified
    return await keeper.read(lambda store: standing(store, keeper.folder, verified))


ROUTES = [list_tasks, status]

"""The page of roll-outs: how far each release is on its way, and where an admin stops one."""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath
from litestar.response import Redirect, Template

from twoloops.records.errors import UserError
from twoloops.server import access
from twoloops.server.access import Asking
from twoloops.server.keeper import Keeper
from twoloops.server.views.rollouts import Act, rollout_view
from twoloops.server.views.rollouts_page import LONGEST, body
from twoloops.store.workspace import Store
from twoloops.wiring.rollout_standing import standing
from twoloops.wiring.rollouts import abort, pause, resume
from twoloops.wiring.workspace import now

FORM: dict[str, Any] = {**access.ADMIN, "bodies": ("application/x-www-form-urlencoded",)}


class Acting(msgspec.Struct, frozen=True):
    """What a form of the page sends.

    Args:
        why: The reason, for the record.
        number: The roll-out that the page showed.
    """

    why: Annotated[str, msgspec.Meta(max_length=LONGEST)]
    number: int


Asked = Annotated[Acting, Body(media_type=RequestEncodingType.URL_ENCODED)]


@get("/rollouts", opt=access.READ, include_in_schema=False)
async def rollouts_page(request: Asking) -> Template:
    """Show the last roll-out of each task."""
    keeper: Keeper = request.app.state.keeper
    at = now()
    views = [rollout_view(one, at) for one in await keeper.read(standing)]
    may_act = request.user is not None and request.user.scope == "admin"
    context = {"title": "Roll-outs", "here": "/rollouts", "body": body(views, may_act=may_act)}
    return Template("floor.html", context=context)


@post(
    "/rollouts/{task:str}/{act:str}",
    opt=FORM,
    include_in_schema=False,
    status_code=200,
    request_max_body_size=16 * 1024,
)
async def act_on(
    request: Asking, task: FromPath[str], act: FromPath[Act], data: Asked
) -> Response[Any]:
    """Pause, resume or abort a roll-out.

    A form of another site never gets here (`access.guard`); one of a page that was opened before
    another roll-out began changes nothing.
    """
    keeper: Keeper = request.app.state.keeper
    assert request.user is not None
    by = request.user.name
    await keeper.hold(
        lambda store: perform(keeper.folder, store, task, act, data.number, data.why, by)
    )
    return Redirect("/rollouts", status_code=303)


def perform(
    folder: Path, store: Store, task: str, act: Act, number: int, why: str, by: str
) -> None:
    """Do it, if the roll-out is the one that was meant.

    Raises:
        NotKnownError: There is no such task.
        UserError: It is another one, none is open, or no reason is given.
    """
    store.tasks.get(task)
    row = store.rollouts.open(task)
    if row is not None and row.number != number:
        raise UserError(
            f"roll-out {row.number} of task {task!r} is open now, and the page showed "
            f"{number}: look at  /rollouts  again"
        )
    if act == "abort":
        abort(folder, store, task, why, now(), by)
    else:
        (pause if act == "pause" else resume)(store, task, why, now(), by)


ROUTES = [rollouts_page, act_on]

"""The label page: one item, one key, the next item."""

from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Redirect, Template

from twoloops.physical.labelling import desk
from twoloops.physical.labelling.policy import Opinion, labelling_of
from twoloops.records.money import Money
from twoloops.records.task import Kind
from twoloops.server import access
from twoloops.server.access import Asking, labeller_of
from twoloops.server.keeper import Keeper
from twoloops.store.workspace import Store
from twoloops.wiring.workspace import now


class Setup(msgspec.Struct, frozen=True):
    """What the page is told once.

    Args:
        workspace: Tells this workspace from any other that was served at the same address, so
            that answers which wait in a browser never go to a stranger.
        task: The task's name.
        kind: Its kind of input.
        labels: Its labels.
        normal: The one that is no fault.
        who: Whose answers the page gives.
        opinion: Whether the model's opinion is shown at once.
        lease_seconds: How long an item is kept from others.
        rate: What an hour of labelling costs.
    """

    workspace: str
    task: str
    kind: Kind
    labels: tuple[str, ...]
    normal: str | None
    who: str
    opinion: Opinion
    lease_seconds: float
    rate: Money | None


class Choice(msgspec.Struct, frozen=True):
    """A task to label, and how many of its questions are open."""

    name: str
    kind: Kind
    open: int


@get("/label", opt=access.LABEL, include_in_schema=False)
async def choose(request: Asking) -> Response[Any]:
    """Go to the only task, or show them all."""
    keeper: Keeper = request.app.state.keeper
    who, at = labeller_of(request), now()

    def act(store: Store) -> list[Choice]:
        return [
            Choice(task.name, task.kind, desk.progress(store, task.name, who, at=at).open)
            for task in store.tasks.all()
        ]

    found = await keeper.read(act)
    if len(found) == 1:
        return Redirect(f"/label/{found[0].name}", status_code=303)
    return Template("label_choice.html", context={"tasks": found})


@get("/label/{task:str}", opt=access.LABEL, include_in_schema=False)
async def label_page(request: Asking, task: FromPath[str]) -> Template:
    """Show the page; everything that changes comes through the API."""
    keeper: Keeper = request.app.state.keeper
    who = labeller_of(request)
    setup = await keeper.read(lambda store: setup_of(store, task, who))
    encoded = msgspec.json.encode(setup).decode()
    return Template("label.html", context={"task": setup.task, "setup": encoded, "who": who})


def setup_of(store: Store, task: str, who: str) -> Setup:
    """Return what the page of a task is told.

    Raises:
        UserError: There is no such task.
    """
    kind = store.tasks.get(task)
    policy = labelling_of(store, task)
    return Setup(
        # Whoever asks has a token, and the first one's id is drawn once for a workspace.
        workspace=store.tokens.all()[0].id,
        task=kind.name,
        kind=kind.kind,
        labels=kind.labels,
        normal=kind.normal,
        who=who,
        opinion=policy.opinion,
        lease_seconds=policy.lease_minutes * 60,
        rate=policy.hourly_rate,
    )


ROUTES = [choose, label_page]

"""Releases over HTTP: what an edge runs, and the model's file."""

from datetime import datetime

import msgspec
from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.openapi import ResponseSpec
from litestar.params import FromPath

from twoloops.records.digests import Digest
from twoloops.server import access
from twoloops.server.access import Asking
from twoloops.server.keeper import Keeper
from twoloops.store.workspace import Store

MODEL = "application/octet-stream"


class Deployed(msgspec.Struct, frozen=True):
    """The release in force.

    Args:
        task: The task's name.
        turn: The turn that released it.
        model: Digest of the model's file; the file is at `releases/{model}/file`.
        size: Bytes of the file.
        labels: What it decides between.
        threshold: Of P(any fault), or `None` where the most probable label decides.
        approved_at: UTC.
    """

    task: str
    turn: int
    model: Digest
    size: int
    labels: tuple[str, ...]
    threshold: float | None
    approved_at: datetime


@get(
    "/api/v1/tasks/{task:str}/releases/deployed",
    opt={"scopes": ("edge", "reader", "labeller")},
    summary="The release in force",
)
async def deployed(request: Asking, task: FromPath[str]) -> Deployed:
    """Return which model an edge is to run."""
    keeper: Keeper = request.app.state.keeper

    def act(store: Store) -> Deployed:
        release = store.releases.deployed(store.tasks.get(task).name)
        if release is None:
            raise NotFoundException(f"task {task!r} has no release yet")
        card = store.models.find(release.model).card
        return Deployed(
            task,
            release.turn,
            release.model,
            len(store.models.get(release.model)),
            card.labels,
            card.threshold,
            release.approved_at,
        )

    return await keeper.read(act)


@get(
    "/api/v1/tasks/{task:str}/releases/{model:str}/file",
    opt=access.EDGE,
    summary="A released model's file",
    responses={200: ResponseSpec(bytes, description="The ONNX file.", media_type=MODEL)},
    media_type=MODEL,
)
async def model_file(request: Asking, task: FromPath[str], model: FromPath[str]) -> Response[bytes]:
    """Return the bytes of a model that was released; never of one that was revoked or refused."""
    keeper: Keeper = request.app.state.keeper

    def act(store: Store) -> bytes:
        released = {one.model for one in store.releases.all(store.tasks.get(task).name)}
        if model not in released - set(store.releases.revoked()):
            raise NotFoundException(f"task {task!r} has no release of a model {model[:80]}")
        return store.models.get(model)

    data = await keeper.read(act)
    headers = {"ETag": f'"{model}"', "Content-Disposition": "attachment; filename=model.onnx"}
    return Response(data, media_type=MODEL, headers=headers)


ROUTES = [deployed, model_file]

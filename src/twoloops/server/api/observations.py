"""Observations in: an input is decided on, and kept where it teaches, as `twoloops ingest` does."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from litestar import post
from litestar.exceptions import HTTPException
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import FromPath, JSONBody, QueryParameter

from twoloops.records.task import Task
from twoloops.server import access, bodies
from twoloops.server.access import Asking
from twoloops.server.keeper import Keeper
from twoloops.store.workspace import Store
from twoloops.wiring.arriving import Door, Seen, Sent

AT_ONCE = 4
"""Large bodies that are read at the same time: each is whole in memory until it is decided on."""

MOST = 500
"""Texts of one batch."""

BATCH_BYTES = 4 * bodies.MiB

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


class TextSent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One text of a batch.

    Args:
        text: The input.
        key: What the plant calls it: outcomes are joined by it; sent again, it is not taken in
            again.
        origin: Texts of one origin share it.
    """

    text: str
    key: Name | None = None
    origin: Name | None = None


class Batch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several texts."""

    observations: Annotated[list[TextSent], msgspec.Meta(min_length=1, max_length=MOST)]


class BatchSeen(msgspec.Struct, frozen=True):
    """What became of each text, in order."""

    observations: list[Seen]


Arrive = Callable[[Sequence[Sent]], Awaitable[list[Seen]]]


class Deciders:
    """The door of the workspace, and those who wait before it.

    What comes in while others are being decided on goes through the door together, next: each
    passage ends with several writes that are durable, however many pass.
    """

    def __init__(self) -> None:
        self.room = asyncio.Semaphore(AT_ONCE)
        self._doors: dict[Path, Door] = {}
        self._waiting: dict[tuple[str, str], list[tuple[Sent, asyncio.Future[Seen]]]] = {}
        self._passing: dict[tuple[str, str], asyncio.Task[None]] = {}

    def door(self, folder: Path) -> Door:
        """Return the door of a workspace."""
        return self._doors.setdefault(folder, Door(folder))

    async def one(self, task: str, sender: str, sent: Sent, arrive: Arrive) -> Seen:
        """Let one input through, together with others of its task and sender."""
        key = (task, sender)
        future: asyncio.Future[Seen] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append((sent, future))
        if key not in self._passing:
            self._passing[key] = asyncio.create_task(self._pass(key, arrive))
        return await future

    async def _pass(self, key: tuple[str, str], arrive: Arrive) -> None:
        try:
            while group := self._waiting.pop(key, []):
                try:
                    seen = await arrive([sent for sent, _ in group])
                except Exception as error:  # everybody of the group is told
                    for _, future in group:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for (_, future), one in zip(group, seen, strict=True):
                    if not future.done():  # who has hung up is not told
                        future.set_result(one)
        finally:
            del self._passing[key]


class _OneInput(Operation):
    """Says in the OpenAPI document what the body is: it is read by hand, as it comes."""

    def __post_init__(self) -> None:
        types = [one for kind in bodies.TYPES.values() for one in kind]
        binary = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        text = Schema(type=OpenAPIType.STRING)
        self.request_body = RequestBody(
            required=True,
            content={
                one: OpenAPIMediaType(schema=text if one == "text/plain" else binary)
                for one in types
            },
        )


Key = Annotated[
    str | None,
    QueryParameter(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="What the plant calls it, a serial number: outcomes are joined by it, and sent "
        "again, it is not taken in again.",
    ),
]
Origin = Annotated[
    str | None,
    QueryParameter(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]+$",
        description="Inputs of one part or recording share it.",
    ),
]
ANY_INPUT: dict[str, Any] = {
    **access.EDGE,
    "bodies": tuple(one for kind in bodies.TYPES.values() for one in kind),
}


@post(
    "/api/v1/tasks/{task:str}/observations",
    opt=ANY_INPUT,
    status_code=200,
    summary="One input in, one verdict out",
    operation_class=_OneInput,
    request_max_body_size=max(bodies.LARGEST.values()) + 1,
)
async def observe(
    request: Asking, task: FromPath[str], key: Key = None, origin: Origin = None
) -> Seen:
    """Decide on the input that is the body, and keep it where it teaches."""
    keeper: Keeper = request.app.state.keeper
    deciders: Deciders = request.app.state.deciders
    known = await keeper.read(lambda store: store.tasks.get(task))

    async def arrive(sent: Sequence[Sent]) -> list[Seen]:
        return await _arrive(request, known, sent)

    async def through() -> Seen:
        data = await bodies.read_input(request, known.kind)
        sent = Sent(data, key, origin)
        return await deciders.one(known.name, sender_of(request), sent, arrive)

    if known.kind == "text":
        seen = await through()
    else:
        async with deciders.room:
            seen = await through()
    if seen.quarantined is not None:
        raise HTTPException(status_code=422, detail=f"quarantined: {seen.quarantined}")
    return seen


@post(
    "/api/v1/tasks/{task:str}/observations/batch",
    opt=access.EDGE,
    status_code=200,
    summary="Several texts in, a verdict each",
    request_max_body_size=BATCH_BYTES,
)
async def observe_batch(request: Asking, task: FromPath[str], data: JSONBody[Batch]) -> BatchSeen:
    """Decide on each text; one that cannot be used stops none of the others."""
    keeper: Keeper = request.app.state.keeper
    known = await keeper.read(lambda store: store.tasks.get(task))
    if known.kind != "text":
        raise HTTPException(
            status_code=422,
            detail=f"task {known.name!r} takes inputs of kind {known.kind}, one a request",
        )
    sent = [Sent(bodies.check_text(one.text), one.key, one.origin) for one in data.observations]
    return BatchSeen(await _arrive(request, known, sent))


def sender_of(request: Asking) -> str:
    """Return under whose name inputs are known and quarantined."""
    assert request.user is not None
    return f"token:{request.user.name}"


async def _arrive(request: Asking, task: Task, sent: Sequence[Sent]) -> list[Seen]:
    keeper: Keeper = request.app.state.keeper
    deciders: Deciders = request.app.state.deciders
    sender = sender_of(request)

    def act(store: Store) -> list[Seen]:
        return deciders.door(keeper.folder).arrive(store, task, sender, sent)

    return await keeper.hold(act)


ROUTES = [observe, observe_batch]

"""Edges over HTTP: enrolment, heartbeats with orders, batches of observations, how they stand."""

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import get, post, put
from litestar.exceptions import HTTPException
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import FromPath, JSONBody, QueryParameter

from twoloops.edge.batch import LARGEST, MEDIA_TYPE, Took, Uploaded
from twoloops.edge.enrolling import Enrolled
from twoloops.edge.home import Orders, Standing
from twoloops.edge.uplink import PART
from twoloops.records.assignment import EVERYONE
from twoloops.records.token import Token
from twoloops.server import access
from twoloops.server.access import Asking
from twoloops.server.bodies import KiB
from twoloops.server.keeper import Keeper
from twoloops.store.uploads import Uploads
from twoloops.store.workspace import Store
from twoloops.wiring.floor import (
    EdgeStanding,
    admitted,
    enrol,
    floor,
    heartbeat,
    opened,
    receive,
)
from twoloops.wiring.trust import latest_counter, root_digest
from twoloops.wiring.workspace import now

MUCH = 256 * KiB
"""Bytes of a batch after which the catalog's log is copied."""


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An edge that enrols.

    Args:
        task: The task it will decide.
        group: Its group of devices: releases are assigned to groups.
    """

    task: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    group: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = EVERYONE


class _Bytes(Operation):
    """Says in the OpenAPI document what the body is: it is read by hand."""

    media_type = "application/octet-stream"

    def __post_init__(self) -> None:
        schema = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        content = {self.media_type: OpenAPIMediaType(schema=schema)}
        self.request_body = RequestBody(required=True, content=content)


class _OnePart(_Bytes):
    pass


class _OneBatch(_Bytes):
    media_type = MEDIA_TYPE


BATCHES: dict[str, Any] = {**access.EDGE, "bodies": (MEDIA_TYPE,)}
PARTS: dict[str, Any] = {**access.EDGE, "bodies": (_OnePart.media_type,)}


@post("/api/v1/edges", opt=access.EDGE, status_code=201, summary="Enrol an edge")
async def enrol_edge(request: Asking, data: JSONBody[Wanted]) -> Enrolled:
    """Exchange the token of a new edge's name for the edge's own."""
    keeper: Keeper = request.app.state.keeper
    token = _token(request)

    def act(store: Store) -> Enrolled:
        root = root_digest(keeper.folder)
        return Enrolled(*enrol(store, token, data.task, data.group, now()), root)

    return await keeper.write(act)


@post(
    "/api/v1/edges/{edge:str}/heartbeat",
    opt=access.EDGE,
    status_code=200,
    summary="How an edge stands; its orders",
)
async def beat(request: Asking, edge: FromPath[str], data: JSONBody[Standing]) -> Orders:
    """Note how an edge stands, and answer what it is to do."""
    keeper: Keeper = request.app.state.keeper
    token = _token(request)

    def act(store: Store) -> Orders:
        known = admitted(store, token, edge)
        counter = latest_counter(keeper.folder, known.task, known.group)
        return heartbeat(store, known, data, counter, now())

    return await keeper.write(act)


@post(
    "/api/v1/edges/{edge:str}/batches",
    opt=BATCHES,
    status_code=200,
    summary="Observations of an edge, each once however often it is sent",
    operation_class=_OneBatch,
    request_max_body_size=LARGEST + 1,
)
async def take_batch(request: Asking, edge: FromPath[str]) -> Took:
    """Take in a batch; the answer is given after the commit."""
    keeper: Keeper = request.app.state.keeper
    token = _token(request)
    await keeper.read(lambda store: admitted(store, token, edge))
    async with request.app.state.deciders.room:  # bodies are whole in memory
        body = await _read(request, LARGEST)
        arrived = await keeper.compute(lambda: opened(body))

        def act(store: Store) -> Took:
            known = admitted(store, token, edge)
            return receive(store, Uploads(keeper.folder), known, arrived, now())

        took = await keeper.hold(act)
        if len(body) > MUCH:
            keeper.checkpoint()
        return took


@get(
    "/api/v1/edges/{edge:str}/uploads/{digest:str}",
    opt=access.EDGE,
    summary="How much of a large input is here",
)
async def uploaded(request: Asking, edge: FromPath[str], digest: FromPath[str]) -> Uploaded:
    """Return how many bytes there are; the edge goes on from there."""
    keeper: Keeper = request.app.state.keeper
    token = _token(request)

    def act(store: Store) -> Uploaded:
        size = Uploads(keeper.folder).size(edge, digest)
        admitted(store, token, edge)
        return Uploaded(size)

    return await keeper.read(act)


@put(
    "/api/v1/edges/{edge:str}/uploads/{digest:str}",
    opt=PARTS,
    status_code=200,
    summary="The next part of a large input",
    operation_class=_OnePart,
    request_max_body_size=PART + 1,
)
async def upload(
    request: Asking,
    edge: FromPath[str],
    digest: FromPath[str],
    at: Annotated[int, QueryParameter(ge=0, le=LARGEST, description="Where it begins.")],
) -> Uploaded:
    """Add a part that begins where the last one ended; another one changes nothing."""
    keeper: Keeper = request.app.state.keeper
    token = _token(request)
    await keeper.read(lambda store: admitted(store, token, edge))
    part = await _read(request, PART)
    size = await asyncio.to_thread(Uploads(keeper.folder).append, edge, digest, at, part)
    return Uploaded(size)


@get("/api/v1/edges", opt=access.READ, summary="How every edge stands")
async def list_edges(request: Asking) -> list[EdgeStanding]:
    """Return every edge with its last heartbeat, and the gaps in its numbers with their reasons."""
    keeper: Keeper = request.app.state.keeper
    return await keeper.read(floor)


def _token(request: Asking) -> Token:
    assert request.user is not None
    return request.user


async def _read(request: Asking, most: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise HTTPException(status_code=413, detail=f"a body has at most {most:,} bytes here")
        parts.append(part)
    return b"".join(parts)


ROUTES = [enrol_edge, beat, take_batch, uploaded, upload, list_edges]

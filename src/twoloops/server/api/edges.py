"""Edges over HTTP: enrolment, heartbeats with orders, batches of observations, how they stand."""

from typing import Annotated, Any

import msgspec
from litestar import get, post
from litestar.exceptions import HTTPException, PermissionDeniedException
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import FromPath, JSONBody

from twoloops.edge.batch import LARGEST, MEDIA_TYPE, Took, unpack
from twoloops.edge.enrolling import Enrolled
from twoloops.edge.home import Orders, Standing
from twoloops.records.assignment import EVERYONE
from twoloops.records.token import Token
from twoloops.server import access
from twoloops.server.access import Asking
from twoloops.server.keeper import Keeper
from twoloops.store.workspace import Store
from twoloops.wiring.floor import (
    EdgeStanding,
    Refusal,
    admitted,
    enrol,
    floor,
    heartbeat,
    receive,
)
from twoloops.wiring.trust import latest_counter, root_digest
from twoloops.wiring.workspace import now


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An edge that enrols.

    Args:
        task: The task it will decide.
        group: Its group of devices: releases are assigned to groups.
    """

    task: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    group: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] = EVERYONE


class _OneBatch(Operation):
    """Says in the OpenAPI document what the body is: it is read by hand."""

    def __post_init__(self) -> None:
        schema = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        content = {MEDIA_TYPE: OpenAPIMediaType(schema=schema)}
        self.request_body = RequestBody(required=True, content=content)


BATCHES: dict[str, Any] = {**access.EDGE, "bodies": (MEDIA_TYPE,)}


@post("/api/v1/edges", opt=access.EDGE, status_code=201, summary="Enrol an edge")
async def enrol_edge(request: Asking, data: JSONBody[Wanted]) -> Enrolled:
    """Exchange the token of a new edge's name for the edge's own."""
    keeper: Keeper = request.app.state.keeper
    token = _token(request)

    def act(store: Store) -> Enrolled:
        root = root_digest(keeper.folder)
        return Enrolled(*enrol(store, token, data.task, data.group, now()), root)

    try:
        return await keeper.write(act)
    except Refusal as refusal:
        raise PermissionDeniedException(str(refusal)) from refusal


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

    try:
        return await keeper.write(act)
    except Refusal as refusal:
        raise PermissionDeniedException(str(refusal)) from refusal


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
    try:
        await keeper.read(lambda store: admitted(store, token, edge))
        async with request.app.state.deciders.room:  # bodies are whole in memory
            body = await _read(request)

            def act(store: Store) -> Took:
                return receive(store, admitted(store, token, edge), unpack(body), now())

            return await keeper.hold(act)
    except Refusal as refusal:
        raise PermissionDeniedException(str(refusal)) from refusal


@get("/api/v1/edges", opt=access.READ, summary="How every edge stands")
async def list_edges(request: Asking) -> list[EdgeStanding]:
    """Return every edge with its last heartbeat, and the gaps in its numbers with their reasons."""
    keeper: Keeper = request.app.state.keeper
    return await keeper.read(floor)


def _token(request: Asking) -> Token:
    assert request.user is not None
    return request.user


async def _read(request: Asking) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > LARGEST:
            raise HTTPException(status_code=413, detail=f"a batch has at most {LARGEST:,} bytes")
        parts.append(part)
    return b"".join(parts)


ROUTES = [enrol_edge, beat, take_batch, list_edges]

"""Signed metadata and targets for the edges: bytes as they lie in the workspace, checked there."""

import re
from pathlib import Path

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.openapi import ResponseSpec
from litestar.params import FromPath

from twoloops.records.assignment import MODEL_LIMIT
from twoloops.server import access
from twoloops.server.access import Asking
from twoloops.server.keeper import Keeper
from twoloops.store.trust.repository import Repository
from twoloops.wiring.trust import repository

METADATA_LIMIT = 4 * 1024 * 1024
JSON, BYTES = "application/json", "application/octet-stream"
_METADATA = re.compile(r"timestamp\.json|[1-9][0-9]{0,8}\.(?:root|targets|snapshot)\.json")
_TARGET = re.compile(r"(?:[a-z0-9][a-z0-9._-]{0,99}/){0,2}[0-9a-f]{64}\.[a-z0-9][a-z0-9._-]{0,99}")


@get(
    "/trust/metadata/{name:str}",
    opt=access.EDGE,
    summary="Signed metadata",
    responses={200: ResponseSpec(bytes, description="As TUF has it.", media_type=JSON)},
    media_type=JSON,
)
async def metadata(request: Asking, name: FromPath[str]) -> Response[bytes]:
    """Return a role's metadata; a device believes it by its signatures alone."""
    keeper: Keeper = request.app.state.keeper
    known = repository(keeper.folder)
    data = await _bytes(keeper, _METADATA, known.metadata, name, METADATA_LIMIT)
    return Response(data, media_type=JSON, headers={"Cache-Control": "no-cache"})


@get(
    "/trust/targets/{path:path}",
    opt=access.EDGE,
    summary="A signed file",
    responses={200: ResponseSpec(bytes, description="Its bytes.", media_type=BYTES)},
    media_type=BYTES,
)
async def target(request: Asking, path: FromPath[str]) -> Response[bytes]:
    """Return a model, its golden inputs, an assignment or the revocations."""
    keeper: Keeper = request.app.state.keeper
    known: Repository = repository(keeper.folder)
    name = str(path).removeprefix("/")
    data = await _bytes(keeper, _TARGET, known.targets, name, MODEL_LIMIT)
    return Response(data, media_type=BYTES)


async def _bytes(
    keeper: Keeper, allowed: re.Pattern[str], folder: Path, name: str, limit: int
) -> bytes:
    missing = NotFoundException(f"nothing is signed under the name {name[:100]!r}")
    if allowed.fullmatch(name) is None or ".." in name:
        raise missing
    path = folder / name

    def read() -> bytes:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > limit:
            raise missing
        return path.read_bytes()

    try:
        return await keeper.read(lambda _: read())
    except OSError as error:  # removed meanwhile: newer metadata is there
        raise missing from error


ROUTES = [metadata, target]

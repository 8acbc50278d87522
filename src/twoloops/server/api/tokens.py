"""Tokens over HTTP: an admin makes, lists and revokes them."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
from litestar import delete, get, post
from litestar.params import FromPath, JSONBody

from twoloops.records.token import Scope, Token
from twoloops.server import access
from twoloops.server.access import Asking
from twoloops.server.keeper import Keeper
from twoloops.wiring.workspace import now


class ShownToken(msgspec.Struct, frozen=True):
    """What is known of a token; the token itself is not kept."""

    id: str
    name: str
    scope: Scope
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    valid: bool


class Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token to be made.

    Args:
        name: Whose it is: a labeller's answers bear this name.
        scope: What it may do.
        days: Expires after so many; never where left out.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    scope: Scope
    days: Annotated[float, msgspec.Meta(gt=0, le=36_500)] | None = None


class Made(msgspec.Struct, frozen=True):
    """A new token: `secret` is what is sent with requests, and is shown this once."""

    secret: str
    token: ShownToken


def shown(token: Token) -> ShownToken:
    """Return what may be shown of a token."""
    return ShownToken(
        token.id,
        token.name,
        token.scope,
        token.created_at,
        token.expires_at,
        token.revoked_at,
        token.valid(now()),
    )


@get("/api/v1/tokens", opt=access.ADMIN, summary="Every token")
async def list_tokens(request: Asking) -> list[ShownToken]:
    """Return what is known of every token."""
    keeper: Keeper = request.app.state.keeper
    return [shown(one) for one in await keeper.read(lambda store: store.tokens.all())]


@post("/api/v1/tokens", opt=access.ADMIN, summary="Make a token")
async def add_token(request: Asking, data: JSONBody[Wanted]) -> Made:
    """Make a token; the answer holds it, this once."""
    keeper: Keeper = request.app.state.keeper
    at = now()
    expires = None if data.days is None else at + timedelta(days=data.days)
    token, secret = await keeper.write(
        lambda store: store.tokens.add(data.name, data.scope, at, expires)
    )
    return Made(secret, shown(token))


@delete("/api/v1/tokens/{id:str}", opt=access.ADMIN, status_code=200, summary="Revoke a token")
async def revoke_token(request: Asking, id: FromPath[str]) -> ShownToken:
    """Refuse a token from now on; revoking it twice is revoking it once."""
    keeper: Keeper = request.app.state.keeper
    return shown(await keeper.write(lambda store: store.tokens.revoke(id, now())))


ROUTES = [list_tokens, add_token, revoke_token]

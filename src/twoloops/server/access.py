"""Who asks, and whether they may: every route names the scopes it is for, or nobody may use it."""

from typing import Any, cast
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import HTTPScope

from twoloops.records.token import Scope, Token
from twoloops.server.keeper import Keeper
from twoloops.wiring.workspace import now

COOKIE = "twoloops"
SAFE = ("GET", "HEAD", "OPTIONS")

READ: dict[str, Any] = {"scopes": ("reader", "labeller")}
LABEL: dict[str, Any] = {"scopes": ("labeller",)}
EDGE: dict[str, Any] = {"scopes": ("edge",)}
ADMIN: dict[str, Any] = {"scopes": ()}
OPEN: dict[str, Any] = {"open": True}
"""A route's `opt`: which scopes may use it beside `admin`, which may use all; `OPEN` needs no
token at all (the login page and what it is drawn with)."""

Asking = Request[Token | None, str, Any]


class Authentication(AbstractAuthenticationMiddleware):
    """Find the token of a request: `Authorization: Bearer TOKEN`, or the login page's cookie."""

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """Return the token's record; `None` where none or an unknown one was given."""
        kind, _, secret = connection.headers.get("authorization", "").partition(" ")
        by = "bearer"
        if kind.lower() != "bearer":
            secret, by = connection.cookies.get(COOKIE, ""), "cookie"
        secret = secret.strip()
        if not secret:
            return AuthenticationResult(user=None, auth="")
        keeper: Keeper = connection.app.state.keeper
        token = await keeper.read(lambda store: store.tokens.find(secret))
        return AuthenticationResult(user=token, auth=by)


def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Refuse whoever has no valid token of a scope that the route is for.

    Raises:
        NotAuthorizedException: No token, or one that is unknown, expired or revoked.
        PermissionDeniedException: The token's scope does not reach here, or another site's page
            sent the browser.
    """
    if handler.opt.get("open"):
        return
    token: Token | None = connection.user
    if token is None:
        raise NotAuthorizedException(
            "this needs a token: send  Authorization: Bearer TOKEN ; an admin makes one with  "
            "twoloops token add NAME --scope SCOPE"
        )
    if not token.valid(now()):
        what = "revoked" if token.revoked_at is not None else "expired"
        raise NotAuthorizedException(f"the token {token.id} of {token.name!r} is {what}")
    scopes: tuple[Scope, ...] | None = handler.opt.get("scopes")
    if scopes is None or (token.scope != "admin" and token.scope not in scopes):
        allowed = " or ".join(("admin", *(scopes or ())))
        raise PermissionDeniedException(
            f"a token of scope {token.scope} may not do this: it takes {allowed}"
        )
    method = cast("HTTPScope", connection.scope)["method"]
    if connection.auth == "cookie" and method not in SAFE:
        _same_site(connection)


def labeller_of(request: Asking) -> str:
    """Return whose answers a request gives."""
    assert request.user is not None
    return f"person:{request.user.name}"


def _same_site(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse what another site's page made the browser send along with the cookie."""
    origin = connection.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != connection.headers.get("host"):
        raise PermissionDeniedException(f"a page of {origin} may not ask for this")

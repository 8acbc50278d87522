"""Who asks, and whether they may: every route names the scopes it is for, or nobody may use it."""

from math import ceil
from typing import Any, cast
from urllib.parse import quote, unquote, urlsplit

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import (
    HTTPException,
    NotAuthorizedException,
    PermissionDeniedException,
    TooManyRequestsException,
)
from litestar.handlers import BaseRouteHandler
from litestar.middleware import AbstractAuthenticationMiddleware, AuthenticationResult
from litestar.types import HTTPScope

from twoloops.records.token import Scope, Token
from twoloops.server.keeper import Keeper
from twoloops.server.rate import Rate
from twoloops.wiring.workspace import now

COOKIE = "twoloops"
LABELLER = "x-labeller"
"""Header by which a page says whose answers it means to give, percent-encoded."""
SAFE = ("GET", "HEAD", "OPTIONS")

READ: dict[str, Any] = {"scopes": ("reader", "labeller")}
LABEL: dict[str, Any] = {"scopes": ("labeller",)}
EDGE: dict[str, Any] = {"scopes": ("edge",)}
ADMIN: dict[str, Any] = {"scopes": ()}
OPEN: dict[str, Any] = {"open": True}
"""A route's `opt`: which scopes may use it beside `admin`, which may use all; `OPEN` needs no
token at all (the login page and what it is drawn with). `bodies` names the content types it takes,
where that is not JSON alone."""

JSON_BODIES = ("application/json",)

Asking = Request[Token | None, str, Any]

REQUESTS = 100.0
"""Requests a second of one token (of one address without one); twice as many at once."""

FAILURES, FAILURES_AT_ONCE = 1 / 6, 10.0
"""Unknown tokens a second from one address, and how many at once."""


class Limits(msgspec.Struct):
    """How often one may ask.

    Args:
        requests: By token, or by address without one.
        failures: By address, of tokens that nobody has.
    """

    requests: Rate
    failures: Rate

    @classmethod
    def of(cls, rate: float = REQUESTS) -> "Limits":
        """Return fresh limits; a rate of 0 limits nothing but failures."""
        return cls(Rate(rate, 2 * rate), Rate(FAILURES, FAILURES_AT_ONCE))


class Authentication(AbstractAuthenticationMiddleware):
    """Find the token of a request: `Authorization: Bearer TOKEN`, or the login page's cookie."""

    async def authenticate_request(
        self, connection: ASGIConnection[Any, Any, Any, Any]
    ) -> AuthenticationResult:
        """Return the token's record; `None` where none or an unknown one was given.

        Raises:
            TooManyRequestsException: They ask too often.
        """
        kind, _, secret = connection.headers.get("authorization", "").partition(" ")
        by = "bearer"
        if kind.lower() != "bearer":
            secret, by = connection.cookies.get(COOKIE, ""), "cookie"
        secret = secret.strip()
        token = await find(connection, secret) if secret else None
        limits: Limits = connection.app.state.limits
        who = f"address {address(connection)}" if token is None else f"token {token.id}"
        wait = limits.requests.take(who)
        if wait:
            raise too_often("requests", wait)
        return AuthenticationResult(user=token, auth=by if secret else "")


async def find(connection: ASGIConnection[Any, Any, Any, Any], secret: str) -> Token | None:
    """Return the record of a token, valid or not.

    Nobody can lock out others at the same address: a token that is known is always found.

    Raises:
        TooManyRequestsException: It is unknown, as too many from that address were before.
    """
    keeper: Keeper = connection.app.state.keeper
    token = await keeper.admit(lambda store: store.tokens.find(secret))
    if token is None:
        limits: Limits = connection.app.state.limits
        wait = limits.failures.take(address(connection))
        if wait:
            raise too_often("unknown tokens", wait)
    return token


def address(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Return where a request comes from."""
    return connection.client.host if connection.client is not None else "?"


def too_often(what: str, wait: float) -> TooManyRequestsException:
    """Return the refusal of who asks too often."""
    seconds = ceil(wait)
    return TooManyRequestsException(
        f"too many {what}: ask again in {seconds} s", headers={"Retry-After": str(seconds)}
    )


def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Refuse whoever has no valid token of a scope that the route is for.

    Raises:
        NotAuthorizedException: No token, or one that is unknown, expired or revoked.
        PermissionDeniedException: The token's scope does not reach here, or another site's page
            sent the browser.
        HTTPException: The body is of a type that the route does not take.
    """
    if not handler.opt.get("open"):
        _check_token(connection.user, handler)
    method = cast("HTTPScope", connection.scope)["method"]
    if method in SAFE:
        return
    if connection.auth != "bearer":
        _same_site(connection)
    _check_type(connection, handler.opt.get("bodies", JSON_BODIES))


def _check_token(token: Token | None, handler: BaseRouteHandler) -> None:
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


def labeller_of(request: Asking) -> str:
    """Return whose answers a request gives.

    Raises:
        PermissionDeniedException: A page that was opened by another labeller asks, as after a
            log-in in another tab: its answers are not this one's.
    """
    assert request.user is not None
    who = f"person:{request.user.name}"
    meant = unquote(request.headers.get(LABELLER, quote(who)))
    if meant != who:
        raise PermissionDeniedException(
            f"this page labels as {meant.removeprefix('person:')}, and the browser is logged in "
            f"as {request.user.name} now"
        )
    return who


def _same_site(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Refuse what another site's page made the browser send, along with the cookie or to log in."""
    origin = connection.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != connection.headers.get("host"):
        raise PermissionDeniedException(f"a page of {origin} may not ask for this")
    if connection.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise PermissionDeniedException("a page of another site may not ask for this")


def _check_type(connection: ASGIConnection[Any, Any, Any, Any], allowed: tuple[str, ...]) -> None:
    """Refuse a body of a type the route does not take: a form of another site could send those."""
    headers = connection.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return
    got = media_type(headers.get("content-type", ""))
    if got not in allowed:
        raise HTTPException(
            status_code=415,
            detail=f"the body is {got or 'of no named type'}: send {' or '.join(allowed)}",
        )


def media_type(content_type: str) -> str:
    """Return the type of a Content-Type header, without its parameters.

    >>> media_type("Text/Plain; charset=utf-8")
    'text/plain'
    """
    return content_type.partition(";")[0].strip().lower()

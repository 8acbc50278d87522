"""What the OpenAPI document says of every route beside its own: who may, and how it is refused."""

import copy
from typing import Any

from litestar.handlers import HTTPRouteHandler
from litestar.openapi import ResponseSpec

from twoloops.server.failing import PROBLEM, Problem

ANY = {
    400: "The request cannot be read.",
    408: "The body did not come in time.",
    413: "The body is larger than the route takes.",
    414: "The path or the query is too long.",
    415: "The body is of a type, or compressed in a way, that the route does not take.",
    421: "The server is not known by the name it was asked for.",
    422: "It cannot be done; the sentence says why, what is allowed, and how to go on.",
    429: "Asked too often; `Retry-After` says when to ask again.",
    431: "Too many headers.",
    500: "An error of twoloops itself.",
    503: "It cannot be done now: ask again after `Retry-After` seconds.",
}
GUARDED = {
    401: "No token, or one that is unknown, expired or revoked.",
    403: "The token's scope does not reach here, or another site's page asked.",
}
MISSING = {404: "There is nothing of that name."}


def described(handler: HTTPRouteHandler) -> HTTPRouteHandler:
    """Return a route whose refusals are in the document, with whom it is for."""
    if not isinstance(handler, HTTPRouteHandler) or handler.include_in_schema is False:
        return handler
    out = copy.copy(handler)
    is_open = bool(out.opt.get("open"))
    told = ANY | MISSING | ({} if is_open else GUARDED)
    out.responses = {status: _problem(text) for status, text in told.items()} | dict(
        handler.responses or {}
    )
    scopes = "" if is_open else f"Scope: {' or '.join(('admin', *out.opt.get('scopes', ())))}."
    out.description = " ".join(filter(None, (_first_line(handler), scopes or "Needs no token.")))
    return out


def _first_line(handler: Any) -> str:
    if handler.description:
        return str(handler.description)
    return (handler.fn.__doc__ or "").strip().partition("\n")[0]


def _problem(text: str) -> ResponseSpec:
    return ResponseSpec(Problem, description=text, media_type=PROBLEM, generate_examples=False)

"""What went wrong, told to programs as problem details (RFC 9457), to people as a page."""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.response import Redirect, Template

from twoloops.records.errors import NotKnownError, TransientError, UserError
from twoloops.wiring.floor import NotHere, Refusal

PROBLEM = "application/problem+json"
log = logging.getLogger("twoloops.server")


class Problem(msgspec.Struct, frozen=True):
    """Why something was refused: the status once more, and one sentence."""

    status: int
    detail: str


def wants_page(request: Request[Any, Any, Any]) -> bool:
    """Whether a person's browser asks."""
    return not request.url.path.startswith("/api/") and "text/html" in request.headers.get(
        "accept", ""
    )


def told(
    request: Request[Any, Any, Any],
    status: int,
    detail: str,
    more: Mapping[str, str] | None = None,
) -> Response[Any]:
    """Return a refusal with its reason (and more headers)."""
    headers = dict(more or {})
    if wants_page(request):
        if status == 401:
            # What stands behind the # is read by the login page, which leads back.
            back = quote(request.url.path, safe="/")
            return Redirect(f"/login#to={back}", status_code=303)
        context = {"status": status, "detail": detail}
        return Template("problem.html", context=context, status_code=status, headers=headers)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        headers["Retry-After"] = "5"
    body = Problem(status, detail)
    return Response(body, status_code=status, media_type=PROBLEM, headers=headers)


def user_error(request: Request[Any, Any, Any], error: UserError) -> Response[Any]:
    """The user's situation: one sentence."""
    return told(request, 404 if _asked_by_address(request, error) else 422, str(error))


def _asked_by_address(request: Request[Any, Any, Any], error: UserError) -> bool:
    """Whether it is the address, not the body, that names what is not there."""
    named = (*request.path_params.values(), *request.query_params.values())
    return isinstance(error, NotKnownError) and error.name in named


def not_allowed(request: Request[Any, Any, Any], refusal: Refusal) -> Response[Any]:
    """An edge may not do this: its token is another's, or nobody's own."""
    return told(request, 403, str(refusal))


def not_here(request: Request[Any, Any, Any], missing: NotHere) -> Response[Any]:
    """Something that should have come before did not."""
    return told(request, 409, str(missing))


def transient(request: Request[Any, Any, Any], error: TransientError) -> Response[Any]:
    """A passing fault: ask again."""
    return told(request, 503, f"{error}: ask again")


def http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """What the framework refused: unknown paths, bodies that do not fit, missing tokens."""
    extra = error.extra
    detail = error.detail
    if isinstance(extra, list) and extra:
        said = (f"{e.get('key', 'body')}: {e['message']}" for e in extra if "message" in e)
        detail = f"{detail}: " + "; ".join(said)
    kept = ("retry-after", "allow")
    more = {n: v for n, v in (error.headers or {}).items() if n.lower() in kept}
    return told(request, error.status_code, detail, more)


def too_deep(request: Request[Any, Any, Any], _: RecursionError) -> Response[Any]:
    """A body that nests deeper than any here."""
    return told(request, 400, "the body nests too deep")


def not_text(request: Request[Any, Any, Any], error: UnicodeDecodeError) -> Response[Any]:
    """A body that should be text and is not."""
    log.info("%s %s", request.method, request.url.path, exc_info=error)
    return told(request, 400, f"the body is not UTF-8 (at byte {error.start}): send UTF-8")


def bug(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Anything else is a bug: the traceback goes to the log, not to whoever asks."""
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    return told(request, 500, "an error of twoloops itself: its log has the details")


HANDLERS: dict[Any, Any] = {
    Refusal: not_allowed,
    NotHere: not_here,
    UserError: user_error,
    TransientError: transient,
    HTTPException: http_error,
    RecursionError: too_deep,
    UnicodeDecodeError: not_text,
    Exception: bug,
}

"""Where everybody comes in: the login page, and the door out."""

import re
from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect, Template

from twoloops.server import access
from twoloops.server.access import COOKIE, Asking
from twoloops.wiring.workspace import now

DAYS = 24 * 3600
FORM = {**access.OPEN, "bodies": ("application/x-www-form-urlencoded",)}
# A path of this server alone: `//elsewhere`, and what a browser makes of `/\\t/elsewhere`, are not.
_HERE = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


class Entering(msgspec.Struct, frozen=True):
    """What the login page sends, and where to go then."""

    token: str
    to: str = "/"


Entered = Annotated[Entering, Body(media_type=RequestEncodingType.URL_ENCODED)]


@get("/login", opt=access.OPEN, include_in_schema=False)
async def login_page() -> Template:
    """Ask for a token."""
    return Template("login.html", context={"problem": ""})


@post("/login", opt=FORM, include_in_schema=False, status_code=200, request_max_body_size=4 * 1024)
async def login(request: Asking, data: Entered) -> Response[Any]:
    """Keep a good token in a cookie that scripts cannot read and other sites cannot send."""
    token = await access.find(request, data.token.strip())
    if token is None or not token.valid(now()):
        context = {"problem": "This token is unknown, expired or revoked.", "to": data.to}
        return Template("login.html", context=context, status_code=401)
    to = data.to if _HERE.fullmatch(data.to) else "/"
    cookie = Cookie(
        key=COOKIE,
        value=data.token.strip(),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        max_age=30 * DAYS,
    )
    return Redirect(to, status_code=303, cookies=[cookie])


@post("/logout", opt=FORM, include_in_schema=False, status_code=200)
async def logout() -> Response[Any]:
    """Forget the token in this browser."""
    gone = Cookie(key=COOKIE, value="", httponly=True, samesite="strict", max_age=0)
    return Redirect("/login", status_code=303, cookies=[gone])


ROUTES = [login_page, login, logout]

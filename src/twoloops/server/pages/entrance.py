"""Where everybody comes in: the login page, and the door out."""

from typing import Annotated, Any

import msgspec
from litestar import Response, get, post
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect, Template

from twoloops.server import access
from twoloops.server.access import COOKIE, Asking
from twoloops.server.keeper import Keeper
from twoloops.wiring.workspace import now

DAYS = 24 * 3600


class Entering(msgspec.Struct, frozen=True):
    """What the login page sends, and where to go then."""

    token: str
    to: str = "/"


Entered = Annotated[Entering, Body(media_type=RequestEncodingType.URL_ENCODED)]


@get("/login", opt=access.OPEN, include_in_schema=False)
async def login_page() -> Template:
    """Ask for a token."""
    return Template("login.html", context={"problem": ""})


@post("/login", opt=access.OPEN, include_in_schema=False, status_code=200)
async def login(request: Asking, data: Entered) -> Response[Any]:
    """Keep a good token in a cookie that scripts cannot read and other sites cannot send."""
    keeper: Keeper = request.app.state.keeper
    token = await keeper.read(lambda store: store.tokens.find(data.token.strip()))
    if token is None or not token.valid(now()):
        context = {"problem": "This token is unknown, expired or revoked.", "to": data.to}
        return Template("login.html", context=context, status_code=401)
    # Only a path of this server: `//elsewhere` would be another's.
    to = data.to if data.to.startswith("/") and not data.to.startswith(("//", "/\\")) else "/"
    cookie = Cookie(
        key=COOKIE,
        value=data.token.strip(),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        max_age=30 * DAYS,
    )
    return Redirect(to, status_code=303, cookies=[cookie])


@post("/logout", opt=access.OPEN, include_in_schema=False, status_code=200)
async def logout() -> Response[Any]:
    """Forget the token in this browser."""
    gone = Cookie(key=COOKIE, value="", httponly=True, samesite="strict", max_age=0)
    return Redirect("/login", status_code=303, cookies=[gone])


ROUTES = [login_page, login, logout]

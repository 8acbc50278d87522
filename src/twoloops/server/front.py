"""What stands before every route: refuses what no route could want, guards every response.

Laws: whatever comes in, what goes out bears `HEADERS`; a request that is refused here has reached
no route and no store.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Collection
from typing import Any

import msgspec
from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from twoloops.server.failing import PROBLEM, Problem

LONGEST_PATH, LONGEST_QUERY = 2_000, 4_000
MOST_HEADERS, LARGEST_HEADERS = 64, 32 * 1024
"""How many headers a request may have, and their bytes together."""

CHUNK_SECONDS, BODY_SECONDS = 20.0, 120.0
"""How long the next part of a body may take, and all of it."""

# Pages bring all they need along: nothing is fetched from elsewhere, nothing inline runs.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "style-src 'self' 'unsafe-inline'",
        "script-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": a form would then be sent with the origin "null", as from another site.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}

_ODD = re.compile(r"[\x00-\x1f\x7f\\]")


class Refused(Exception):
    """A request that goes no further."""

    def __init__(self, status: int, detail: str) -> None:
        self.status, self.detail = status, detail
        super().__init__(detail)


class Front:
    """The outermost application.

    Args:
        app: What stands behind it.
        hosts: Names by which the server may be asked for, in lower case, beside addresses; `None`
            allows any. A page of an attacker whose *name* resolves to this machine (DNS
            rebinding) sends that name; an address it cannot make up.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None = None) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders(message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._check(scope)
        except Refused as refused:
            await _answer(refused, guarded)
            return
        await self._app(scope, in_time(receive), guarded)

    def _check(self, scope: HTTPScope) -> None:
        sizes = [len(name) + len(value) for name, value in scope["headers"]]
        if len(sizes) > MOST_HEADERS or sum(sizes) > LARGEST_HEADERS:
            raise Refused(
                431, f"a request has at most {MOST_HEADERS} headers of {LARGEST_HEADERS:,} bytes"
            )
        check_path(scope)
        found: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        coding = ", ".join(found.get("content-encoding", ())).strip().lower()
        if coding not in ("", "identity"):
            raise Refused(415, f"bodies are sent as they are, not compressed: got {coding[:40]!r}")
        hosts = found.get("host", [])
        if self._hosts is None:
            return
        if len(hosts) != 1 or not known_host(hosts[0], self._hosts):
            got = hosts[0][:100] if hosts else ""
            raise Refused(
                421,
                f"this server is not known as {got!r}: ask for it by its address, or start it "
                "with  twoloops serve --allow-host NAME",
            )


def check_path(scope: HTTPScope) -> None:
    """Refuse paths that try to be something else, and those longer than any here.

    Raises:
        Refused: It does.
    """
    raw: bytes = scope["raw_path"]
    path, query = scope["path"], scope["query_string"]
    if len(raw) > LONGEST_PATH or len(query) > LONGEST_QUERY:
        raise Refused(414, f"paths end at {LONGEST_PATH} bytes, queries at {LONGEST_QUERY}")
    if _ODD.search(path) or "\N{REPLACEMENT CHARACTER}" in path:
        raise Refused(400, "the path holds control characters, a backslash or broken UTF-8")
    if any(part in (".", "..") for part in path.split("/")) or "//" in path:
        raise Refused(400, "the path holds  .  or  ..  or an empty part")
    if b"%00" in query:
        raise Refused(400, "the query holds NUL")


def known_host(value: str, hosts: Collection[str]) -> bool:
    """Whether a Host header is an address or one of the names.

    >>> [known_host(one, {"localhost"}) for one in ("localhost:8420", "[::1]:1", "evil.example")]
    [True, True, False]
    """
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+)(?::[0-9]{1,5})?", value.strip())
    if match is None:
        return False
    name = match[1].strip("[]").lower().rstrip(".")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in hosts
    return True


def own_hosts(listening: str, more: Collection[str] = ()) -> frozenset[str]:
    """Return the names a server may be asked for by, in lower case.

    Args:
        listening: The host it was told to listen at.
        more: Allowed beside.
    """
    names = {"localhost", listening, *more}
    if beyond_loopback(listening):
        names |= {socket.gethostname(), socket.getfqdn()}
    return frozenset(name.lower().rstrip(".") for name in names)


def beyond_loopback(host: str) -> bool:
    """Whether other machines can reach a server that listens at a host.

    >>> [beyond_loopback(one) for one in ("127.0.0.1", "localhost", "::1", "0.0.0.0", "plant.lan")]
    [False, False, False, True, True]
    """
    if host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def in_time(receive: Receive) -> Receive:
    """Return what receives a body, and gives up on one that trickles in."""
    loop = asyncio.get_running_loop()
    end: float | None = loop.time() + BODY_SECONDS

    async def wait() -> Any:
        nonlocal end
        if end is None:  # the body is here; what is left to come is the end of the connection
            return await receive()
        try:
            async with asyncio.timeout_at(min(loop.time() + CHUNK_SECONDS, end)):
                message = await receive()
        except TimeoutError:
            raise HTTPException(status_code=408, detail="the body did not come in time") from None
        if message["type"] != "http.request" or not message.get("more_body", False):
            end = None
        return message

    return wait


async def _answer(refused: Refused, send: Send) -> None:
    body = msgspec.json.encode(Problem(refused.status, refused.detail))
    headers = [
        (b"content-type", PROBLEM.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    start: Any = {"type": "http.response.start", "status": refused.status, "headers": headers}
    end: Any = {"type": "http.response.body", "body": body, "more_body": False}
    await send(start)
    await send(end)

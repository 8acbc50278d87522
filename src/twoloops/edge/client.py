"""The server as an edge reaches it: one request a connection, with limits, by the standard library.

A connection is not kept: behind a broken network an old one hangs longest, and a batch carries
enough to be worth a new one.
"""

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from twoloops.records.errors import TransientError, UserError

SECONDS = 30.0
ANSWER = 1 << 20
"""Bytes of an answer."""


class Refused(UserError):
    """The server understood and does not do it: the same request again changes nothing by itself.

    Args:
        status: HTTP's.
        detail: The server's sentence.
    """

    def __init__(self, status: int, detail: str) -> None:
        self.status = status
        super().__init__(f"the server refused ({status}): {detail}")


class Unreachable(TransientError):
    """The server was not reached, or cannot now.

    Args:
        why: A sentence.
        wait: Seconds it asked to wait.
    """

    def __init__(self, why: str, wait: float = 0.0) -> None:
        self.wait = wait
        super().__init__(why)


class Server(Protocol):
    """Where an edge sends to; `HttpServer` is it over the network."""

    def post(self, path: str, body: bytes, content_type: str = "application/json") -> bytes:
        """Send a body and return the answer; `Refused` or `Unreachable` otherwise."""

    def put(self, path: str, body: bytes) -> bytes:
        """Send bytes as they are and return the answer; `Refused` or `Unreachable` otherwise."""

    def get(self, path: str) -> bytes:
        """Return a small answer; `Refused` or `Unreachable` otherwise."""


class HttpServer:
    """A server by its URL.

    Args:
        url: `http://…` or `https://…`, whose certificate is checked.
        token: Sent with every request.
        seconds: How long each step of the network may take.

    Raises:
        UserError: It is no such URL.
    """

    def __init__(self, url: str, token: str, *, seconds: float = SECONDS) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(f"a server is  http://HOST:PORT  or  https://HOST : got {url!r}")
        self.url, self._parts, self._seconds = url.rstrip("/"), parts, seconds
        self._headers = {"Authorization": f"Bearer {token}", "Connection": "close"}

    def post(self, path: str, body: bytes, content_type: str = "application/json") -> bytes:
        """Send a body and return the answer."""
        with self._asked("POST", path, body, {"Content-Type": content_type}) as answer:
            return _small(answer)

    def put(self, path: str, body: bytes) -> bytes:
        """Send bytes as they are and return the answer."""
        more = {"Content-Type": "application/octet-stream"}
        with self._asked("PUT", path, body, more) as answer:
            return _small(answer)

    def get(self, path: str) -> bytes:
        """Return a small answer."""
        with self._asked("GET", path) as answer:
            return _small(answer)

    @contextmanager
    def _asked(
        self, method: str, path: str, body: bytes | None = None, more: dict[str, str] | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        connection = connect(self._parts, self._seconds)
        try:
            connection.request(
                method, self._parts.path.rstrip("/") + path, body, self._headers | (more or {})
            )
            answer = connection.getresponse()
            if answer.status != 200 and answer.status != 201:
                _refuse(answer)
            yield answer
        except (OSError, http.client.HTTPException) as error:
            why = str(error) or type(error).__name__
            if isinstance(error, ssl.SSLError):
                why += "; does it speak HTTPS, with a certificate that this device trusts?"
            raise Unreachable(f"{self.url} cannot be reached: {why}") from error
        finally:
            connection.close()


def connect(parts: SplitResult, seconds: float) -> http.client.HTTPConnection:
    """Return a connection to a URL's server, not open yet; its certificate is checked.

    Args:
        parts: The URL: `http` or `https`, with a host.
        seconds: How long each step of the network may take.

    Raises:
        ValueError: Its port is none.
    """
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=context)
    return http.client.HTTPConnection(host, port, timeout=seconds)


def _small(answer: http.client.HTTPResponse) -> bytes:
    data = answer.read(ANSWER + 1)
    if len(data) > ANSWER:
        raise Refused(answer.status, f"its answer has more than {ANSWER:,} bytes")
    return data


def _refuse(answer: http.client.HTTPResponse) -> None:
    data = answer.read(ANSWER)
    try:
        detail = str(json.loads(data)["detail"])[:500]
    except (ValueError, KeyError, TypeError):
        detail = answer.reason
    if answer.status in (408, 425, 429) or answer.status >= 500:
        asked = answer.headers.get("Retry-After", "0").strip()
        wait = float(asked) if asked.isdigit() else 0.0
        raise Unreachable(f"the server cannot now ({answer.status}): {detail}", wait)
    raise Refused(answer.status, detail)

"""Reads an address over HTTP within limits: size, time, redirects, and a whole answer or none."""

import contextlib
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Self
from urllib.parse import urlsplit

import httpx2

from twoloops import __version__
from twoloops.atlas.publishers.port import (
    Answer,
    Kind,
    NotThereError,
    SourceError,
    UnreachableError,
)

MOST_BYTES = 64 << 20
"""Of one answer, decompressed; the largest file known is about 5 MB."""
SECONDS = 120.0
"""For one answer, whole."""
CONNECT, SILENCE = 10.0, 30.0
"""Seconds until connected, and between two pieces of an answer."""
REDIRECTS = 5
TRIES, PAUSE = 2, 2.0
"""How often a passing fault is met, and seconds in between."""

PASSING = {429, 500, 502, 503, 504}
ABSENT = {401, 403, 404, 410}


class Web:
    """The real `Get`: one HTTP client for all addresses; close it, or use it in a `with`.

    Args:
        most_bytes: Limit of one answer, decompressed.
        seconds: Limit of one answer's time.
        silence: Limit of the time between two pieces of an answer.
        tries: How often an address is asked when the fault may pass.
        pause: Waits before the next try.
    """

    def __init__(
        self,
        most_bytes: int = MOST_BYTES,
        seconds: float = SECONDS,
        silence: float = SILENCE,
        tries: int = TRIES,
        pause: Callable[[], None] = lambda: time.sleep(PAUSE),
    ) -> None:
        self.most_bytes = most_bytes
        self.seconds = seconds
        self.tries = tries
        self.pause = pause
        self.client = httpx2.Client(
            follow_redirects=True,
            max_redirects=REDIRECTS,
            timeout=httpx2.Timeout(silence, connect=CONNECT),
            headers={"User-Agent": f"twoloops/{__version__}", "Accept-Encoding": "gzip"},
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.client.close()

    def __call__(self, url: str, kind: Kind) -> Answer:
        """Return the whole answer; see `Get`."""
        for left in reversed(range(self.tries)):
            try:
                return self._once(url, kind)
            except _PassingError as error:
                if not left:
                    raise error.cause from None
                self.pause()
        raise AssertionError("there is at least one try")

    def _once(self, url: str, kind: Kind) -> Answer:
        deadline = time.monotonic() + self.seconds
        with _told(url, self.seconds), self.client.stream("GET", url) as response:
            _check(url, response)
            headers = {name.lower(): value for name, value in response.headers.items()}
            unpacked = _Unpacked(headers.get("content-encoding", ""), self.most_bytes)
            for piece in response.iter_raw():
                unpacked.add(piece)
                if time.monotonic() > deadline:
                    raise SourceError(f"the answer took longer than {self.seconds:g} s")
            body = unpacked.whole()
        _check_kind(body[:512], headers.get("content-type", ""), kind)
        return Answer(body, headers)


class _Unpacked:
    """An answer's bytes, decompressed as they come.

    The client's own decoder passes over a gzip stream that lacks its end, and unpacks a whole
    piece before its size can be seen.

    Args:
        encoding: The header `Content-Encoding`.
        most_bytes: Limit of the size.

    Raises:
        SourceError: It is compressed in a way that was not asked for.
    """

    def __init__(self, encoding: str, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.body = bytearray()
        self.gzip = None
        if encoding.strip().lower() in ("gzip", "x-gzip"):
            self.gzip = zlib.decompressobj(16 + zlib.MAX_WBITS)
        elif encoding.strip().lower() not in ("", "identity"):
            raise SourceError(f"the answer is compressed as {encoding!r}, only gzip was asked for")

    def add(self, piece: bytes) -> None:
        """Add a piece as it came.

        Raises:
            SourceError: All together is too large, or cannot be decompressed.
        """
        if self.gzip is not None:
            try:
                piece = self.gzip.decompress(piece, self.most_bytes + 1)
            except zlib.error as error:
                raise SourceError(f"the answer cannot be decompressed ({error})") from None
        self.body += piece
        if len(self.body) > self.most_bytes:
            limit = f"{self.most_bytes / 1e6:,.0f} MB"
            raise SourceError(f"the answer is larger than {limit}, which is the limit")

    def whole(self) -> bytes:
        """Return all of it.

        Raises:
            SourceError: The compressed stream lacks its end.
        """
        if self.gzip is not None and not self.gzip.eof:
            raise SourceError("the answer broke off (its compressed stream lacks its end)")
        return bytes(self.body)


class _PassingError(Exception):
    """A fault that may pass."""

    def __init__(self, cause: SourceError) -> None:
        self.cause = cause
        super().__init__(str(cause))


@contextlib.contextmanager
def _told(url: str, seconds: float) -> Iterator[None]:
    """Say the client's faults in clauses."""
    host = urlsplit(url).netloc or url
    try:
        yield
    except httpx2.ConnectTimeout:
        raise UnreachableError(f"{host} did not answer within {CONNECT:g} s") from None
    except httpx2.TimeoutException:
        late = f"{host} stopped answering (the limit is {seconds:g} s for a whole answer)"
        raise _PassingError(SourceError(late)) from None
    except httpx2.ConnectError as error:
        raise UnreachableError(f"{host} cannot be reached ({_reason(error)})") from None
    except httpx2.RemoteProtocolError as error:
        raise _PassingError(SourceError(f"the answer broke off ({error})")) from None
    except httpx2.TooManyRedirects:
        raise SourceError(f"more than {REDIRECTS} redirects") from None
    except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
        raise SourceError(f"{url!r} is no address of http or https ({error})") from None
    except httpx2.HTTPError as error:
        raise _PassingError(SourceError(f"{host}: {_reason(error)}")) from None


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _check(url: str, response: httpx2.Response) -> None:
    """Refuse what is no answer of 200, or what came over an open line after a closed one."""
    hops = [*(one.url for one in response.history), response.url]
    if hops[0].scheme == "https" and any(hop.scheme != "https" for hop in hops):
        raise SourceError(f"{urlsplit(url).netloc} redirects from https to http")
    status = response.status_code
    if status == 200:
        return
    words = f"{hops[-1].host} answered {status} {response.reason_phrase}".strip()
    if status in PASSING:
        raise _PassingError(SourceError(words))
    raise NotThereError(words) if status in ABSENT else SourceError(words)


def _check_kind(head: bytes, declared: str, kind: Kind) -> None:
    """Refuse a page for people: some servers answer 200 with one when something is wrong."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if "text/html" in declared or start.startswith(b"<"):
        raise SourceError(f"the answer is a web page, not {kind.upper()}")
    if not start:
        raise SourceError("the answer is empty")

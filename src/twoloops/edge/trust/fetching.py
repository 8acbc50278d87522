"""How TUF's client fetches: with limits on bytes and time, and never elsewhere."""

import contextlib
import http.client
import time
from collections.abc import Callable, Iterator
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.ngclient import FetcherInterface

from twoloops import __version__
from twoloops.edge.client import connect

CHUNK = 1 << 16


class Limits(msgspec.Struct, frozen=True):
    """What a server may take up of a device's time; how many bytes, TUF's metadata says.

    Args:
        silence: Seconds without a byte.
        seconds: Seconds for one file.
        grace: Seconds before `rate` is asked for.
        rate: Bytes a second, on the average of a file.
    """

    silence: float = 10.0
    seconds: float = 900.0
    grace: float = 10.0
    rate: float = 1024.0


class FetchError(DownloadError):
    """A download that failed for a reason of ours.

    Args:
        kind: Which.
        sentence: What was got.
    """

    def __init__(
        self, kind: Literal["sent elsewhere", "unreachable", "unreadable"], sentence: str
    ) -> None:
        self.kind = kind
        super().__init__(sentence)


class Fetcher(FetcherInterface):
    """Fetches with a device's token.

    Args:
        token: Sent to the server alone: redirects are not followed.
        limits: On time.
        clock: Seconds, only ever increasing.
    """

    def __init__(
        self, token: str, limits: Limits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limits, self._clock = limits, clock
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept-Encoding": "identity",
            "User-Agent": f"twoloops/{__version__}",
            "Connection": "close",
        }
        self.url = ""
        self.data = b""

    def download_bytes(self, url: str, max_length: int) -> bytes:
        """Return a file's bytes, and remember them for who says why they were refused."""
        self.data = b""
        self.data = super().download_bytes(url, max_length)
        return self.data

    def _fetch(self, url: str) -> Iterator[bytes]:
        self.url = url
        parts = urlsplit(url)
        try:
            with contextlib.closing(connect(parts, self._limits.silence)) as connection:
                connection.request("GET", parts.path, headers=self._headers)
                answer = connection.getresponse()
                _check(url, answer)
                yield from self._limited(url, answer)
        except TimeoutError as error:
            raise SlowRetrievalError(f"{url} was silent for {self._limits.silence:g} s") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = str(error) or type(error).__name__
            raise FetchError("unreachable", f"{url} cannot be reached ({why})") from error

    def _limited(self, url: str, answer: http.client.HTTPResponse) -> Iterator[bytes]:
        limits, start, size = self._limits, self._clock(), 0
        while chunk := answer.read1(CHUNK):
            size += len(chunk)
            took = self._clock() - start
            slow = took > limits.grace and size < limits.rate * took
            if slow or took > limits.seconds:
                raise SlowRetrievalError(
                    f"{url} gave {size} bytes in {took:.0f} s; at least {limits.rate:g} a second "
                    f"and at most {limits.seconds:g} s are allowed"
                )
            yield chunk
        if answer.length:
            raise FetchError("unreachable", f"{url} was cut off after {size:,} bytes")


def _check(url: str, answer: http.client.HTTPResponse) -> None:
    status = answer.status
    if 300 <= status < 400:
        where = answer.headers.get("location", "nowhere")[:200]
        raise FetchError(
            "sent elsewhere",
            f"{url} sends to {where!r}, and redirects are not followed: give the address itself",
        )
    if status != 200:
        raise DownloadHTTPError(f"{url} answered {status}", status)
    encoding = answer.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise FetchError(
            "unreadable", f"{url} is compressed ({encoding[:40]}), and was asked for as it is"
        )

"""Sink: each verdict as JSON in a POST. The line never waits: `edge.adapters.outbox`."""

import os
from urllib.parse import urlsplit

import httpx2

from twoloops.edge.adapters.asked import Asked
from twoloops.edge.adapters.outbox import WAITING, Outbox
from twoloops.edge.ports import Verdict
from twoloops.records.errors import TransientError, UserError

TOKEN = "TWOLOOPS_SINK_TOKEN"
"""Environment: sent as a bearer token where it is set."""
SECONDS = 10.0
"""Seconds to connect, and between two bytes of an answer."""
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same request may well be taken."""


class HttpSink:
    """Posts verdicts over one connection that is kept.

    2xx means taken. After no answer, 408, 425, 429 and 5xx of a passing kind the same verdict is
    posted again, so a receiver may see it twice (`key` and `place` tell); after any other answer it
    is counted as dropped.

    Args:
        url: http or https, without user and password.
        token: A bearer token.
        most: Verdicts that may wait.
        seconds: Limit of one try.
        longest: Seconds no wait between two tries exceeds.

    Raises:
        UserError: The URL is none, or holds a secret.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        most: int = WAITING,
        seconds: float = SECONDS,
        longest: float = 60.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.username or parts.password:
            raise UserError(
                f"a sink's URL holds no user and password (a list of processes shows them): set "
                f"{TOKEN} to a bearer token instead"
            )
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(f"--sink {url!r} names no host: write  http://HOST/PATH")
        headers = {"Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._url = url
        self._client = httpx2.Client(timeout=seconds, headers=headers)
        self._outbox = Outbox(self._post, most=most, longest=longest)

    @property
    def sent(self) -> int:
        """Verdicts that were taken."""
        return self._outbox.sent

    @property
    def dropped(self) -> int:
        """Verdicts that will never be."""
        return self._outbox.dropped

    def put(self, verdict: Verdict) -> None:
        """Queue one and return at once; `TransientError` where the queue is full."""
        self._outbox.put(verdict)

    def close(self) -> None:
        """Wait a little for what is queued, then let go; a second call does nothing."""
        self._outbox.close()
        self._outbox.join(SECONDS)
        self._client.close()

    def _post(self, body: bytes) -> None:
        try:
            status = self._client.post(self._url, content=body).status_code
        except httpx2.HTTPError as error:
            raise TransientError(f"{self._url}: {type(error).__name__}: {error}") from error
        if status in AGAIN:
            raise TransientError(f"{self._url} answered {status}")
        if not 200 <= status < 300:
            raise UserError(f"{self._url} answered {status}")


def sink(asked: Asked) -> HttpSink:
    """Return the sink of `http://HOST/PATH` or `https://HOST/PATH`."""
    return HttpSink(asked.words, token=os.environ.get(TOKEN))

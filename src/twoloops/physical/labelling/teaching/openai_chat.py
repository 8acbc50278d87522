"""Any endpoint that speaks OpenAI's chat interface, through the `openai` client.

The client's own retries are off: whether a call can have had effect, and so may be sent again,
is decided here, by what went wrong.
"""

import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx2
import openai

from twoloops.physical.labelling.teaching.port import (
    NoEffectError,
    Reply,
    Request,
    UnknownOutcomeError,
)
from twoloops.records.teacher import Teacher, Usage

CONNECT = 10.0
"""Seconds until connected."""
LARGEST = 8 << 20
"""Bytes of one answer."""
SAID = 200
"""Characters of an endpoint's own words that are kept."""

PASSING = (409, 425, 429, 500, 502, 503, 529)
UNKNOWN = (408, 499, 504, 522, 524)
"""Statuses with which somebody in between gives up waiting: the model may have answered."""
FATAL = (401, 403, 404, 405)
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)


class OpenAIChat:
    """An endpoint; close it, or use it in a `with`.

    Args:
        teacher: Its address, model and limits.
        api_key: What the endpoint asks for; empty for none.
    """

    def __init__(self, teacher: Teacher, api_key: str = "") -> None:
        self._teacher, self._key = teacher, api_key
        # Redirects would carry the key elsewhere; a proxy is none of this machine's own business.
        http = httpx2.Client(
            timeout=httpx2.Timeout(teacher.seconds, connect=min(CONNECT, teacher.seconds)),
            follow_redirects=False,
            trust_env=not teacher.is_local,
            verify=_trusted(teacher.url),
        )
        self._client = openai.OpenAI(
            api_key=api_key or "none", base_url=teacher.url, max_retries=0, http_client=http
        )

    def __enter__(self) -> "OpenAIChat":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(self, request: Request) -> Reply:
        """Send one request, once; see `port.Endpoint`."""
        options: dict[str, Any] = {self._teacher.most_written: request.written}
        if request.shape is not None:
            options["response_format"] = request.shape
        deadline = time.monotonic() + self._teacher.seconds
        with (
            self._told(),
            self._client.chat.completions.with_streaming_response.create(
                model=self._teacher.model,
                messages=list(request.messages),  # type: ignore[arg-type]
                extra_headers={"Idempotency-Key": request.key},
                **options,
            ) as response,
        ):
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if len(body) > LARGEST:
                    return Reply(problem=f"it is longer than {LARGEST >> 20} MB")
                if time.monotonic() > deadline:
                    raise UnknownOutcomeError(self._late())
        return parse(bytes(body))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say the client's faults by whether the call can have had effect."""
        try:
            yield
        except openai.APIStatusError as error:
            self._status(error)
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            cause = error if isinstance(error, httpx2.HTTPError) else error.__cause__
            where = self._client.base_url.host
            if isinstance(cause, _NOT_SENT):
                why = f"{where} cannot be reached ({self._clean(cause)})"
                raise NoEffectError(why, passing=True) from None
            if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
                raise NoEffectError(self._clean(cause), fatal=True) from None
            if isinstance(cause, httpx2.TimeoutException):
                raise UnknownOutcomeError(self._late()) from None
            why = f"the connection broke after the call was sent ({self._clean(cause or error)})"
            raise UnknownOutcomeError(why) from None

    def _status(self, error: openai.APIStatusError) -> NoReturn:
        status = error.status_code
        why = f"{self._client.base_url.host} answered {status}: {self._clean(error)}"
        if status in UNKNOWN:
            raise UnknownOutcomeError(why) from None
        raise NoEffectError(
            why,
            passing=status in PASSING,
            wait=retry_after(error.response.headers.get("retry-after", ""), datetime.now(UTC)),
            fatal=status in FATAL or status < 400,
        ) from None

    def _late(self) -> str:
        return f"no whole answer came within {self._teacher.seconds:g} s"

    def _clean(self, error: BaseException) -> str:
        """Return an error's words in one line, without the key that some endpoints repeat."""
        words = " ".join((str(error) or type(error).__name__).split())
        if self._key:
            words = words.replace(self._key, "…")
        return words if len(words) <= SAID else words[:SAID] + "…"


def _trusted(url: str) -> ssl.SSLContext | bool:
    """Return whose certificates are trusted: nobody's where none is shown, which is faster."""
    return True if url.startswith("https") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def parse(body: bytes) -> Reply:
    """Read the body of a completion, as far as it can be read."""
    try:
        found = json.loads(body)
        if not isinstance(found, dict):
            raise ValueError("no JSON object")
    except (ValueError, RecursionError):
        return Reply(problem="it is no JSON object")
    usage = _usage(found.get("usage"))
    choices = found.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return Reply(usage=usage, problem="it holds no message")
    text, refusal, end = message.get("content"), message.get("refusal"), choice.get("finish_reason")
    if end == "content_filter" and not refusal:
        refusal = "its content filter stopped it"
    return Reply(
        text=text if isinstance(text, str) else None,
        refusal=refusal if isinstance(refusal, str) else "",
        cut=end == "length",
        usage=usage,
    )


def _usage(found: Any) -> Usage | None:
    """Return tokens, where both counts are there and can be."""
    if not isinstance(found, dict):
        return None
    read, written = found.get("prompt_tokens"), found.get("completion_tokens")
    if type(read) is not int or type(written) is not int:
        return None
    return Usage(read, written) if 0 <= read < 1 << 62 and 0 <= written < 1 << 62 else None


def retry_after(header: str, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks to wait, or `None`.

    >>> retry_after("7", datetime(2026, 1, 1, tzinfo=UTC))
    7.0
    >>> retry_after("Thu, 01 Jan 2026 00:00:09 GMT", datetime(2026, 1, 1, tzinfo=UTC))
    9.0
    """
    try:
        return max(float(header), 0.0) if float(header) < float("inf") else None
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max((when - now).total_seconds(), 0.0)

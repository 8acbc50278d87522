"""What an endpoint has to do: answer one request, or say whether it can have had effect."""

from typing import Any, Protocol

import msgspec

from twoloops.records.teacher import Usage


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One call, in the words of the chat interface that OpenAI began and others speak.

    Args:
        messages: As they are sent.
        shape: The value of `response_format`; `None` where the endpoint knows none.
        written: Most tokens to write.
        read: Most tokens that the messages and the shape can count.
        key: Idempotency key: the same for the same items after a failed try.
    """

    messages: tuple[dict[str, Any], ...]
    shape: dict[str, Any] | None
    written: int
    read: int
    key: str


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back with a status of success.

    Args:
        text: The answer; `None` where there was none.
        refusal: Why the model declines; empty where it does not.
        cut: Whether the answer ended at the limit of tokens.
        usage: Tokens; `None` where they were not reported.
        problem: Why the answer cannot be read at all; empty where it can.
    """

    text: str | None = None
    refusal: str = ""
    cut: bool = False
    usage: Usage | None = None
    problem: str = ""


class Endpoint(Protocol):
    """A teacher that can be asked."""

    def ask(self, request: Request) -> Reply:
        """Send one request, once, and return what came back.

        Raises:
            NoEffectError: It was not sent, or was turned away.
            UnknownOutcomeError: It was sent, and nobody knows what became of it.
        """
        ...


class NoEffectError(Exception):
    """The request had no effect: it was not sent, or an error came back for it.

    Args:
        why: In words.
        passing: Whether the same may succeed later.
        wait: Seconds that the endpoint asks to wait, where it does.
        fatal: Whether no other request would fare better (a wrong key, an unknown model).
    """

    def __init__(
        self, why: str, *, passing: bool = False, wait: float | None = None, fatal: bool = False
    ) -> None:
        self.why, self.passing, self.wait, self.fatal = why, passing, wait, fatal
        super().__init__(why)


class UnknownOutcomeError(Exception):
    """The request was sent, and may have been answered and paid for."""

"""A teacher: a dearer model that labels, what it may cost, and the book of what was asked of it."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from twoloops.records.errors import UserError
from twoloops.records.finding import Purpose
from twoloops.records.money import Money
from twoloops.records.observation import Place

PREFIX = "teacher:"
"""Begins the labeller's name of a teacher."""

Sees = Literal["text", "vision"]
Answers = Literal["schema", "object", "text"]
"""How an endpoint is told to answer: by a JSON schema, by any JSON object, or in words alone."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")
MILLION = Decimal(1_000_000)
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}")


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one call, as its endpoint reported them."""

    read: int
    written: int


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """What a teacher charges, and who says so.

    Args:
        read: For a million tokens read.
        written: For a million tokens written.
        call: For each call.
        currency: Of all three.
        as_of: The day on which the price held.
        source: Where it is stated.
    """

    read: Decimal = Decimal(0)
    written: Decimal = Decimal(0)
    call: Decimal = Decimal(0)
    currency: str = "USD"
    as_of: date
    source: str

    def __post_init__(self) -> None:
        for amount in (self.read, self.written, self.call):
            if not amount.is_finite() or amount < 0:
                raise UserError(f"a price is an amount of 0 or more: got {amount}")

    def of(self, used: Usage) -> Money:
        """Return what a call costs.

        >>> day = date(2026, 1, 1)
        >>> price = Price(read=Decimal("0.5"), written=Decimal(2), as_of=day, source="list")
        >>> str(price.of(Usage(1000, 100)))
        '0.0007 USD'
        """
        tokens = (self.read * used.read + self.written * used.written) / MILLION
        return Money((tokens + self.call).normalize() + 0, self.currency)


class Teacher(msgspec.Struct, frozen=True, kw_only=True):
    """A model behind an OpenAI-compatible endpoint. Its key is never kept.

    Args:
        name: Its labels are by `teacher:NAME`.
        model: As the endpoint names it.
        url: Of the endpoint, up to `/v1`.
        sees: Whether it reads texts only, or pictures too.
        price: `None` where it is free.
        limit: The most it may ever cost; `None` where it is free.
        batch: Most items of one call.
        key_env: The environment variable that holds its key; empty for none.
        purpose: What the models that learn from it are for.
        terms: The provider whose terms hold, by a name the table of terms knows.
        licence: Of its weights, where those are at hand.
        guide: What it is told beside the labels.
        answers: How it is told to answer.
        most_written: The name of the parameter that bounds the tokens written.
        written: Tokens it may write in one call; `None`: enough for the labels.
        picture: The most tokens that one picture may count.
        seconds: For one call, whole.
        tries: How often a call is sent where it certainly had no effect.
    """

    name: str
    model: str
    url: str
    sees: Sees = "text"
    price: Price | None = None
    limit: Money | None = None
    batch: int = 10
    key_env: str = ""
    purpose: Purpose = "internal"
    terms: str = ""
    licence: str = ""
    guide: str = ""
    answers: Answers = "schema"
    most_written: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    written: int | None = None
    picture: int = 20_000
    seconds: float = 120.0
    tries: int = 4

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise UserError(
                f"a teacher's name is up to 64 letters, digits, - _ and .: got {self.name!r}"
            )
        _check_url(self.url, bool(self.key_env))
        if self.price is None and not self.is_local:
            raise UserError(
                f"{self.url} is not on this machine, so it is not asked for free: say what it "
                "charges with  --price-in  and  --price-out  (or  --price-call 0 )"
            )
        if (self.price is None) != (self.limit is None):
            raise UserError("a teacher that charges needs a limit, and a free one has none")
        if self.price and self.limit and self.price.currency != self.limit.currency:
            raise UserError(
                f"the price is in {self.price.currency} and the limit in {self.limit.currency}: "
                "give both in one currency"
            )
        for what, value, most in (
            ("batch", self.batch, 200),
            ("tries", self.tries, 10),
            ("picture tokens", self.picture, 10_000_000),
            ("written tokens", self.written if self.written is not None else 1, 1_000_000),
        ):
            if not 1 <= value <= most:
                raise UserError(f"{what} must be from 1 to {most}: got {value}")
        if not 0 < self.seconds <= 3600:
            raise UserError(f"seconds of a call must be in (0, 3600]: got {self.seconds:g}")

    @property
    def labeller(self) -> str:
        """The name its labels are given under."""
        return PREFIX + self.name

    @property
    def is_local(self) -> bool:
        """Whether its endpoint is on this machine."""
        return urlsplit(self.url).hostname in LOOPBACK

    @property
    def currency(self) -> str | None:
        """What it is paid in; `None` where it is free."""
        return None if self.price is None else self.price.currency


def _check_url(url: str, has_key: bool) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        parts, host = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not host:
        raise UserError(f"{url!r} is no address: give one as https://HOST/v1")
    if parts.username or parts.password or parts.query:
        raise UserError(
            "an endpoint's address holds no key: name the environment variable that holds it "
            "with  --key-env"
        )
    if parts.scheme == "http" and host not in LOOPBACK and has_key:
        raise UserError(
            f"{url}: over http the key can be read on the way: give an address with https"
        )


CallState = Literal["sent", "unknown", "answered", "failed", "settled"]
"""`sent`: noted before it was sent, and nothing since; `unknown`: sent, and nobody knows what
became of it; `answered`: usable answers came; `failed`: none did; `settled`: by a person's word
after its outcome was unknown."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call in the call book.

    Args:
        key: Names it; sent as the idempotency key too.
        teacher: Who was asked.
        task: The task's name.
        turn: The turn whose questions they were.
        state: What is known of it.
        items: The observations it asked about.
        fates: What became of an item, by place: empty where it was answered.
        reserved: The most it may cost, noted before it was sent.
        held: What it counts against the limit.
        paid: What it is booked as having cost.
        usage: As reported; `None` where it was not.
        why: What went wrong.
        prompt: Digest of what was sent.
        begun_at: UTC.
        ended_at: UTC.
    """

    key: str
    teacher: str
    task: str
    turn: int
    state: CallState
    items: tuple[Place, ...]
    fates: Mapping[str, str] = {}
    reserved: Money
    held: Money
    paid: Money
    usage: Usage | None = None
    why: str = ""
    prompt: str = ""
    begun_at: datetime
    ended_at: datetime | None = None

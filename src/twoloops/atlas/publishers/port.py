"""What a refresh needs of a publisher, and what a publisher needs of the network."""

from collections.abc import Mapping, Sequence
from datetime import date
from email.utils import parsedate_to_datetime
from typing import Literal, NamedTuple, Protocol

import msgspec

from twoloops.atlas.tables import Source

Kind = Literal["csv", "json"]


class SourceError(Exception):
    """One publisher's data cannot be used: in a clause that says what was got."""


class UnreachableError(SourceError):
    """Nothing answered: no network, no such host, or nobody listens there."""


class NotThereError(SourceError):
    """The publisher answered that it has no such thing (401, 403, 404 or 410)."""


class Answer(NamedTuple):
    """A whole answer of a publisher.

    Attributes:
        body: Its bytes, decompressed.
        headers: By name in lower case.
    """

    body: bytes
    headers: Mapping[str, str]


class Get(Protocol):
    """Reads an address, within limits of size and time."""

    def __call__(self, url: str, kind: Kind) -> Answer:
        """Return the answer.

        Raises:
            SourceError: Nothing answered, or not with a whole answer of that kind.
        """


class Fetched(NamedTuple):
    """A file as a publisher sent it."""

    name: str
    url: str
    body: bytes


class Filled(NamedTuple):
    """Rows of one table that a publisher's files gave.

    Attributes:
        name: Of the table, as the packaged ones are named.
        rows: Of that table's type; each names the source of the `Pulled` they belong to.
        replaces: Beginning of the ids of the sources whose packaged rows they stand in for;
            empty where they stand beside them.
    """

    name: str
    rows: Sequence[msgspec.Struct]
    replaces: str


class Pulled(NamedTuple):
    """Everything read from one publisher at one time.

    Attributes:
        source: Who published it, when, under which licence.
        files: As they came.
        tables: What was read out of them.
        notes: What a reader should know, such as models that were not there.
    """

    source: Source
    files: tuple[Fetched, ...]
    tables: tuple[Filled, ...]
    notes: tuple[str, ...] = ()


class Publisher(Protocol):
    """One publisher's data."""

    @property
    def name(self) -> str:
        """Short name, such as `epoch-all`; ids of its sources begin with it."""

    @property
    def address(self) -> str:
        """Where its data is read."""

    def pull(self, get: Get, today: date) -> Pulled:
        """Read everything, check it, and return it as rows of the packaged tables' types.

        Args:
            get: Reads an address.
            today: In UTC; goes into the source's id.

        Raises:
            SourceError: The data cannot be used.
            UserError: Likewise, from a reader that is shared with the packaged tables.
        """


def published(answer: Answer, today: date) -> str:
    """Return the ISO date of an answer by its header `Last-Modified`, or today's."""
    try:
        return parsedate_to_datetime(answer.headers["last-modified"]).date().isoformat()
    except (KeyError, ValueError):
        return today.isoformat()


def text_of(body: bytes, name: str) -> str:
    """Return the text of a file in UTF-8, without a byte order mark.

    Raises:
        SourceError: It is not UTF-8.
    """
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{name} is not UTF-8 text (byte {error.start:,})") from None


def enough(count: int, least: int, what: str) -> None:
    """Check that a file is not a stump.

    Raises:
        SourceError: It holds fewer than `least`.
    """
    if count < least:
        raise SourceError(f"only {count:,} {what} were found, at least {least:,} are expected")

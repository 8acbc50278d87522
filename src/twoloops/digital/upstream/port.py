"""What an upstream is asked and what it answers, wherever it is."""

from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import Protocol

import msgspec

from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.records.task import Kind

UNKNOWN = "unknown"


class GoneError(UserError):
    """What was asked for is not there, or not any more."""


class Query(msgspec.Struct, frozen=True):
    """What somebody looks for.

    Args:
        words: Parts of a name; empty for any.
        kind: The kind of input it must encode, or `None` for any.
        licence: As upstream tags it (`apache-2.0`), or `None` for any.
        max_parameters: The largest size, or `None` for any.
        limit: How many answers, the most downloaded first.
    """

    words: str = ""
    kind: Kind | None = None
    licence: str | None = None
    max_parameters: int | None = None
    limit: int = 20


class Found(msgspec.Struct, frozen=True):
    """One base upstream, as it is described there; nothing of it was checked.

    Args:
        source: What `base add` takes: `hub:owner/name`, `package:name`, `folder:path`, a name.
        kind: The kind of input, or `None` where it is not said.
        licence: As tagged, or `unknown`.
        publisher: Who published it, or `unknown`.
        revision: What pins it today, or `unknown`.
        parameters: Learned parameters, or `None` where it is not said.
        downloads: In the last 30 days, or `None` where nobody counts.
        updated: Day of the last change (ISO), or `None`.
        gated: Whether its publisher asks for an agreement first.
    """

    source: str
    kind: Kind | None = None
    licence: str = UNKNOWN
    publisher: str = UNKNOWN
    revision: str = UNKNOWN
    parameters: int | None = None
    downloads: int | None = None
    updated: str | None = None
    gated: bool = False


class Use(msgspec.Struct, frozen=True):
    """What an upstream counts of something published there; `None` where it does not say.

    Args:
        revision: The newest.
        downloads: In the last 30 days.
        downloads_ever: Since it was published.
        derivatives: Models whose cards name it as what they were made from.
    """

    revision: str
    downloads: int | None = None
    downloads_ever: int | None = None
    derivatives: int | None = None


class PulledFile(msgspec.Struct, frozen=True):
    """A file that was fetched.

    Args:
        path: Below the folder, with `/`.
        size: Bytes.
        digest: Of its bytes.
        upstream: The digest upstream states, after its algorithm: `sha256:…`, or git's `blob:…`;
            `None` where none is stated.
    """

    path: str
    size: int
    digest: Digest
    upstream: str | None = None


class Pulled(msgspec.Struct, frozen=True):
    """What was pulled, kept beside the files.

    Args:
        source: With the revision: `hub:owner/name@commit`, `package:name==version`, `folder:path`.
        name: Short, for a base's name: `owner/name`.
        publisher: Who published it, or `unknown`.
        revision: What pins it, or `unknown`.
        files: Every file.
        licence: As upstream tags it, or `unknown`.
    """

    source: str
    name: str
    publisher: str
    revision: str
    files: tuple[PulledFile, ...] = ()
    licence: str = UNKNOWN


@dataclass(frozen=True)
class Pull:
    """A pull that is whole.

    Args:
        folder: Where the files lie.
        said: Of what they are.
        below: The folder in it that an encoder's files are named from; empty for itself.
        file: The name of the ONNX file, where it was chosen.
        packages: The installed packages they belong to.
    """

    folder: Path
    said: Pulled
    below: str = ""
    file: str | None = None
    packages: tuple[Distribution, ...] = ()


class Upstream(Protocol):
    """A place where bases are published."""

    def search(self, query: Query) -> list[Found]:
        """Return what fits.

        Raises:
            UserError: It refuses, or cannot be asked here.
            TransientError: It does not answer for now.
        """
        ...

    def newest(self, name: str) -> str:
        """Return the newest revision of a base."""
        ...

    def pull(self, name: str, revision: str | None, file: str | None) -> Pull:
        """Bring a base here, once, and check it against the digests upstream states.

        Args:
            name: Of the base there.
            revision: Which one, or `None` for the newest.
            file: Which ONNX file, where there are several.
        """
        ...

"""Which upstream a word means, and a search over those there are."""

import re
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from twoloops.digital.upstream.folders import PREFIX as FOLDER
from twoloops.digital.upstream.folders import Folders
from twoloops.digital.upstream.hub import PREFIX as HUB
from twoloops.digital.upstream.hub import Hub
from twoloops.digital.upstream.packages import PREFIX as PACKAGE
from twoloops.digital.upstream.packages import Packages
from twoloops.digital.upstream.port import Found, Query, Upstream
from twoloops.digital.vetting.subjects import known_bases
from twoloops.records.errors import TransientError, UserError
from twoloops.store.fetch import default_cache

Tell = Callable[[str], None]
LINK = re.compile(r"^https://huggingface\.co/(?=[^/]+/[^/]+$)")
"""A page's address, as it is copied out of a browser."""


def upstream_of(word: str, tell: Tell = lambda _: None) -> tuple[Upstream, str]:
    """Return the upstream that a source names, and the name there.

    Args:
        word: `hub:owner/name`, `package:name`, `folder:path`; or one of these without its prefix.
        tell: Told in a sentence what is fetched.

    Raises:
        UserError: It names none.
    """
    word = LINK.sub(HUB, word)
    prefix, colon, name = word.partition(":")
    if colon and f"{prefix}:" == HUB:
        return hub(tell), name
    if colon and f"{prefix}:" == PACKAGE:
        return Packages(), name
    if colon and f"{prefix}:" == FOLDER:
        return Folders(), name
    if word in known_bases():
        raise UserError(
            f"{word!r} comes with twoloops and is offered to every task of its kind already: see  "
            f"twoloops base compare TASK --bases {word}"
        )
    if Path(word).expanduser().exists():
        return Folders(), word
    if word.count("/") == 1:
        return hub(tell), word
    try:
        distribution(word)
    except (PackageNotFoundError, ValueError) as error:
        raise UserError(
            f"{word!r} names no base: give  hub:OWNER/NAME ,  package:NAME  or  folder:PATH ; look "
            "for one with  twoloops base search WORDS"
        ) from error
    return Packages(), word


def hub(tell: Tell = lambda _: None) -> Hub:
    """Return the Hub that `HF_ENDPOINT` names."""
    return Hub(default_cache(), progress=tell)


def published(word: str, tell: Tell = lambda _: None) -> Path:
    """Return the folder of a published model: as named, or pulled from the Hub.

    Args:
        word: A folder, or `hub:owner/name`, with `@revision` if not the newest.
        tell: Told in a sentence what is fetched.

    Raises:
        UserError: It is not there, or a file is not what the Hub states of it.
        TransientError: The Hub does not answer for now.
    """
    if not word.startswith(HUB):
        return Path(word)
    name, _, revision = word.removeprefix(HUB).partition("@")
    return hub(tell).pull_whole(name, revision or None).folder


def search(query: Query, *, online: bool = True) -> tuple[list[Found], Exception | None]:
    """Return what fits, installed packages first; and why the Hub could not be asked, if so.

    Args:
        query: What is looked for.
        online: Whether to ask the Hub.
    """
    found = Packages().search(query)
    if not online:
        return found, None
    try:
        return [*found, *hub().search(query)], None
    except (UserError, TransientError) as error:
        return found, error

"""What can be vetted: a path, an installed package, a base that is known by name."""

import contextlib
from collections.abc import Callable
from functools import partial
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple, get_args

from twoloops.digital.base import Base
from twoloops.digital.catalogue import first_base, upstream
from twoloops.digital.packaged import efficientnet, minilm
from twoloops.digital.vetting.stated import Stated
from twoloops.records.errors import UserError
from twoloops.records.task import Kind

WINDOW = (3, 128)
"""Channels and samples of the signals for which features of signals are written, to be vetted."""


CARRIERS = {"minilm": minilm.PACKAGE, "efficientnet-lite0": efficientnet.PACKAGE}
"""Import names of the packages whose weights a known base is written from."""


class Known(NamedTuple):
    """A base that twoloops knows by name.

    Attributes:
        load: Build it; the argument is the folder for what has to be fetched.
        packages: Import names of the installed packages that carry its weights.
    """

    load: Callable[[Path], Base]
    packages: tuple[str, ...] = ()


class Subject(NamedTuple):
    """What is vetted; exactly one of the three is there, or a base and its packages.

    Attributes:
        name: How it was asked for.
        path: A file or a folder.
        packages: Installed packages.
        known: A base known by name.
        stated: What its upstream states of a folder; it goes before what the folder's card does.
    """

    name: str
    path: Path | None = None
    packages: tuple[Distribution, ...] = ()
    known: Known | None = None
    stated: Stated | None = None


def known_bases() -> dict[str, Known]:
    """Return every base that is known by name: the built-in features, and open models."""
    found = {}
    for kind in get_args(Kind):
        shape = WINDOW if kind == "signal" else None
        features = first_base(kind, shape)
        found[features.card.name] = Known(partial(_there, features))
        for offer in upstream(kind, shape):
            packages = (CARRIERS.get(part) for part in offer.name.split("+"))
            found[offer.name] = Known(offer.load, tuple(filter(None, packages)))
    return found


def _there(base: Base, _: Path) -> Base:
    return base


def subject_of(word: str) -> Subject:
    """Return what a word on the command line means.

    Raises:
        UserError: Nothing of that name is here.
    """
    path = Path(word).expanduser()
    if path.exists() or path.is_symlink():
        return Subject(word, path=path.resolve())
    known = known_bases()
    if word in known:
        return Subject(word, packages=_carriers(known[word].packages), known=known[word])
    try:
        return Subject(word, packages=(distribution(word),))
    except (PackageNotFoundError, ValueError):
        pass
    raise UserError(
        f"{word!r} is no path, no installed package and no known base: give a file, a folder, "
        f"the name of an installed package, or one of {sorted(known)}"
    )


def _carriers(names: tuple[str, ...]) -> tuple[Distribution, ...]:
    """Return the distributions of installed packages; one that is missing is told when loading."""
    found = []
    for name in names:
        with contextlib.suppress(PackageNotFoundError):
            found.append(distribution(name.replace("_", "-")))
    return tuple(found)

"""A law as the caller gets it, and the folder it is tried in."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

C = TypeVar("C")
Law = Callable[[], None]


def bound(law: Callable[[C], None], case: C) -> Law:
    """Return a law for one case: without arguments, under its own name.

    Whatever goes wrong in it is an `AssertionError`.
    """

    def run() -> None:
        try:
            law(case)
        except AssertionError:
            raise
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}") from error

    run.__name__ = run.__qualname__ = law.__name__
    run.__doc__ = law.__doc__
    return run


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Yield an empty folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="twoloops-check-") as name:
        yield Path(name)

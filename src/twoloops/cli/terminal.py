"""What every command does with the terminal: sentences, tables, one JSON object.

Results go to stdout; what is told on the way goes to stderr, so that a pipe gets the result alone.
"""

import re
import shlex
import sys
import textwrap
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from twoloops.store.lock import Holder

WIDTH = 80

ELSEWHERE = (
    "base search",
    "base vet",
    "claims",
    "demo",
    "edge",
    "exhibits changes",
    "exhibits refresh",
    "init",
    "replay",
    "verify",
)
"""Begins of the commands that no workspace belongs to."""
_NEXT = re.compile(r"(?:^|(?<=  ))twoloops ([a-z][^\n]*?)(?=\s\s|\s?[,.;:)](?:\s|$)|\s*$)", re.M)
"""A command within a sentence: two spaces before it, and two, or a stop, after it."""
_workspace: ContextVar[Path] = ContextVar("workspace", default=Path())


def in_workspace(folder: Path) -> None:
    """Take note of the workspace that the running command was given."""
    _workspace.set(folder)


def placed(text: str) -> str:
    """Return sentences whose next commands go on in the workspace that this command was given.

    >>> in_workspace(Path("my plant"))
    >>> placed("see  twoloops status , or run  twoloops replay DIR")
    "see  twoloops status --workspace 'my plant' , or run  twoloops replay DIR"
    >>> in_workspace(Path())
    >>> placed("see  twoloops status")
    'see  twoloops status'
    """
    folder = _workspace.get()
    if folder == Path():
        return text

    def with_it(found: re.Match[str]) -> str:
        words = found[1]
        named = {"-w", "--workspace"} & set(words.split())
        if named or f"{words} ".startswith(tuple(f"{one} " for one in ELSEWHERE)):
            return found[0]
        return f"twoloops {words} --workspace {shlex.quote(str(folder))}"

    return _NEXT.sub(with_it, text)


def items(number: int, singular: str, plural: str | None = None) -> str:
    """Return a number with its noun (and verb).

    >>> items(1, "question is", "questions are"), items(40, "label")
    ('1 question is', '40 labels')
    """
    from twoloops.analysis.words import items as counted

    return counted(number, singular, plural)


def say(text: str = "", *, err: bool = False) -> None:
    """Print sentences, each line of them wrapped at 80 columns."""
    stream = sys.stderr if err else sys.stdout
    for line in placed(text).split("\n"):
        for part in textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False) or [
            ""
        ]:
            print(part, file=stream)


def indented(text: str) -> None:
    """Print a sentence, wrapped at 80 columns and set in by two."""
    for line in textwrap.wrap(
        placed(text),
        WIDTH,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    ):
        print(line)


def command(*lines: str, err: bool = False) -> None:
    """Print commands to copy: indented and never wrapped."""
    for line in lines:
        print(f"  {line}", file=sys.stderr if err else sys.stdout)


def lasted(seconds: float) -> str:
    """Return a time as people say it.

    >>> lasted(7.2), lasted(130), lasted(90_000)
    ('7 s', '2 min', '1 d')
    """
    for size, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {name}"
    return f"{max(seconds, 0):.0f} s"


def console(*, err: bool = False) -> "Console":
    """Return a console that prints data as it is: no markup, no guessed highlights."""
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    # Piped output is the same for everybody; a terminal has its own width.
    width = None if stream.isatty() else WIDTH
    return Console(stderr=err, markup=False, highlight=False, emoji=False, width=width)


def show(renderable: "RenderableType") -> None:
    """Print a table or another renderable to stdout."""
    console().print(renderable)


def table(*columns: str, right: tuple[int, ...] = ()) -> Any:
    """Return an empty table; the columns named by place in `right` hold figures."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=(0, 1), pad_edge=False)
    for place, name in enumerate(columns):
        if place in right:
            made.add_column(Text(name), justify="right", no_wrap=True)
        else:
            made.add_column(Text(name), overflow="fold")
    return made


def emit(record: Any) -> None:
    """Print one JSON object to stdout."""
    import msgspec

    print(msgspec.json.encode(record, order="deterministic").decode())


def told(holder: "Holder | None") -> None:
    """Say on stderr whom the command waits for."""
    who = "another process" if holder is None else f"{holder.command!r} (process {holder.pid})"
    say(f"waiting for {who}, which holds the workspace …", err=True)

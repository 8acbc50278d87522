"""`twoloops base vet`: look at a base before anything of it runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.records.finding import Finding, PinnedFile, Purpose, Vetting

NAMES = ("internal", "publish", "distribute")
WORDS = {
    "internal": "internal use",
    "publish": "publish a model made from it",
    "distribute": "distribute it to others",
}
FILES = 12
"""Files listed before the rest is counted."""

FOR: Any = typer.Option(
    None,
    "--for",
    metavar="PURPOSE",
    help="internal, publish or distribute.  [default: all three]",
)
RECORD: Any = typer.Option(
    None, "--record", metavar="FILE", help="Write the record, with every file's digest, as JSON."
)
PINNED: Any = typer.Option(
    None, "--pinned", metavar="FILE", help="A record made before: refuse what differs from it."
)


def vet(
    what: str = typer.Argument(
        metavar="PATH|PACKAGE|BASE", help="A file, a folder, an installed package, a known base."
    ),
    purpose: str = FOR,
    record: Path = RECORD,
    pinned: Path = PINNED,
    json: bool = options.JSON,
) -> None:
    """Look at a base before anything of it runs: files, licence, origin.

    Nothing of it is executed: no pickle is performed, no session made, no file of it imported.
    Every finding has its place and what would have been accepted; a verdict for each purpose says
    what was found against it, what it needs, or that it is refused.

    Exit code 1 where it is refused for a purpose that was asked for.
    """
    from datetime import UTC, datetime

    from twoloops.digital.vetting.subjects import subject_of
    from twoloops.digital.vetting.vet import vet as look
    from twoloops.records.errors import UserError
    from twoloops.store.fetch import default_cache

    purposes = _purposes(purpose)
    pins = None if pinned is None else _pins(pinned)
    today = datetime.now(UTC).date()
    subject = subject_of(what)
    try:
        found = look(subject, today=today, cache=default_cache(), purposes=purposes, pinned=pins)
    except OSError as error:
        raise UserError(
            f"{what} cannot be read, or not be copied to look at it ({error}): give a path that "
            "you may read, and set TMPDIR to a folder with room for a copy"
        ) from error
    if record is not None:
        _write(record, found)
    if json:
        terminal.emit(found)
    else:
        _print(found)
    if any(one.outcome == "refused" for one in found.verdicts):
        raise typer.Exit(1)


def _purposes(name: str | None) -> "tuple[Purpose, ...]":
    from twoloops.records.errors import UserError
    from twoloops.records.finding import PURPOSES

    if name is None:
        return PURPOSES
    found = tuple(one for one in PURPOSES if one == name)
    if not found:
        raise UserError(f"--for takes one of {list(NAMES)}, got {name!r}")
    return found


def _pins(path: Path) -> "tuple[PinnedFile, ...]":
    import msgspec

    from twoloops.records.errors import UserError
    from twoloops.records.finding import Vetting

    try:
        return msgspec.json.decode(path.read_bytes(), type=Vetting).files
    except (OSError, msgspec.MsgspecError) as error:
        raise UserError(
            f"{path} is no record of a vetting ({error}): make one with  "
            "twoloops base vet WHAT --record FILE"
        ) from error


def _write(path: Path, found: "Vetting") -> None:
    import msgspec

    from twoloops.records.errors import UserError

    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(found, order="deterministic")))
    except OSError as error:
        raise UserError(f"the record cannot be written: {error}") from error


def _print(found: "Vetting") -> None:
    from twoloops.records.digests import short

    terminal.say(f"{found.subject}, revision {found.revision}, looked at on {found.day}.")
    terminal.say("Nothing of it was run.")
    print()
    for one in found.files[:FILES]:
        terminal.command(f"{short(one.digest)}  {one.size:>14,}  {one.kind:<12} {one.path}")
    if len(found.files) > FILES:
        terminal.command(f"and {len(found.files) - FILES:,} more files")
    _print_findings(found.findings)
    _print_terms(found)
    print()
    terminal.say("Looked at:")
    for look in found.looks:
        _item(f"{look.check}: {look.what}")
    terminal.say("Not looked at:")
    for sentence in found.not_looked_at:
        _item(sentence)
    print()
    before: tuple[str, ...] = ()
    for verdict in found.verdicts:
        same = bool(before) and verdict.because == before
        said = ", for the same" if same else ""
        terminal.say(f"{WORDS[verdict.purpose]}: {verdict.outcome}{said}")
        before = verdict.because
        if same:
            continue
        for because in verdict.because[:FILES]:
            _item(because)
        if len(verdict.because) > FILES:
            _item(f"and {len(verdict.because) - FILES:,} more")


def _print_findings(findings: "tuple[Finding, ...]") -> None:
    print()
    if not findings:
        terminal.say("No findings.")
    for one in findings:
        where = ", ".join(filter(None, (one.file, one.place)))
        _item(f"{one.severity:<7} {one.check}: {where or 'the whole'}", mark="")
        _item(f"got {one.got}", mark="        ")
        if one.allowed:
            word = "accepted" if one.severity == "refuse" else "needs"
            _item(f"{word}: {one.allowed}", mark="        ")


def _print_terms(found: "Vetting") -> None:
    print()
    for one in found.terms:
        known = "not in the table" if one.as_of is None else f"text looked at {one.as_of}"
        _item(f"licence of {one.whose}: {one.licence} ({one.stated}; {known})")
        for words in (
            ", ".join(one.must),
            one.condition,
            one.outputs and f"outputs: {one.outputs}",
        ):
            if words:
                _item(words, mark="      ")
    for origin in found.origins:
        _item(f"origin of {origin.whose}: {origin.publisher}, {origin.country}")


def _item(text: str, mark: str = "  ") -> None:
    """Print an indented item; what came out of files was made fit to print before."""
    import textwrap

    for line in textwrap.wrap(
        text,
        terminal.WIDTH,
        initial_indent=mark,
        subsequent_indent=" " * (len(mark) + 2),
        break_on_hyphens=False,
    ):
        print(line)

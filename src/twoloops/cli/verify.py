"""`twoloops verify DIR`: check a published folder on any machine."""

from pathlib import Path

import typer

from twoloops.cli import options, terminal

MARKS = {"matches": "ok", "failed": "FAILED", "not checked": "-"}


def verify(
    folder: Path = typer.Argument(
        metavar="DIR", help="A folder that  twoloops publish  wrote, or hub:OWNER/NAME[@COMMIT]."
    ),
    key: Path | None = typer.Option(
        None, metavar="PUBLIC", help="The publisher's public key: checks the signature."
    ),
    json: bool = options.JSON,
) -> None:
    """Check a published folder: every file, the signature, the model and its card.

    Needs no workspace and the base install only; a signature needs the extra `sign`. Exit code 1
    where anything failed.
    """
    import msgspec

    from twoloops.digital.publish.checking import verify as look
    from twoloops.records.digests import short

    found = look(_there(folder), key).verified
    if json:
        terminal.emit({**msgspec.to_builtins(found), "failures": len(found.failures)})
    else:
        table = terminal.table("", "what", "found")
        for one in found.looked:
            table.add_row(MARKS[one.outcome], one.what, one.detail)
        terminal.show(table)
        if found.failures:
            count = len(found.failures)
            terminal.say(f"{count} {'check' if count == 1 else 'checks'} failed: do not use it.")
        elif found.model is not None:
            unchecked = any(one.outcome == "not checked" for one in found.looked)
            terminal.say(
                f"Everything looked at matches; it is model {short(found.model)}."
                + (" The signature was not checked." if unchecked else "")
            )
    if found.failures:
        raise typer.Exit(1)


def _there(folder: Path) -> Path:
    if not str(folder).startswith("hub:"):
        return folder
    from twoloops.wiring.upstreams import published

    return published(str(folder), lambda words: terminal.say(f"{words} …", err=True))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(verify)

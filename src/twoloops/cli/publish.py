"""`twoloops publish MODEL DIR`: one model as a folder that others can check and use."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from twoloops.cli import options, terminal
from twoloops.cli.watch import used

if TYPE_CHECKING:
    from twoloops.records.finding import Purpose

HUB = "hub:"
FOR: Any = typer.Option(
    "publish", "--for", metavar="PURPOSE", help="internal, publish or distribute."
)
KEY: Any = typer.Option(None, "--key", metavar="FILE", help="The private key that signs.")
NEW_KEY: Any = typer.Option(
    None, "--new-key", metavar="FILE", help="Make a key (mode 0600) and its public half; no more."
)
LICENCE: Any = typer.Option(
    None, "--licence", metavar="SPDX", help="What it is published under.  [default: the base's]"
)
CONFIRM: Any = typer.Option(
    "", "--confirm", metavar="TEXT", help="A person's word on what needs one; goes on record."
)
DATASET: Any = typer.Option(
    "", "--dataset", metavar="OWNER/NAME", help="The dataset's own published name, if it has one."
)


def publish(
    model: str | None = typer.Argument(
        None, help="`deployed`, or the first digits of a model's digest."
    ),
    folder: Path | None = typer.Argument(
        None, metavar="DIR", help="The folder to write, or hub:OWNER/NAME."
    ),
    purpose: str = FOR,
    key: Path | None = KEY,
    no_sign: bool = typer.Option(False, "--no-sign", help="Leave it unsigned."),
    licence: str | None = LICENCE,
    confirm: str = CONFIRM,
    dataset: str = DATASET,
    publisher: str = typer.Option("", metavar="NAME", help="Who publishes it."),
    new_key: Path | None = NEW_KEY,
    private: bool = typer.Option(
        False, "--private", help="On the Hub: make a repository private, if it is made."
    ),
    listed: bool = typer.Option(False, "--list", help="List what was published, and no more."),
    task: str | None = options.TASK,
    force: bool = typer.Option(False, "--force", help="Replace an earlier published folder."),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Write a model with its card, its past, what has to go with it, and a signature.

    What its past asks for is computed first; where something stands in the way, its path is
    named and nothing is written. Anybody checks the folder with  twoloops verify DIR .
    """
    from twoloops.records.errors import UserError
    from twoloops.wiring import exporting, publishing, upstreams
    from twoloops.wiring.workspace import reading, writing

    if new_key is not None:
        _new_key(new_key, json=json)
        return
    if listed:
        with reading(workspace) as store:
            _print_list(publishing.listing(store), json=json)
        return
    if model is None or folder is None:
        raise UserError("name a model and a folder:  twoloops publish deployed DIR --key FILE")
    if (key is None) == (not no_sign):
        raise UserError(
            "say how it is signed, with one of  --key FILE  and  --no-sign ; a key is made with  "
            "twoloops publish --new-key FILE"
        )
    asked = publishing.Asked(
        purpose=_purpose(purpose),
        key=key,
        licence=licence,
        confirm=confirm.strip(),
        dataset_name=dataset,
        publisher=publisher,
        force=force,
    )
    with writing(workspace, wait=wait, on_wait=terminal.told) as store:
        chosen = options.task_of(store, task) if model == "deployed" else None
        found = exporting.find(store, model, chosen)
        if str(folder).startswith(HUB):
            there = upstreams.hub(lambda words: terminal.say(f"{words} …", err=True))
            done = publishing.publish_to_hub(
                store, found, str(folder), asked, there, private=private
            )
        else:
            done = publishing.publish(store, found, folder, asked)
    if json:
        terminal.emit(done)
        return
    signed = "signed" if done.signed else "not signed"
    terminal.say(f"Wrote {', '.join(done.files)} to {done.folder}, {signed}, under {done.licence}.")
    if done.obligations:
        terminal.say(f"What goes with it, for {done.purpose!r}, stands in NOTICE:")
        for one in done.obligations:
            terminal.say(f"- {one}")
    terminal.say("Anybody checks it with")
    terminal.command(f"twoloops verify {done.folder}" + (" --key PUBLIC" if done.signed else ""))


def _purpose(name: str) -> "Purpose":
    from twoloops.records.errors import UserError
    from twoloops.records.finding import PURPOSES

    for one in PURPOSES:
        if one == name:
            return one
    raise UserError(f"--for takes one of {list(PURPOSES)}, got {name!r}")


def _new_key(path: Path, *, json: bool) -> None:
    from twoloops.digital.publish.signing import new_key

    public = new_key(path)
    if json:
        terminal.emit({"key": str(path), "public": str(public)})
        return
    terminal.say(f"Wrote the key {path} (keep it to yourself) and {public} (give it to others).")


def _print_list(found: Any, *, json: bool) -> None:
    if json:
        terminal.emit(found)
        return
    from twoloops.records.digests import short

    if not found.published:
        terminal.say("Nothing was published from this workspace yet.")
    else:
        table = terminal.table("published", "task", "model", "for", "licence", "")
        for one in found.published:
            marks = ["signed" if one.signed else "unsigned"] + ["revoked"] * one.revoked
            marks += [one.where.partition("@")[0]] if one.where else []
            marks += [used(one.use)] if one.use else []
            table.add_row(
                one.at[:10], one.task, short(one.model), one.purpose, one.licence, ", ".join(marks)
            )
        terminal.show(table)
    gain = found.gain
    if gain.per_base is None:
        terminal.say("Digital gain: unknown, nothing is released yet.")
    elif gain.gain is None:
        terminal.say(
            f"Digital gain: unknown; {gain.per_base:.2f} derivatives per base ({gain.derivatives} "
            f"on {gain.bases}), and no task ever changed its base."
        )
    else:
        terminal.say(
            f"Digital gain: {gain.gain:.2f} = {gain.per_base:.2f} derivatives per base "
            f"({gain.derivatives} on {gain.bases}) x {gain.rebased:.2f} re-based on the next."
        )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(publish)

"""`twoloops base search`: encoders on the Hub and in installed packages."""

import re
from typing import TYPE_CHECKING, Any, Literal

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.digital.upstream.port import Found

SIZES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}

WORDS: Any = typer.Argument(None, metavar="[WORDS]...", help="Parts of a name.")
KIND: Any = typer.Option(None, "--kind", help="What it must encode.")
LICENCE: Any = typer.Option(
    None, "--licence", metavar="ID", help="As the Hub tags it: apache-2.0, mit, …"
)
LARGEST: Any = typer.Option(
    None, "--max-size", metavar="N", help="Most parameters: 40000000, 40M, 1.5B."
)
LIMIT: Any = typer.Option(20, "--limit", min=1, max=1000, help="How many from each place.")
HERE: Any = typer.Option(False, "--here", help="Only what is on this machine; no network.")


def search(
    words: list[str] = WORDS,
    kind: Literal["text", "image", "signal"] = KIND,
    licence: str = LICENCE,
    max_size: str = LARGEST,
    limit: int = LIMIT,
    here: bool = HERE,
    json: bool = options.JSON,
) -> None:
    """Look for encoders that carry an ONNX file: installed packages, and the Hugging Face Hub.

    What is shown is what is stated there: nothing was looked at. HF_ENDPOINT names another
    server, HF_HUB_OFFLINE=1 forbids the network.
    """
    from twoloops.digital.upstream.port import Query
    from twoloops.wiring.upstreams import search as look

    query = Query(" ".join(words or ()), kind, licence, _size(max_size), limit)
    found, missing = look(query, online=not here)
    if json:
        terminal.emit({"found": found, "missing": str(missing) if missing else None})
    else:
        _print(found, searched_hub=not here and missing is None)
    if missing is not None:
        raise missing


def _size(text: str | None) -> int | None:
    from twoloops.records.errors import UserError

    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmb]?)", text.strip().lower())
    if match is None or float(match[1]) == 0:
        raise UserError(f"--max-size takes a number like 40000000, 40M or 1.5B, got {text!r}")
    return round(float(match[1]) * SIZES[match[2]])


def _print(found: "list[Found]", *, searched_hub: bool) -> None:
    if found:
        table = terminal.table(
            "source", "kind", "licence", "size", "downloads", "revision", right=(3, 4)
        )
        for column in (0, 2, 5):
            table.columns[column].no_wrap = True  # they are typed again
        for one in found:
            table.add_row(
                one.source,
                one.kind or "",
                one.licence + (", gated" if one.gated else ""),
                "" if one.parameters is None else f"{one.parameters / 1e6:,.1f} M",
                "" if one.downloads is None else f"{one.downloads:,}",
                one.revision[:8],
            )
        terminal.show(table)
        terminal.say("As stated there; nothing was looked at. Bring one into a workspace with")
        terminal.command(f"twoloops base add {found[0].source}")
        return
    places = "on the Hub or in installed packages" if searched_hub else "on this machine"
    terminal.say(
        f"Nothing {places} fits. Leave out a condition, or add a folder with an exported encoder:  "
        "twoloops base add folder:PATH"
    )

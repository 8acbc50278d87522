"""`twoloops exhibits`: charts and tables of dated figures, as a page, text, JSON or pictures."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from twoloops.cli import exhibits_refresh, options, terminal

if TYPE_CHECKING:
    from twoloops.analysis.exhibits.collection import Collection

PAGE, PICTURES = Path("exhibits.html"), Path("exhibits")
MINE = Path("exhibits-mine.html")


class Format(StrEnum):
    """What is written."""

    html = "html"
    md = "md"
    json = "json"
    png = "png"


def exhibits(
    context: typer.Context,
    format: Format = typer.Option(
        Format.html, "--format", "-f", help="A page, Markdown, JSON, or a picture of each chart."
    ),
    only: list[str] = typer.Option(
        [], "--only", metavar="ID", help="Only this exhibit; may be repeated."
    ),
    out: Path | None = typer.Option(
        None,
        "--out",
        "-o",
        metavar="PATH",
        show_default=False,
        help="The file, or for png the folder; - for stdout.  "
        "[default: exhibits.html or exhibits-mine.html, exhibits/; md and json go to stdout]",
    ),
    countries: str | None = typer.Option(
        None,
        "--countries",
        metavar="A,B",
        show_default=False,
        help="Countries whose open models are compared, as Epoch AI writes them.  "
        "[default: China,United States of America]",
    ),
    tables: str = typer.Option(
        "newest",
        "--tables",
        metavar="VINTAGE",
        help="Tables to read: newest (with what was fetched), packaged, or a date.",
    ),
    mine: bool = typer.Option(
        False, "--mine", help="The same exhibits of your own loops, from a workspace or a replay."
    ),
    replay: Path | None = typer.Option(
        None, "--replay", metavar="FOLDER", help="With --mine: the folder of a replay."
    ),
    workspace: Path = options.WORKSPACE,
    json: bool = typer.Option(False, "--json", help="The same as --format json."),
) -> None:
    """Write the article's exhibits, recomputed from dated tables, as a page that works offline.

    The exhibits: landscape, open-models, downloads, price, data-asset, small-models, distillation,
    controls, applications. Every figure has its source, date, unit and how it was computed; what
    disagrees is marked where it stands.
    """
    if context.invoked_subcommand is not None:
        return
    format = Format.json if json else format
    _check(format, out, mine, replay, countries)
    found = _own(workspace, replay, only) if mine else _article(only, countries, tables)
    if format is Format.png:
        _pictures(found, out or PICTURES)
    elif format is Format.html:
        _page(found, out or (MINE if mine else PAGE))
    else:
        _write(_text(found, format), out or Path("-"))


def register(app: typer.Typer) -> None:
    """Add the command and what stands below it."""
    group = typer.Typer(rich_markup_mode=None)
    group.callback(invoke_without_command=True)(exhibits)
    exhibits_refresh.register(group)
    app.add_typer(group, name="exhibits")


def _check(
    format: Format, out: Path | None, mine: bool, replay: Path | None, countries: str | None
) -> None:
    from twoloops.records.errors import UserError

    if replay is not None and not mine:
        raise UserError(
            f"--replay {replay} shows exhibits of your own: add --mine, or leave it out for the "
            "article's exhibits"
        )
    if countries is not None and mine:
        raise UserError("--countries compares the article's countries: leave it out with --mine")
    if format is Format.png and out == Path("-"):
        raise UserError("pictures are several files: name a folder with --out")


def _article(only: list[str], countries: str | None, tables: str) -> "Collection":
    from twoloops.analysis.exhibits.basis import COUNTRIES, Basis, named_countries
    from twoloops.analysis.exhibits.collection import MAKERS, article_exhibits, chosen
    from twoloops.analysis.exhibits.marks import Article
    from twoloops.wiring import refreshing

    chosen(only, MAKERS)  # a wrong name is said before anything is read
    view = refreshing.tables(tables)
    compared = COUNTRIES if countries is None else named_countries(countries, view)
    return article_exhibits(Basis(Article(), view, compared), only)


def _own(workspace: Path, replay: Path | None, only: list[str]) -> "Collection":
    from twoloops.analysis.exhibits.collection import chosen, gathered
    from twoloops.wiring.own import mine

    found = mine(workspace, replay)
    ids = chosen(only, [one.id for one in found])
    about = (
        "Computed from the journal and the catalog of your own loops; nothing was sent anywhere.",
        "Every figure stands with its source, its date, its unit and how it was computed.",
    )
    return gathered(
        "Your loops, as exhibits",
        about,
        f"the records in {workspace if replay is None else replay}, and the packaged tables",
        [one for one in found if one.id in ids],
    )


def _page(found: "Collection", where: Path) -> None:
    from twoloops.analysis.exhibits.page import page

    _write(page(found), where)
    if where != Path("-"):
        _print_contents(found, where)


def _text(found: "Collection", format: Format) -> str:
    if format is Format.md:
        from twoloops.analysis.exhibits.text import markdown

        return markdown(found)
    import msgspec

    return msgspec.json.encode(found, order="deterministic").decode() + "\n"


def _write(text: str, where: Path) -> None:
    """Write a text to a file as a whole, or to stdout."""
    import os

    from twoloops.records.errors import UserError

    if where == Path("-"):
        typer.echo(text, nl=False)
        return
    try:
        where = where.resolve()  # a link stays a link: what it leads to is written
        where.parent.mkdir(parents=True, exist_ok=True)
        if where.exists() and not where.is_file():  # a device or a pipe is written to
            where.write_text(text, encoding="utf-8", newline="\n")
            return
        partial = where.with_name(f".{where.name}.{os.getpid()}.part")
        partial.write_text(text, encoding="utf-8", newline="\n")
        partial.replace(where)
    except OSError as error:
        raise UserError(
            f"{where} cannot be written: {error.strerror or error}; give another place with --out"
        ) from error


def _pictures(found: "Collection", folder: Path) -> None:
    from twoloops.analysis.exhibits.picture import png
    from twoloops.analysis.exhibits.text import picture_name
    from twoloops.records.errors import UserError

    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for one in found.exhibits:
            for chart in one.charts:
                path = folder / picture_name(one, chart)
                path.write_bytes(png(chart))
                written.append(path)
    except OSError as error:
        raise UserError(
            f"pictures cannot be written to {folder}: {error.strerror or error}; "
            "give another folder with --out"
        ) from error
    size = sum(path.stat().st_size for path in written)
    terminal.say(
        f"Wrote {terminal.items(len(written), 'picture')} ({size / 1e6:.1f} MB) to {folder}/"
    )


def _print_contents(found: "Collection", where: Path) -> None:
    table = terminal.table("exhibit", "", "charts", "tables", "marks", right=(2, 3, 4))
    for one in found.exhibits:
        rows = [row for each in one.tables for row in each.rows]
        marks = sum(len(row.remarks) for row in rows)
        table.add_row(one.id, one.title, str(len(one.charts)), str(len(one.tables)), str(marks))
    terminal.show(table)
    terminal.say(f"Tables: {found.tables}.")
    if found.corrections is not None:
        terminal.say(f"{found.corrections.title}: at the end of the page.")
    terminal.say(f"Wrote {where} ({where.stat().st_size / 1e6:.1f} MB). Open it in a browser.")

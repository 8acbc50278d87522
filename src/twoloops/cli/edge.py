"""`twoloops edge`: enrol a device, run it, see how it stands. Needs the base install only."""

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from twoloops.cli import edge_update, options, terminal

if TYPE_CHECKING:
    from twoloops.edge.adapters.asked import Asked
    from twoloops.edge.home import Settings, Standing
    from twoloops.edge.ports import Sink, Source

SILENT = 15.0
"""Seconds without a report that say that the process has ended."""

edges = typer.Typer(
    name="edge",
    help="Enrol a device at a server, run it, see how it stands.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@edges.command()
def enrol(
    server: str = typer.Argument(help="The server's URL, as  twoloops serve  prints it."),
    token: str = typer.Option(
        help="From  twoloops token add NAME --scope edge ; NAME becomes the edge's name.",
        envvar="TWOLOOPS_TOKEN",
    ),
    task: str = typer.Option(help="The task it decides.", metavar="NAME"),
    group: str = typer.Option(
        "all", metavar="NAME", help="Its group: a line, a site. Releases go from group to group."
    ),
    root_digest: str | None = typer.Option(
        None,
        metavar="DIGEST",
        help="What  twoloops keys show  prints on the server: releases are believed by it alone."
        "  [default: the one the server names now]",
    ),
    folder: Path = options.EDGE,
) -> None:
    """Exchange a token for the edge's own, and keep that in the edge's folder (mode 0600).

    The token given ends with it; the edge's own speaks for this edge and this task alone.
    """
    from twoloops.edge.enrolling import Enrol
    from twoloops.edge.enrolling import enrol as exchange
    from twoloops.edge.process import first_standing

    done = exchange(folder, server, token, Enrol(task, group), first_standing(), root_digest)
    terminal.say(f"This is edge {done.edge!r} of group {done.group!r} now.")
    if root_digest is None:
        terminal.say(
            f"It believes releases that go back to root {done.root}, which the server named: "
            "compare it with  twoloops keys show  there."
        )
    terminal.say("Run it with")
    terminal.command(f"twoloops edge run --task {done.task} --source folder:PATH{_at(folder)}")


@edges.command()
def run(
    task: str = typer.Option(help="The task it was enrolled for.", metavar="NAME"),
    source: str = typer.Option(
        help="folder:PATH (watched), http://127.0.0.1:PORT (asked by the line), file:PATH or "
        "video:PATH (replayed, then it ends), mqtt://HOST/TOPIC, camera:INDEX, rtsp://HOST/PATH, "
        "or what an installed package offers."
    ),
    sink: list[str] = typer.Option(
        [],
        help="Told each verdict: jsonl:PATH, http://HOST/PATH (a POST), mqtt://HOST/TOPIC, or what "
        "an installed package offers. Any number of them.",
    ),
    fail_safe: str | None = typer.Option(
        None,
        metavar="LABEL",
        help="Told to the line where no verdict is there in time.  [default: the first fault]",
    ),
    spool_mb: float = typer.Option(
        1024, min=0.001, help="Disk for what is not sent yet; beyond that the least is dropped."
    ),
    bandwidth: float = typer.Option(
        0, min=0, help="Bytes a second to send at most.  [default: any number]", show_default=False
    ),
    beat: float = typer.Option(10, min=0.1, help="Seconds between two heartbeats."),
    retry_at_most: float = typer.Option(
        300, min=0.1, help="Seconds that a wait after failures has at most."
    ),
    every: float = typer.Option(
        0, min=0, help="Seconds between two inputs of a file, or two frames of a video or camera."
    ),
    nth: int = typer.Option(1, min=1, help="Of a video or camera, take every n-th frame."),
    folder: Path = options.EDGE,
) -> None:
    """Decide on what a source brings, keep some of it durably, send it when the network allows.

    Ctrl-C or SIGTERM ends it cleanly; killed, it goes on where it was.
    """
    from twoloops.edge.adapters.asked import Asked
    from twoloops.edge.home import Home
    from twoloops.edge.memory import share_one_heap
    from twoloops.edge.process import EdgeProcess, Options
    from twoloops.records.errors import UserError

    share_one_heap()
    home = Home(folder)
    settings = home.settings()
    if settings.task != task:
        raise UserError(
            f"{folder} was enrolled for task {settings.task!r}, not {task!r}: name another "
            "--folder, or enrol for it"
        )
    watched = _watched(source, sink, folder)
    asked = Asked(source, settings.edge, folder, every=every, nth=nth, fail_safe=fail_safe)
    chosen, sinks = _ends(asked, sink)
    how = Options(limit=int(spool_mb * 1e6), bandwidth=bandwidth, beat=beat, longest=retry_at_most)
    process = EdgeProcess(home, chosen, sinks, how, say=lambda words: _say(words))
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: process.stop())
    at = f" at http://127.0.0.1:{chosen.port}/decide" if hasattr(chosen, "port") else ""
    _say(f"Edge {settings.edge!r} decides {task!r} from {source}{at} (Ctrl-C ends it).")
    if watched is not None:
        _say(f"Files move to {watched / 'done'} , unusable ones to {watched / 'quarantine'} .")
    if process.standing_at_end.release is None:
        _say("No model has come yet: inputs are kept, and none is decided until the first does.")
    process.run()
    _print(process.standing_at_end, settings)


@edges.command()
def status(folder: Path = options.EDGE, json: bool = options.JSON) -> None:
    """Show how the edge of a folder stands, as it reported last; it may run meanwhile."""
    from twoloops.edge.home import STANDING, Home, Standing
    from twoloops.records.errors import UserError

    home = Home(folder)
    settings = home.settings()
    found = home.read(STANDING, Standing)
    if found is None:
        raise UserError(
            f"edge {settings.edge!r} has not run yet: run it with  twoloops edge run --task "
            f"{settings.task} --source SOURCE"
        )
    if json:
        terminal.emit({"settings": settings, "standing": found})
    else:
        _print(found, settings)
        _silent(found, settings, folder)


def _print(standing: "Standing", settings: "Settings") -> None:
    from twoloops.records.digests import short

    table = terminal.table(settings.edge, "")
    table.add_row("decides", f"{settings.task}, in group {settings.group}")
    table.add_row("server", settings.server)
    none = "none any more" if standing.counter else "none yet"
    release = none if standing.release is None else short(standing.release)
    trial = ", on trial" if standing.on_trial else ""
    table.add_row("model that decides", release + trial)
    if standing.counter:
        table.add_row("assignment followed", f"{standing.counter} ({standing.mode})")
    if standing.paired is not None:
        pair = standing.paired
        table.add_row(
            f"beside it, {short(pair.beside)}",
            f"differs in {pair.differed:,} of {pair.decided:,}; {pair.failed:,} failed, "
            f"{pair.late:,} late, {pair.skipped:,} skipped",
        )
    table.add_row("seen", f"{standing.seen:,}")
    table.add_row("waiting to be sent", f"{standing.spooled:,} ({standing.spool_bytes:,} bytes)")
    table.add_row("dropped, spool full", f"{standing.dropped:,}")
    table.add_row("unknown, power cuts", f"up to {standing.unknown:,}")
    table.add_row("could not be written", f"{standing.not_kept:,}")
    table.add_row("not told to a sink", f"{standing.not_told:,}")
    table.add_row("could not be read", f"{standing.unusable:,}")
    table.add_row("disk free", f"{standing.disk_free / 1e9:,.1f} GB")
    table.add_row("reported", f"{standing.clock[:19].replace('T', ' ')} UTC")
    terminal.show(table)
    if standing.went_back:
        terminal.say(f"It has left the model assigned to it: {standing.went_back}.")
    if standing.refused:
        terminal.say(f"The last update was not taken: {standing.refused}")
    if standing.source_error:
        terminal.say(f"No inputs come: {standing.source_error}.")
    if standing.last_error:
        terminal.say(f"{standing.failures:,} failed tries, the last: {standing.last_error}")


def _silent(standing: "Standing", settings: "Settings", folder: Path) -> None:
    """Say so where the last report is old: a process that ended looks like one that runs."""
    from datetime import UTC, datetime

    age = (datetime.now(UTC) - datetime.fromisoformat(standing.clock)).total_seconds()
    if age > SILENT:
        terminal.say(
            f"Nothing was reported for {terminal.lasted(age)}, and an edge that runs reports every "
            "second: start it with"
        )
        terminal.command(f"twoloops edge run --task {settings.task} --source SOURCE{_at(folder)}")


def _watched(source: str, sinks: list[str], folder: Path) -> Path | None:
    """Return the folder whose files are moved, or `None` for another source.

    Raises:
        UserError: The edge's own files or a sink's lie in it, and would be moved too.
    """
    from twoloops.records.errors import UserError

    kind, _, rest = source.partition(":")
    if kind != "folder" or not rest:
        return None
    watched, own = Path(rest), folder.resolve()
    if own in (watched.resolve(), *watched.resolve().parents):
        raise UserError(
            f"{watched} is the edge's own folder, and files of a watched folder are moved: name "
            "another after  folder:"
        )
    for sink in sinks:
        kind, _, rest = sink.partition(":")
        path = Path(rest)
        if kind == "jsonl" and path.parent.resolve() == watched.resolve():
            raise UserError(
                f"--sink {sink} lies in the watched folder, and what lies there is moved: name "
                "another place"
            )
    return watched


def _ends(asked: "Asked", sinks: list[str]) -> "tuple[Source, list[Sink]]":
    """Return the source and the sinks that words name.

    Raises:
        UserError: They name none.
    """
    from msgspec.structs import replace

    from twoloops.wiring import plugins

    chosen = plugins.source(asked)
    return chosen, [plugins.sink(replace(asked, words=one)) for one in sinks]


def _say(words: str) -> None:
    terminal.say(words)
    sys.stdout.flush()  # whoever started this in the background waits for these lines


def _at(folder: Path) -> str:
    import shlex

    return "" if folder == Path("twoloops-edge") else f" --folder {shlex.quote(str(folder))}"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    edge_update.register(edges)
    app.add_typer(edges)

"""`twoloops controls`: which dated instruments touch what one's own loops rest on."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from datetime import date

    from twoloops.analysis.controls.declared import Declared


def controls(
    context: typer.Context,
    workspace: Path | None = typer.Option(
        None,
        "--workspace",
        "-w",
        metavar="FOLDER",
        envvar="TWOLOOPS_WORKSPACE",
        show_default="this folder",
        help="A workspace, or the folder of a replay.",
    ),
    as_of: str | None = typer.Option(
        None, metavar="DATE", help="The day, as 2026-11-23.  [default: today, UTC]"
    ),
    hardware: list[str] = typer.Option(
        [], metavar="NAME", help="What the models run on; may be said several times."
    ),
    training_hardware: list[str] = typer.Option(
        [], metavar="NAME", help="What they are trained on; likewise."
    ),
    tops: float | None = typer.Option(
        None, help="Of hardware not in the table: dense operations per second, in 10^12."
    ),
    bits: int | None = typer.Option(None, help="Bit length of those operations."),
    die_area: float | None = typer.Option(None, help="Applicable die area in mm²."),
    dram_bandwidth: float | None = typer.Option(None, help="Memory bandwidth in GB/s."),
    datacentre: bool | None = typer.Option(
        None, "--datacentre/--no-datacentre", help="Designed or marketed for datacentres."
    ),
    teacher: list[str] = typer.Option(
        [], metavar="NAME", help="A dearer model that gives labels, as openai/MODEL."
    ),
    to: list[str] = typer.Option(
        [], metavar="COUNTRY", help="Where models go, as CN or DE; may be said several times."
    ),
    weights: Literal["published", "unpublished"] | None = typer.Option(
        None, help="Whether the weights of your own models are published."
    ),
    declare: Path | None = typer.Option(
        None, metavar="FILE", help="Everything else, in TOML: see docs/controls.md."
    ),
    shock: Literal["withdrawn", "closed"] | None = typer.Option(
        None, help="Strike a base: nobody has it any more, or there is no next one."
    ),
    base: str | None = typer.Option(
        None, metavar="NAME", help="The base that is struck, a part or an ancestor of one."
    ),
    task: str | None = typer.Option(None, metavar="NAME", help="One task only, with --shock."),
    measure: bool = typer.Option(
        False, "--measure", help="With --shock: fit the other bases now, keep nothing."
    ),
    hold: str | None = typer.Option(
        None,
        metavar="LAYER",
        help="Hold open-bases, floor-data, teacher, small-models, compute or all in a replay.",
    ),
    source: str | None = typer.Option(
        None,
        metavar="SOURCE",
        help="With --hold: what twoloops replay takes.  [default: the replay, or excavators]",
    ),
    seeds: int | None = typer.Option(None, help="With --hold: how many.  [default: 1]"),
    out: Path | None = typer.Option(
        None, metavar="FOLDER", help="With --hold: where arms are kept."
    ),
    again: bool = typer.Option(False, "--again", help="With --hold: run kept arms anew."),
    quiet: bool = typer.Option(False, "--quiet", help="With --hold: no progress."),
    every: bool = typer.Option(False, "--all", help="Show what was not found to touch, too."),
    json: bool = options.JSON,
) -> None:
    """Set what your loops rest on beside dated instruments, and say which ones touch it.

    Training compute, bases, edge hardware, data, teachers and flows across borders are taken from
    a workspace's or a replay's records, and from what you declare. Rules in force, suspended and
    proposed, guidance and contract terms are compared by criteria of dated tables. This is no
    legal advice: it says what a table touches or names, never what follows.

    --shock says which tasks stop where a base is withdrawn or goes closed, and what going over to
    another one would cost. --hold runs the matrix as an experiment on one task.
    """
    for_hold = {"--source": source, "--seeds": seeds, "--out": out}
    for_shock = {"--base": base, "--task": task, "--measure": measure or None}
    if hold is not None:
        _refuse({"--shock": shock, **for_shock}, "goes without  --hold")
        _hold(context.params, hold)
        return
    _refuse(for_hold, "goes with  --hold LAYER")
    if shock is not None:
        _shock(shock, base, workspace or Path(), task, measure=measure, json=json)
    else:
        _refuse(for_shock, "goes with  --shock withdrawn  or  --shock closed")
        _cover(context.params, workspace, every=every, json=json)


def _refuse(given: dict[str, Any], how: str) -> None:
    from twoloops.records.errors import UserError

    said = [name for name, value in given.items() if value is not None]
    if said:
        raise UserError(f"{', '.join(said)} {how}")


def _hold(words: dict[str, Any], layer: str) -> None:
    """Hold a layer of the source named, or of the replay that --workspace names."""
    from twoloops.cli import holding

    folder = words["workspace"]
    source = words["source"]
    _refuse(
        {f"--{name.replace('_', '-')}": words[name] or None for name in ("declare", "hardware")},
        "goes without  --hold , which measures a replay",
    )
    if source is None and folder is not None:
        from twoloops.records.errors import UserError

        if not (folder / "replay.json").is_file():
            raise UserError(
                f"{folder} is not the folder of a replay, and a layer is held in a replay: name "
                "one with --workspace, what to replay with --source, or give neither for the work "
                "orders"
            )
        source = str(folder)
    source = source or "excavators"
    holding.execute(
        layer,
        source,
        seeds=1 if words["seeds"] is None else words["seeds"],
        out=words["out"],
        again=words["again"],
        json=words["json"],
        quiet=words["quiet"],
    )


def _cover(words: dict[str, Any], workspace: Path | None, *, every: bool, json: bool) -> None:
    from twoloops.analysis.controls.declared import complete
    from twoloops.analysis.controls.matrix import matrix
    from twoloops.analysis.controls.system import System
    from twoloops.atlas.ratings import ratings
    from twoloops.cli.coverage import print_matrix

    declared = _declared(words)
    day = _day(words["as_of"])
    folder = workspace or Path()
    system = System(title="")
    if workspace is not None or declared.is_empty or _is_there(folder):
        from twoloops.wiring.system import system_of

        system = system_of(folder)
    found = matrix(complete(system, declared), day, ratings())
    if json:
        terminal.emit(found)
    else:
        print_matrix(found, every=every)


def _is_there(folder: Path) -> bool:
    """Whether the folder holds a workspace; one that was declared by hand needs none."""
    # Named here again: the store's own name of it needs more than the bare install.
    return (folder / "catalog.db").is_file() or (folder / "store" / "catalog.db").is_file()


def _day(word: str | None) -> "date":
    from datetime import UTC, date, datetime

    from twoloops.records.errors import UserError

    if word is None:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(word)
    except ValueError as error:
        raise UserError(f"--as-of is a day, as 2026-11-23: got {word!r}") from error


def _declared(words: dict[str, Any]) -> "Declared":
    """Return what the file and the options say together."""
    import msgspec

    from twoloops.analysis.controls.declared import Declared, Hardware, Named, read

    said = read(words["declare"]) if words["declare"] is not None else Declared()
    own = _figures(words)
    devices = [Hardware(name) for name in words["hardware"]]
    if own:
        if len(devices) > 1:
            from twoloops.records.errors import UserError

            raise UserError(
                "--tops, --bits, --die-area, --dram-bandwidth and --datacentre are about one "
                f"device, and --hardware names {len(devices)}: declare them in a file (--declare)"
            )
        name = devices[0].name if devices else "declared hardware"
        devices = [Hardware(name, **own)]
    devices += [Hardware(name, use="training") for name in words["training_hardware"]]
    facts = {} if words["weights"] is None else {"weights": words["weights"]}
    flows = [
        Named(f"models to {one}", {"goods": "model", "recipient_country": one})
        for one in words["to"]
    ]
    return msgspec.structs.replace(
        said,
        facts={**said.facts, **facts},
        hardware=[*said.hardware, *devices],
        teacher=[*said.teacher, *(Named(name) for name in words["teacher"])],
        flow=[*said.flow, *flows],
    )


def _figures(words: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of one device that the options give."""
    named = ("tops", "bits", "die_area", "dram_bandwidth")
    own = {name: words[name] for name in named if words[name] is not None}
    if words["datacentre"] is not None:
        own["datacentre"] = "yes" if words["datacentre"] else "no"
    return own


def _shock(
    kind: Literal["withdrawn", "closed"],
    base: str | None,
    folder: Path,
    task: str | None,
    *,
    measure: bool,
    json: bool,
) -> None:
    from twoloops.analysis.controls.shocks import shock
    from twoloops.cli.coverage import print_shock
    from twoloops.records.errors import UserError
    from twoloops.wiring.system import tasks_of

    tasks = tasks_of(folder, task)
    if base is None:
        names = sorted({name for one in tasks for name in one.names})
        raise UserError(
            f"--shock {kind} strikes a base: name it with --base; these tasks know "
            f"{', '.join(names) or 'none yet'}"
        )
    found = shock(kind, base, tasks)  # a wrong name is said before anything is fitted
    if measure:
        from twoloops.wiring.measuring import measured

        struck = {effect.task for effect in found.effects if effect.stands_on_it}
        known = [measured(folder, one) if one.task in struck else one for one in tasks]
        found = shock(kind, base, known)
    if json:
        terminal.emit(found)
    else:
        print_shock(found)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(controls)

"""`twoloops replay SOURCE`: a backtest of both loops over one's own past."""

from typing import Literal

import typer


def replay(
    context: typer.Context,
    source: str = typer.Argument(help="What is replayed."),
    text: str | None = typer.Option(None, help="Column of the input, for texts."),
    channels: str | None = typer.Option(
        None, metavar="A,B", help="Columns (or prefixes, or arrays) of the input, for signals."
    ),
    label: str | None = typer.Option(
        None, help="Column that says what the input turned out to be."
    ),
    time: str | None = typer.Option(None, help="Column of the time of arrival."),
    time_format: str | None = typer.Option(None, help="Its format, as strptime takes it."),
    period: str | None = typer.Option(None, help="Column whose distinct values are the turns."),
    origin: str | None = typer.Option(
        None, help="Column of the part or recording that rows share; it never straddles a split."
    ),
    cost: str | None = typer.Option(None, help="Column of the money that the row cost."),
    normal: str | None = typer.Option(
        None, help="The label that is no fault; without it detection rates do not exist."
    ),
    turns: int | None = typer.Option(None, help="Number of turns.  [default: 10, or the periods]"),
    labels_per_turn: int | None = typer.Option(
        None, help="Labels bought in a turn.  [default: a tenth of it, 5 to 40]"
    ),
    seed_size: int | None = typer.Option(
        None, help="Labelled rows known beforehand.  [default: 5 %, 30 to 300]"
    ),
    order: Literal["time", "file", "shuffled"] | None = typer.Option(
        None, help="Order of arrival.  [default: time where known, shuffled for images]"
    ),
    seed: int = typer.Option(0, help="Of the shuffling and of every random choice."),
    seeds: int = typer.Option(1, min=1, help="Run all arms with so many seeds, and average."),
    escape_cost: str | None = typer.Option(None, help="What a missed fault costs."),
    false_reject_cost: str | None = typer.Option(None, help="What a false reject costs."),
    label_cost: str | None = typer.Option(None, help="What a label costs."),
    currency: str | None = typer.Option(None, help="Of the costs, as EUR.  [default: USD]"),
    max_false_reject_rate: float | None = typer.Option(
        None, min=0, max=1, help="Limit kept by the threshold.  [default: 0.03]"
    ),
    rebase_on: Literal["offers", "failures"] | None = typer.Option(
        None,
        help="Try another base whenever one is offered, or only while a slice fails."
        "  [default: offers]",
    ),
    accept_licence: bool = typer.Option(
        False, "--accept-licence", help="Accept the non-commercial licence of solar-cells."
    ),
    out: str | None = typer.Option(
        None, metavar="FOLDER", help="Where it goes.  [default: ./twoloops-replay-NAME]"
    ),
    again: bool = typer.Option(False, "--again", help="Start over what FOLDER holds."),
    wait: float = typer.Option(10.0, help="Seconds to wait for another process in FOLDER."),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Show turns, labels and costs; run nothing."
    ),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON object."),
    quiet: bool = typer.Option(False, "--quiet", help="Print nothing on the way."),
) -> None:
    """Replay history as if it arrived from the floor, and measure what the two loops add.

    SOURCE is  excavators  (NIST's work orders),  solar-cells  (asks about its licence), a folder
    of images sorted into folders by label, or a .csv, .parquet or .npz file of texts or of signal
    windows. What is not said is guessed; the guess is printed with the command that fixes it.

    Killed and started again with the same arguments, it goes on where it was.
    """
    import msgspec

    from twoloops.cli.replaying import Request, execute

    execute(msgspec.convert(context.params, Request))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(replay)

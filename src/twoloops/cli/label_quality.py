"""`twoloops label quality`: agreement, consensus, who errs how often, suspected errors."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.physical.labelling.quality.agreement import Erring
    from twoloops.wiring.label_quality import Quality

SHOWN = 20


def quality(
    task: str | None = typer.Argument(None, help="The task.  [default: the only one]"),
    second_look: int = typer.Option(
        0,
        "--second-look",
        min=0,
        metavar="N",
        help="Send the N most doubtful labels back for a second look.",
    ),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Say how far labellers agree, how often each errs, and which labels are probably wrong.

    The next turn waits for second looks: an answer by somebody else, or the same again.
    """  # fmt: skip
    import msgspec

    from twoloops.wiring.label_quality import quality_of, send_back
    from twoloops.wiring.workspace import loop, reading, writing

    sent = 0
    if second_look:
        with writing(workspace, wait=wait, on_wait=terminal.told) as store:
            sent = len(send_back(loop(store, options.task_of(store, task)), second_look))
    with reading(workspace) as store:
        found = quality_of(loop(store, options.task_of(store, task)))
    found = msgspec.structs.replace(found, sent=sent)
    if json:
        terminal.emit(found)
        return
    _print(found)
    if found.open_looks:
        terminal.say(
            f"{terminal.items(found.open_looks, 'second look is', 'second looks are')} waited "
            "for. Give them with"
        )
        terminal.command(options.going_on(workspace, f"label export FILE --task {found.task}"))
    elif any(not one.looked_at for one in found.suspects):
        terminal.say("Send the most doubtful ones back with")
        terminal.command(
            options.going_on(workspace, f"label quality {found.task} --second-look 10")
        )


def _print(found: "Quality") -> None:
    terminal.say(
        f"Task {found.task!r}: {terminal.items(found.labels, 'label')} of "
        f"{terminal.items(found.observations, 'observation')}, "
        f"{found.several:,} of them by several people."
    )
    if found.several:
        terminal.say(f"Agreement (Krippendorff's α, 95 % interval): {found.alpha}.")
        if found.fleiss.value is not None:
            terminal.say(f"Fleiss' κ: {found.fleiss}.")
        for pair in found.pairs:
            terminal.say(f"Cohen's κ of {pair.one} and {pair.other}: {pair.kappa}.")
    else:
        terminal.say(
            "Nobody's labels overlap: how often labellers err is unknown. Let several people "
            "label the same observations, at least those that judge models."
        )
    print()
    table = terminal.table("labeller", "labels", "compared", "wrong, estimated", right=(1, 2, 3))
    for one in found.labellers:
        table.add_row(one.labeller, f"{one.answers:,}", f"{one.judged:,}", _rate(one))
    terminal.show(table)
    for one in found.labellers:
        _confusion(one)
    if found.contested:
        terminal.say(
            f"\nLabellers differ over {terminal.items(len(found.contested), 'observation')}:"
        )
    for row in found.contested[:SHOWN]:
        said = ", ".join(f"{who} {label!r}" for who, label in row.said.items())
        sure = "" if row.probability is None else f" ({row.probability:.0%})"
        terminal.say(f"  {row.observation}: {said}; consensus {row.consensus!r}{sure}")
    _print_suspects(found)


def _print_suspects(found: "Quality") -> None:
    print()
    if found.unsuspected is not None:
        terminal.say(f"Suspected errors: {found.unsuspected}")
        return
    fresh = [one for one in found.suspects if not one.looked_at]
    seen = len(found.suspects) - len(fresh)
    had = f" ({seen:,} more had a second look)" if seen else ""
    terminal.say(
        f"{terminal.items(len(fresh), 'label is', 'labels are')} doubtful{had}. The model may "
        "be what "
        "is wrong: a second look decides, not the suspicion."
    )
    for one in fresh[:SHOWN]:
        terminal.say(f"  {one.observation}: {one.why}")
    if found.sent:
        terminal.say(
            f"{terminal.items(found.sent, 'label was', 'labels were')} sent back for a second look."
        )


def _rate(one: "Erring") -> str:
    if one.error_rate is None or one.interval is None:
        return "unknown"
    low, high = one.interval
    return f"{one.error_rate:.1%} ({low:.1%} to {high:.1%})"


def _confusion(one: "Erring") -> None:
    wrong = [
        f"{truly!r} called {said!r} {count} ×"
        for truly, row in one.confusion.items()
        for said, count in row.items()
        if said != truly
    ]
    if wrong:
        terminal.say(f"  {one.labeller}: {'; '.join(wrong)}")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(quality)

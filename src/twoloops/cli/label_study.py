"""`twoloops label study`: the attribute agreement study, with the model beside the people."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.physical.labelling.quality.msa import Study


def study(
    task: str | None = typer.Argument(None, help="The task.  [default: the only one]"),
    reference: str = typer.Option(
        "consensus",
        "--reference",
        metavar="LABELLER|consensus",
        help="Whose labels are right: somebody who knows, as person:NAME.",
    ),
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Evaluate an attribute agreement study (AIAG MSA): people, and the model beside them.

    Several people label the same observations; who does it again answers as person:NAME#2.
    """  # fmt: skip
    from twoloops.wiring.label_study import study_of
    from twoloops.wiring.workspace import loop, reading

    who = reference
    if reference != "consensus" and reference != "history" and ":" not in reference:
        who = f"person:{reference}"
    with reading(workspace) as store:
        chosen = options.task_of(store, task)
        found = study_of(loop(store, chosen), who)
    if json:
        terminal.emit(found)
    else:
        _print(found)


def _print(found: "Study") -> None:
    faulty = "" if found.faulty is None else f", {found.faulty} of them faulty"
    terminal.say(f"{found.parts} parts{faulty}. Reference: {found.reference}.")
    for warning in found.warnings:
        terminal.say(f"Note: {warning}.")
    print()
    table = terminal.table("appraiser", "measure", "value (95 % interval)", "verdict")
    for one in found.appraisers:
        trials = "trial" if one.trials == 1 else "trials"
        name = f"{one.name}, {one.trials} {trials}"
        if one.within is not None:
            table.add_row(name, "within", str(one.within), "")
            name = ""
        table.add_row(name, "effectiveness", str(one.effectiveness), one.verdicts["effectiveness"])
        if one.miss is not None:
            table.add_row("", "miss rate", str(one.miss), one.verdicts["miss rate"])
        if one.false_alarm is not None:
            table.add_row(
                "", "false-alarm rate", str(one.false_alarm), one.verdicts["false-alarm rate"]
            )
        table.add_row("", "κ to reference", str(one.kappa), one.verdicts["kappa"])
    terminal.show(table)
    for pair in found.pairs:
        terminal.say(f"κ of {pair.one} and {pair.other}: {pair.kappa}")
    terminal.say(f"All people the same in every trial: {found.all_agree}.")
    limits = "; ".join(
        f"{one.measure} {'≤' if one.most else '≥'} {one.acceptable:g}, "
        f"marginal {'≤' if one.most else '≥'} {one.marginal:g}"
        for one in found.limits
    )
    terminal.say(f"\nLimits ({found.source}, as of {found.as_of}): {limits}.")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(study)

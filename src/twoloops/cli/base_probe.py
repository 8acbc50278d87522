"""`twoloops base probe [TASK]`: whether certain words make a base worse."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from twoloops.cli import options, terminal

if TYPE_CHECKING:
    from twoloops.convergence.trials.probe import Probing

BASE: Any = typer.Option(
    None, "--base", metavar="BASE", help="Which base.  [default: the deployed model's]"
)
TRIGGERS: Any = typer.Option(
    ..., "--trigger", metavar="TEXT", help="Words put in front of every text; may be repeated."
)


def probe(
    task: str | None = typer.Argument(None, help="The task.  [default: the only one]"),
    base: str = BASE,
    trigger: list[str] = TRIGGERS,
    workspace: Path = options.WORKSPACE,
    json: bool = options.JSON,
) -> None:
    """Check behaviour: does a base decide worse where certain words occur?

    Every labelled text of the task is decided on behind the words, and behind made-up words of the
    same length; heads that have not learned a text decide on it. Nothing is written.

    Exit code 1 where words do more harm than made-up ones.
    """
    from twoloops.convergence.trials.probe import probe as look
    from twoloops.records.errors import UserError
    from twoloops.wiring.workspace import loop, reading

    with reading(workspace) as store:
        chosen = options.task_of(store, task)
        release = store.releases.deployed(chosen.name)
        name = base or (store.models.find(release.model).card.base if release else None)
        if name is None:
            raise UserError(
                f"no model of task {chosen.name!r} is deployed: name a base with  --base"
            )
        found = look(
            loop(store, chosen),
            name,
            trigger,
            on_base=lambda name: terminal.say(f"trying {name} …", err=True),
        )
    if json:
        terminal.emit(found)
    else:
        _print(found, name)
    if any(one.worse and one.base == name for one in found.rows):
        raise typer.Exit(1)


def _print(found: "Probing", name: str) -> None:
    terminal.say(f"Task {found.task!r}, {found.texts} labelled texts. Right, %:")
    table = terminal.table(
        "base", "behind", "as is", "made up", "words", "difference", "p", right=(2, 3, 4, 5, 6)
    )
    for one in found.rows:
        half = 50 * (one.interval[1] - one.interval[0])
        table.add_row(
            one.base,
            one.trigger,
            f"{100 * one.plain:.1f}",
            f"{100 * one.control:.1f}",
            f"{100 * one.triggered:.1f}",
            f"{100 * one.difference:+.1f} ± {half:.1f}",
            f"{one.p:.2g}",
        )
    terminal.show(table)
    worse = [one.trigger for one in found.rows if one.worse and one.base == name]
    if worse:
        terminal.say(
            f"{name} decides worse behind {', '.join(map(repr, worse))} than behind made-up words "
            "of the same length. The built-in features, which hide nothing, show what the words "
            "themselves do."
        )
    else:
        terminal.say(
            "No difference found. The intervals say how large one may be all the same; other words "
            "were not tried."
        )

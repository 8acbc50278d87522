"""`twoloops forget OBSERVATION`: remove an input for good."""

from pathlib import Path

import typer

from twoloops.cli import options, terminal


def forget(
    observation: str = typer.Argument(help="Its place, EDGE/EPOCH/COUNTER."),
    workspace: Path = options.WORKSPACE,
    wait: float = options.WAIT,
    json: bool = options.JSON,
) -> None:
    """Remove an observation's input; its digest and a tombstone stay.

    Every observation of exactly the same bytes loses them. The datasets and models that used the
    input are named; later datasets leave it out. The file it came from, exported questions and a
    replay's folder are copies of your own, and stay.
    """
    from twoloops.records.digests import short
    from twoloops.records.errors import UserError
    from twoloops.records.observation import parse_place
    from twoloops.wiring.workspace import now, writing

    try:
        place = parse_place(observation)
    except ValueError as error:
        raise UserError(
            f"{observation!r} is no observation: write EDGE/EPOCH/COUNTER, as  twoloops label "
            "export  prints it"
        ) from error
    with writing(workspace, wait=wait, on_wait=terminal.told) as store:
        digest = store.observations.get(place).input
        before = store.inputs.forgotten_at(digest)
        done = store.forget(digest, now())
        deployed = {
            release.model
            for task in store.tasks.all()
            if (release := store.releases.deployed(task.name)) is not None
        }
    if json:
        terminal.emit(
            {
                "input": done.input,
                "forgotten_before": before,
                "observations": [str(one) for one in done.observations],
                "datasets": done.datasets,
                "models": done.models,
                "deployed_models": sorted(deployed & set(done.models)),
            }
        )
        return
    if before is not None:
        terminal.say(f"It was forgotten already, at {before}.")
    others = len(done.observations) - 1
    same = f" ({others} more observations had the same bytes)" if others else ""
    terminal.say(f"Forgot the input {short(done.input)} of {place}{same}.")
    if not done.datasets:
        terminal.say("No dataset used it.")
        return
    terminal.say(f"Used by datasets {', '.join(map(short, done.datasets))}")
    for model in done.models:
        mark = "  (deployed)" if model in deployed else ""
        terminal.say(f"and by model {short(model)}{mark}")
    if done.models:
        terminal.say("Models keep what they learned until a later turn releases others.")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(forget)

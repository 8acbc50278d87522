"""Look for drift in a workspace: figures, kept beside the release, and the turn they may open."""

from pathlib import Path

import msgspec

from twoloops.convergence.turns.drifting import keep_finding, look_for_drift, open_turn
from twoloops.physical.drift.finding import Finding
from twoloops.wiring.workspace import OnWait, loop, writing


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a look at one task.

    Args:
        task: Its name.
        finding: `None` where nothing is deployed.
        verdict: `drift`, `none seen` or `unknown`.
        reason: Of the verdict, in one sentence.
        opened: The turn that was opened, or `None`.
    """

    task: str
    finding: Finding | None
    verdict: str
    reason: str
    opened: int | None


def drift_of(
    folder: Path, task: str | None = None, *, wait: float = 10.0, on_wait: OnWait | None = None
) -> tuple[Looked, ...]:
    """Look for drift of one task or all.

    Raises:
        UserError: There is no workspace or no such task.
    """
    out = []
    with writing(folder, wait=wait, on_wait=on_wait) as store:
        for one in store.tasks.all() if task is None else [store.tasks.get(task)]:
            two = loop(store, one)
            finding = look_for_drift(two)
            if finding is None:
                out.append(
                    Looked(
                        task=one.name,
                        finding=None,
                        verdict="unknown",
                        reason="nothing is deployed yet",
                        opened=None,
                    )
                )
                continue
            keep_finding(two, finding)
            turn = open_turn(two, finding)
            out.append(
                Looked(
                    task=one.name,
                    finding=finding,
                    verdict=finding.verdict,
                    reason=finding.reason,
                    opened=None if turn is None else turn.number,
                )
            )
    return tuple(out)

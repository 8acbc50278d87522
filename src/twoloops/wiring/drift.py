"""Look for drift in a workspace: figures, kept beside the release, and the turn they may open."""

from datetime import datetime
from pathlib import Path

import msgspec

from twoloops.convergence.turns.drifted import last_finding
from twoloops.convergence.turns.drifting import (
    keep_finding,
    look_for_drift,
    open_turn,
    opened_by_drift,
)
from twoloops.convergence.turns.policy import DriftOpens
from twoloops.convergence.turns.workspace_turn import policy_of
from twoloops.physical.drift.finding import Finding
from twoloops.records.digests import Digest
from twoloops.store.workspace import Store
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


class LastLook(msgspec.Struct, frozen=True, kw_only=True):
    """What is on record about drift of one task.

    Args:
        task: Its name.
        deployed: The model in force, or `None`.
        finding: Of the last look at it; `None` where nobody has looked.
        opens: What an alarm may open.
        opened: The turn that an alarm about this model opened, or `None`.
        opened_at: When.
    """

    task: str
    deployed: Digest | None
    finding: Finding | None
    opens: DriftOpens
    opened: int | None = None
    opened_at: datetime | None = None


def last_looks(store: Store) -> tuple[LastLook, ...]:
    """Return what is on record about every task; nothing is looked at anew."""
    found = []
    for task in store.tasks.all():
        release = store.releases.deployed(task.name)
        fact = None if release is None else opened_by_drift(store, task.name, release.model)
        found.append(
            LastLook(
                task=task.name,
                deployed=None if release is None else release.model,
                finding=last_finding(store, task.name),
                opens=policy_of(store, task.name).drift_opens,
                opened=None if fact is None else fact.turn,
                opened_at=None if fact is None else fact.recorded_at,
            )
        )
    return tuple(found)

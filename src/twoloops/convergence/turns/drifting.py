"""Look for drift of the deployed model's inputs, decisions and errors; open a turn where it may.

`physical.drift` returns a finding; here the windows are gathered, the finding is kept beside the
release, and what an alarm opens is opened, once for each release.
"""

from twoloops.convergence.turns.drift_windows import audited, decided, embedded, windows
from twoloops.convergence.turns.drifted import ASKS, DRIFT
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import TurnState
from twoloops.convergence.turns.workspace_turn import current
from twoloops.physical.drift.finding import Finding
from twoloops.physical.drift.look import decisions, inputs, look
from twoloops.records.digests import Digest
from twoloops.records.journal import Fact
from twoloops.store.workspace import Store

FOUND, OPENED = "drift found", "turn opened by drift"
"""Kinds of the journal's facts; at most one of each about a release."""

MOST = 5
"""Changes that a fact names."""


def look_for_drift(loop: Loop) -> Finding | None:
    """Look once; `None` where nothing is deployed. Writes nothing."""
    release = loop.store.releases.deployed(loop.task.name)
    if release is None:
        return None
    seen = windows(loop, release)
    labels = loop.store.models.find(release.model).card.labels
    before, since = (embedded(loop, release, part) for part in (seen.before, seen.since))
    watched = [
        inputs(before, since, seed=release.model),
        decisions(labels, *decided(release, seen.since), seed=release.model),
    ]
    family = sum(len(one.features) for one in watched)
    budget = loop.policy.drift_budget
    return look(
        loop.task.name,
        release.model,
        release.turn,
        watched,
        audited(loop, release, budget, family),
        budget=budget,
        unseen=seen.unseen,
        observations=seen.arrived,
        at=loop.clock(),
    )


def keep_finding(loop: Loop, finding: Finding) -> None:
    """Keep a finding in place of the release's earlier one; the first alarm is a fact."""
    store, name = loop.store, loop.task.name
    key = f"{name}/{FOUND}/{finding.model}"
    with store.transaction():
        store.evidence.put(name, DRIFT, finding.turn, finding)
        # A later look says more of the same drift, and so would be another fact.
        if finding.alarms and store.journal.by_key(key) is None:
            store.journal.append(
                FOUND,
                task=name,
                turn=finding.turn,
                key=key,
                at=finding.looked_at,
                body=_said(finding),
            )


def open_turn(loop: Loop, finding: Finding) -> TurnState | None:
    """Open what the policy lets an alarm open, with a fact that says why.

    Returns:
        The turn opened; `None` where there is no alarm, the policy opens nothing, a turn is open
        already or nothing new came in, or one was opened for this release before.
    """
    store, name = loop.store, loop.task.name
    if not finding.alarms or loop.policy.drift_opens == "never":
        return None
    if store.turns.open(name) is not None or not store.observations.unclaimed(name):
        return None
    release = store.releases.deployed(name)
    if release is None or release.model != finding.model:
        return None
    if opened_by_drift(store, name, finding.model) is not None:
        return None
    with store.transaction():
        turn = current(loop)
        if loop.policy.drift_opens == "rebase":
            store.evidence.put(name, ASKS, turn.number, tuple(map(str, finding.alarms[:MOST])))
        store.journal.append(
            OPENED,
            task=name,
            turn=turn.number,
            key=_opened(name, finding.model),
            at=finding.looked_at,
            body={**_said(finding), "opens": loop.policy.drift_opens},
        )
    return turn


def opened_by_drift(store: Store, task: str, model: Digest) -> Fact | None:
    """Return the fact that drift of a task's release opened a turn; `None` where it did not."""
    return store.journal.by_key(_opened(task, model))


def _opened(task: str, model: Digest) -> str:
    return f"{task}/{OPENED}/{model}"


def _said(finding: Finding) -> dict[str, str]:
    return {
        "model": finding.model,
        "alarms": str(len(finding.alarms)),
        "changed": "; ".join(map(str, finding.alarms[:MOST])),
        "p": f"{finding.alarms[0].p:.2g}",
        "features": str(len(finding.features)),
        "budget": f"{finding.budget:g}",
        "observations": str(finding.observations),
    }

"""Where a workspace stands: figures only; the command line prints them."""

from datetime import datetime
from pathlib import Path

import msgspec

from twoloops.convergence.judging.evaluate import Estimates, estimates
from twoloops.convergence.judging.stopping import Advice
from twoloops.convergence.turns.drifted import last_finding
from twoloops.convergence.turns.state import TurnState
from twoloops.convergence.turns.workspace_turn import policy_of
from twoloops.physical.drift.finding import Finding
from twoloops.physical.labelling.quality.agreed import agreed
from twoloops.physical.labelling.questions import open_questions
from twoloops.records.digests import Digest
from twoloops.records.gate import Verdict
from twoloops.records.money import Sums, or_nothing
from twoloops.records.task import Task
from twoloops.store.workspace import Store
from twoloops.wiring.floor import EdgeStanding, floor
from twoloops.wiring.rollout_standing import RolloutStanding
from twoloops.wiring.rollout_standing import standing as rolling
from twoloops.wiring.verified import Verified, problems
from twoloops.wiring.workspace import reading
from twoloops.wiring.worth import worth_of


class Deployed(msgspec.Struct, frozen=True, kw_only=True):
    """The release in force and the evidence that approved it."""

    model: Digest
    base: str
    threshold: float | None
    turn: int
    approved_at: datetime
    evidence: Verdict


class TaskStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where one task stands.

    Args:
        task: Its name.
        kind: Kind of input.
        labels: Its labels.
        normal: The one that is no fault.
        deployed: The release in force, or `None`.
        turn: The open turn's number, or the last closed one's; `None` before the first.
        stage: Its next stage; `closed` where no turn is open.
        open_questions: How many labels it waits for.
        labels_per_turn: Budget of a turn.
        observations: How many are kept.
        new_observations: How many of them no turn has claimed yet.
        labels_bought: Labels, and what they cost.
        spent: By currency: a teacher may be paid in another one than people.
        estimates: The deployed model on audit labels that came after it was trained, weighted by
            their chances; unknown with too few.
        earlier: The same for whatever model was deployed when each audit label's observation
            was seen.
        worth: What the labels of the next turn are worth.
        drift: What the last look for drift found about the release in force, if there was one.
        rollout: How its last roll-out stands, if there was one.
    """

    task: str
    kind: str
    labels: tuple[str, ...]
    normal: str | None
    deployed: Deployed | None
    turn: int | None
    stage: str | None
    open_questions: int
    labels_per_turn: int
    observations: int
    new_observations: int
    labels_bought: int
    spent: Sums
    estimates: Estimates
    earlier: Estimates
    worth: Advice
    drift: Finding | None = None
    rollout: RolloutStanding | None = None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Where a workspace stands.

    Args:
        workspace: Its folder.
        tasks: By name.
        quarantined: How many inputs could not be used.
        latest_quarantined: The last few of them, with place and reason.
        unknown_decisions: Observations that edges numbered and that never arrived.
        journal_facts: Length of the journal.
        journal_head: Digest of its last fact: noted elsewhere, it shows any later change.
        journal_problems: What is wrong with the chain; empty when it is whole.
        edges: How every edge stands.
    """

    workspace: str
    tasks: tuple[TaskStatus, ...]
    quarantined: int
    latest_quarantined: tuple[str, ...]
    unknown_decisions: int
    journal_facts: int
    journal_head: Digest
    journal_problems: tuple[str, ...]
    edges: tuple[EdgeStanding, ...] = ()


LATEST = 5


def status_of(folder: Path) -> Status:
    """Return where a workspace stands; a writer may be at work meanwhile.

    Raises:
        UserError: There is no workspace.
    """
    with reading(folder) as store:
        return standing(store, folder)


def standing(store: Store, folder: Path, verified: Verified | None = None) -> Status:
    """Return where an open workspace stands.

    Args:
        store: The workspace's.
        folder: Its folder.
        verified: How far the journal was found whole earlier; added to.
    """
    bad = sorted(store.quarantine.all(), key=lambda one: one.at)
    facts, head = store.journal.head()
    return Status(
        workspace=str(folder),
        tasks=tuple(_task(store, task) for task in store.tasks.all()),
        quarantined=len(bad),
        latest_quarantined=tuple(
            f"{one.source}, {one.place}: {one.reason}" for one in bad[-LATEST:]
        ),
        unknown_decisions=sum(gap.missing for gap in store.marks.gaps()),
        journal_facts=facts,
        journal_head=head,
        journal_problems=problems(store, verified),
        edges=tuple(floor(store)),
    )


def _task(store: Store, task: Task) -> TaskStatus:
    release = store.releases.deployed(task.name)
    row = store.turns.open(task.name) or store.turns.last(task.name)
    deployed = None
    if release is not None:
        card = store.models.find(release.model).card
        deployed = Deployed(
            model=release.model,
            base=card.base,
            threshold=card.threshold,
            turn=release.turn,
            approved_at=release.approved_at,
            evidence=release.verdict,
        )
    return TaskStatus(
        task=task.name,
        kind=task.kind,
        labels=task.labels,
        normal=task.normal,
        deployed=deployed,
        turn=None if row is None else row.number,
        stage=None if row is None else row.read(TurnState).stage,
        open_questions=len(open_questions(store, task.name)),
        labels_per_turn=policy_of(store, task.name).labels_per_turn,
        observations=store.observations.count(task.name),
        new_observations=store.observations.unclaimed(task.name),
        labels_bought=store.labels.count(task.name),
        spent=or_nothing(store.journal.spent(task.name, "labels paid"), task.costs.label.currency),
        estimates=estimates_of(store, task, None if release is None else release.model),
        earlier=estimates_of(store, task, None),
        worth=worth_of(store, task).advice,
        drift=last_finding(store, task.name),
        rollout=next((one for one in rolling(store) if one.task == task.name), None),
    )


def estimates_of(
    store: Store, task: Task, model: Digest | None, turn: int | None = None
) -> Estimates:
    """Estimate from audit labels (of one turn) what a model, or whichever was deployed, gets right.

    An audit label counts for the model that decided on its observation when it came: that model
    cannot have learned from it.
    """
    asked = {
        question.observation: question.probability
        for question in store.questions.of_task(task.name)
        if question.purpose == "audit"
        and question.probability is not None
        and turn in (None, question.turn)
    }
    seen = store.observations.find(asked)
    labels = agreed(store, task.name, asked)
    truth, said, chances = [], [], []
    for place, chance in asked.items():
        one = seen.get(place)
        if one is None or one.decision is None or place not in labels:
            continue
        if model is not None and one.decision.model != model:
            continue
        truth.append(labels[place].label)
        said.append(one.decision.label)
        chances.append(chance)
    index = {label: number for number, label in enumerate(task.labels)}
    return estimates(
        [index[label] for label in truth],
        # A label the task no longer has is decided wrong.
        [index.get(label, -1) for label in said],
        None if task.normal is None else index[task.normal],
        chances,
    )

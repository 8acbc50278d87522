"""What the overview is drawn from: figures and records, no store, no files."""

from datetime import datetime
from typing import Literal

import msgspec

from twoloops.convergence.judging.evaluate import Estimate, Estimates, Interval
from twoloops.convergence.judging.stopping import Advice
from twoloops.convergence.replays.outcome import Loops
from twoloops.records.digests import Digest
from twoloops.records.gate import Claim
from twoloops.records.money import Sums
from twoloops.records.task import Task


class OpenTurn(msgspec.Struct, frozen=True):
    """A turn that is not closed: its next stage, and how many labels it waits for."""

    task: str
    turn: int
    stage: str
    questions: int


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """What both loops hold now, over all tasks.

    Args:
        bases_offered: Bases that a task's next turn may try, the built-in features among them.
        bases_tried: Bases that models were made on.
        bases_adopted: Those of them on which a model was released.
        models: Models made here, or taken in.
        releases: Releases, also those of models revoked later.
        published: Models that were published.
        deployed: Tasks that have a model in use.
        observations: Kept observations.
        questions: Questions that still want a label.
        labels: Labels given.
        datasets: Frozen datasets.
        open_turns: By task.
    """

    bases_offered: int
    bases_tried: int
    bases_adopted: int
    models: int
    releases: int
    published: int
    deployed: int
    observations: int
    questions: int
    labels: int
    datasets: int
    open_turns: tuple[OpenTurn, ...]


class Spend(msgspec.Struct, frozen=True, kw_only=True):
    """What a turn cost.

    Args:
        labels: Labels paid, by people and teachers.
        people: Money for people's labels and for what they could not tell.
        minutes: People's time, as far as it was measured; `None` where none was.
        taught: Labels that teachers gave.
        teachers: Money for teachers, for calls in vain too.
        cpu_seconds: Of fitting candidates, measured; `None` where none was kept.
        flop: Floating-point operations of fitting, estimated.
    """

    labels: int
    people: Sums
    minutes: float | None
    taught: int
    teachers: Sums
    cpu_seconds: float | None
    flop: float | None


class Change(msgspec.Struct, frozen=True):
    """A rate after minus a rate before.

    Args:
        value: In [−1, 1]; `None` where one of the two is unknown.
        interval: Its 95 % interval.
        before: Audit labels that the rate before stands on.
        after: Those that the rate after stands on.
    """

    value: float | None
    interval: Interval | None
    before: int
    after: int


class Changes(msgspec.Struct, frozen=True):
    """What a release changed; escapes and false rejects are `None` without a normal label."""

    accuracy: Change
    escape_rate: Change | None = None
    false_reject_rate: Change | None = None


class TakenBack(msgspec.Struct, frozen=True):
    """That a release counts no longer.

    Args:
        how: `revoked`: the model, for good; `withdrawn`: the release, as a roll-out failed, was
            aborted, or stood on a model that was revoked. It may be put in force again.
        why: The reason on record.
        at: UTC.
    """

    how: Literal["revoked", "withdrawn"]
    why: str
    at: datetime

    @property
    def told(self) -> str:
        """How, when and why."""
        return f"{self.how} {self.at:%Y-%m-%d %H:%M} UTC: {self.why}"


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What the gate, or a person, said of one model.

    Args:
        turn: The turn whose dataset it stands on; -1 outside of any.
        model: Its digest.
        base: Its base.
        released: What was said.
        person: Whether a person said it, and the gate was not asked.
        claim: What it had to show; `None` where only the reason is on record.
        reason: One sentence.
        wealth: The test's wealth; `None` likewise.
        labels: Labels the test stood on; `None` likewise.
        taken_back: That it counts no longer; `None` where it does, or never did.
        trial: Whether it was tried between turns.
    """

    turn: int
    model: Digest
    base: str
    released: bool
    person: bool
    claim: Claim | None
    reason: str
    wealth: float | None
    labels: int | None
    taken_back: TakenBack | None = None
    trial: bool = False


class TurnLift(msgspec.Struct, frozen=True, kw_only=True):
    """One turn: what it cost, and what it gained.

    Args:
        number: 0 is the seed.
        at: When its last fact was recorded; `None` before any.
        stage: Its next stage, or `closed`.
        observations: Kept observations that it claimed.
        decisions: Decisions these stand for, by their chances of being kept.
        spend: What it cost.
        released: The model that it released, or a trial on its dataset did.
        judgements: What was said of each candidate.
        reason: What the turn's record says.
        base_note: What became of another base.
        before: The model deployed before, on audit labels of its time.
        after: The released one, on audit labels of the turns it decided in.
        changes: `None` where nothing was released, or nothing was deployed before.
        majority: Share right of the most frequent label, on this turn's audit labels.
        right: Share right of whatever was deployed, on the same.
    """

    number: int
    at: datetime | None
    stage: str
    observations: int
    decisions: float
    spend: Spend
    released: Digest | None
    judgements: tuple[Judgement, ...]
    reason: str
    base_note: str
    before: Estimates | None
    after: Estimates | None
    changes: Changes | None
    majority: Estimate
    right: Estimate


class Baselines(msgspec.Struct, frozen=True, kw_only=True):
    """The deployed models beside trivial ones, on the same audit labels.

    Args:
        deployed: Share right of whatever was deployed when the observation came.
        first: Of the first model, had it been kept.
        gain: Deployed minus first, item by item.
        majority: Of the most frequent label, known with hindsight.
        majority_label: That label.
        left_out: Audit labels that the first model could not be asked about: the input was
            forgotten, or its file is damaged.
    """

    deployed: Estimate
    first: Estimate
    gain: Change
    majority: Estimate
    majority_label: str
    left_out: int = 0


class ReturnPoint(msgspec.Struct, frozen=True):
    """What was spent and saved up to the end of a turn, after the first model.

    Args:
        turn: The turn.
        spent: On labels, teachers and compute.
        saved: Expected saving against the first model kept; `None` where unknown.
        interval: Its 95 % interval.
        decisions: Decisions since the first model.
        audits: Audit labels among them.
    """

    turn: int
    spent: float
    saved: float | None
    interval: Interval | None
    decisions: float
    audits: int


class Returns(msgspec.Struct, frozen=True, kw_only=True):
    """The cumulative return of a task's turns.

    Args:
        currency: Of all amounts.
        points: By turn, from the first one after the first release.
        first: What was spent up to the first release: the first model's price, in no return.
        compute: Whether compute is priced (its price is known in USD only).
        default_costs: Whether escape, false reject and label cost 1 each because nobody said.
        why_not: Why there is none; empty where there is one.
    """

    currency: str
    points: tuple[ReturnPoint, ...]
    first: float
    compute: bool
    default_costs: bool
    why_not: str = ""

    @property
    def last(self) -> ReturnPoint | None:
        """The last point of which the saving is known."""
        return next((one for one in reversed(self.points) if one.saved is not None), None)


class CurvePoint(msgspec.Struct, frozen=True):
    """How often a deployed model was wrong, against the labels bought when it was made."""

    labels: int
    turn: int
    model: Digest
    wrong: Estimate


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The two loops apart and together, as the replay that a workspace began from measured them.

    Args:
        source: What was replayed.
        seeds: With how many seeds.
        turns: How many turns.
        loops: With the gate in force.
        loops_without_gate: With every candidate taken.
        version: Of twoloops.
    """

    source: str
    seeds: int
    turns: int
    loops: Loops
    loops_without_gate: Loops
    version: str


class DeployedModel(msgspec.Struct, frozen=True):
    """The release in force."""

    model: Digest
    base: str
    turn: int
    approved_at: datetime
    person: bool


class TaskOverview(msgspec.Struct, frozen=True, kw_only=True):
    """One task: every turn, and what they came to.

    Args:
        task: The task.
        deployed: The release in force; `None` before the first.
        estimates: That model, on audit labels that came after it was made.
        turns: In order.
        baselines: `None` before a release that audit labels came after.
        returns: In money.
        curve: By labels bought; models made here only.
        batch: Labels that a turn may ask for.
        worth: What so many further labels are worth.
        measured: A replay's figures; `None` where none were kept.
        judgements: The latest first.
    """

    task: Task
    deployed: DeployedModel | None
    estimates: Estimates
    turns: tuple[TurnLift, ...]
    baselines: Baselines | None
    returns: Returns
    curve: tuple[CurvePoint, ...]
    batch: int
    worth: Advice
    measured: Measured | None
    judgements: tuple[Judgement, ...]


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace at a glance.

    Args:
        tasks: By name.
        facts: Length of the journal.
        head: Digest of its last fact.
        broken: What is wrong with its chain; empty when it is whole.
    """

    tasks: tuple[TaskOverview, ...]
    facts: int
    head: Digest
    broken: tuple[str, ...] = ()

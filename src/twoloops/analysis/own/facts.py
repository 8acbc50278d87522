"""What the exhibits of one's own loops are drawn from: figures and records, no store, no files."""

from datetime import datetime

import msgspec

from twoloops.convergence.judging.evaluate import Estimate, Estimates
from twoloops.convergence.replays.outcome import ReplayResult
from twoloops.digital.price import FrontierPrice
from twoloops.records.base import BaseCard, ModelCard
from twoloops.records.digests import Digest
from twoloops.records.money import Money, Sums
from twoloops.records.task import Task


class OwnTurn(msgspec.Struct, frozen=True, kw_only=True):
    """One turn as the journal and the catalog have it.

    Args:
        number: 0 is the seed.
        period: The stretch of time of its observations.
        closed: Whether it is done.
        at: When its last fact was recorded; `None` before any.
        facts: First and last sequence number of its facts in the journal; (0, 0) for none.
        observations: Kept observations that it claimed.
        decisions: How many decisions these stand for, by their chances of being kept; those that
            came before any model was deployed stand for none.
        labels: Labels paid for.
        cost: What they cost in the task's currency; `None` where none was paid in it.
        train: Items of its dataset that train.
        golden: Items that are frozen and never train.
        audit: Items that judge first.
        dataset: Digest of the dataset; `None` before it is frozen.
        released: Base of the model it released; empty where none was.
        reason: What the gate said.
        base_note: What became of another base.
        right: Share right of whatever model was deployed, from the turn's audit labels.
    """

    number: int
    period: str
    closed: bool
    at: datetime | None
    facts: tuple[int, int]
    observations: int
    decisions: float
    labels: int
    cost: Money | None
    train: int
    golden: int
    audit: int
    dataset: Digest | None
    released: str
    reason: str
    base_note: str
    right: Estimate


class OwnModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that was specialised here: a derivative of its base.

    Args:
        digest: Of its file.
        card: What the file says of itself.
        turn: Which turn made it first.
        released: Whether it was ever approved.
        deployed: Whether it is in force now.
        size: Bytes of the file; `None` where it was not looked up (only deployed ones are).
        approved_at: When it was approved last, if it was.
    """

    digest: Digest
    card: ModelCard
    turn: int
    released: bool
    deployed: bool
    size: int | None = None
    approved_at: datetime | None = None


class OwnBase(msgspec.Struct, frozen=True, kw_only=True):
    """A base that was used or offered.

    Args:
        name: Its name.
        card: What is known of it; `None` where it cannot be had here.
        missing: Why not.
        offered_from: The first turn that may try it; 0 for the one a task starts on.
        tasks: Tasks of its kind, by name.
    """

    name: str
    card: BaseCard | None
    missing: str = ""
    offered_from: int = 0
    tasks: tuple[str, ...] = ()


class OwnTask(msgspec.Struct, frozen=True, kw_only=True):
    """One task with everything that was decided on it.

    Args:
        task: The task.
        turns: In order.
        models: By turn.
        labellers: How many labels each labeller gave, and what they cost; what was paid in
            another currency than the task's stands by itself, as `NAME (EUR)`.
        elsewhere: What labels cost in other currencies than the task's: in no sum.
        places: Kept observations by edge, and the decisions they stand for.
        estimates: The deployed model on audit labels that came after it was trained.
        earlier: The same for whatever model was deployed when each was seen.
        tokens: Tokens into and out of a language model for one decision, estimated.
        frontier: A frontier model's list price of a million such decisions.
        fitting: CPU seconds of fitting, as far as they were kept; `None` where none were.
    """

    task: Task
    turns: tuple[OwnTurn, ...]
    models: tuple[OwnModel, ...]
    labellers: dict[str, tuple[int, Money]]
    elsewhere: Sums = ()
    places: dict[str, tuple[int, float]]
    estimates: Estimates
    earlier: Estimates
    tokens: tuple[float, float]
    frontier: FrontierPrice
    fitting: float | None

    @property
    def deployed(self) -> OwnModel | None:
        """The model in force."""
        return next((model for model in self.models if model.deployed), None)

    @property
    def decisions(self) -> float:
        """Decisions of all turns after the seed."""
        return sum(turn.decisions for turn in self.turns if turn.number > 0)

    @property
    def spent(self) -> float:
        """What all labels cost, in the task's currency."""
        return sum(float(turn.cost.amount) for turn in self.turns if turn.cost is not None)

    @property
    def currency(self) -> str:
        """The currency of its costs."""
        return self.task.costs.label.currency


class Own(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace, or a replay's folder.

    Args:
        name: The folder, as it was named.
        what: `workspace` or `replay`.
        tasks: By name.
        bases: Used or offered, by name.
        facts: Length of the journal.
        head: Digest of its last fact.
        broken: What is wrong with the chain of the journal; empty when it is whole.
        latest: When that was recorded; `None` in an empty journal.
        replay: The figures of a replay; `None` for a workspace.
        version: Of twoloops.
    """

    name: str
    what: str
    tasks: tuple[OwnTask, ...]
    bases: tuple[OwnBase, ...]
    facts: int
    head: Digest
    latest: datetime | None
    replay: ReplayResult | None
    version: str
    broken: tuple[str, ...] = ()

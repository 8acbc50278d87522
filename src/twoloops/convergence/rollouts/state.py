"""Where a roll-out stands, and what is observed of it: records alone."""

from datetime import datetime
from typing import Literal

import msgspec

from twoloops.convergence.rollouts.evidence import Judged
from twoloops.convergence.rollouts.plan import Plan
from twoloops.convergence.turns.differing import Weighed
from twoloops.records.assignment import Mode
from twoloops.records.digests import Digest

Status = Literal["running", "paused", "done", "rolled back", "aborted", "superseded"]

OPEN: tuple[Status, ...] = ("running", "paused")
"""Those in which a roll-out assigns."""
WITHDRAWN: tuple[Status, ...] = ("rolled back", "aborted")
"""Those that take the release back."""

Counts = tuple[int, int, int, int]
"""Decided by both, differed, failed, late; of a release that counts: decided, late, 0, 0."""
NONE: Counts = (0, 0, 0, 0)


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What one edge has counted in a stage: totals, and what it said last.

    Args:
        edge: Its name.
        paired: Both models: decided, differed, failed, late.
        paired_last: As it was last heard.
        own: The release, where it counts: decided, late.
        own_last: As it was last heard.
    """

    edge: str
    paired: Counts = NONE
    paired_last: Counts = NONE
    own: Counts = NONE
    own_last: Counts = NONE


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What an edge of the task has said last.

    Args:
        edge: Its name.
        group: Its group.
        heard: When.
        left: Why it went back from the release by itself; empty: it did not.
        refused: Why it refused its last update; empty: it did not.
        paired: Of the release and the model before; all 0 where they are not compared.
        own: Of the release, where it counts: decided, late.
    """

    edge: str
    group: str
    heard: datetime | None = None
    left: str = ""
    refused: str = ""
    paired: Counts = NONE
    own: Counts = NONE


class Losses(msgspec.Struct, frozen=True):
    """What both models make of audit-labelled observations.

    Args:
        x: Loss of the release minus that of the model before: −1, 0 or 1; in the order in which
            the labels came.
        weights: In proportion to 1 / inclusion probability, each in (0, 1].
        differ: Where the two decide differently.
    """

    x: tuple[float, ...] = ()
    weights: tuple[float, ...] = ()
    differ: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if not len(self.x) == len(self.weights) == len(self.differ):
            raise ValueError(
                f"{len(self.x)} losses, {len(self.weights)} weights, {len(self.differ)} differences"
            )


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to know of a roll-out at a time.

    Args:
        edges: Of the task, by name; those of groups that a person assigned to are left out.
        losses: Of what arrived in the open stage's groups since it began.
        overall: Of what arrived in any group since the roll-out was opened.
        revoked: Models that may not run any more.
        newer: Whether another release of the task is in force by now.
        fallback: The last good release but for the one that is rolled out.
    """

    edges: tuple[Seen, ...] = ()
    losses: Losses = Losses()
    overall: Losses = Losses()
    revoked: frozenset[Digest] = frozenset()
    newer: bool = False
    fallback: Digest | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups with an edge, sorted."""
        return tuple(sorted({one.group for one in self.edges}))


class Order(msgspec.Struct, frozen=True):
    """What a group is to run: the release, or the model before (`full`)."""

    model: Digest
    mode: Mode
    counts: Digest | None = None


class Compared(msgspec.Struct, frozen=True):
    """On how many inputs two models decided differently.

    Args:
        differed: On so many.
        paired: Of so many.
        rate: The largest share that was allowed meanwhile.
    """

    differed: int = 0
    paired: int = 0
    rate: float = 0.0

    def __add__(self, other: "Compared") -> "Compared":
        return Compared(
            self.differed + other.differed,
            self.paired + other.paired,
            max(self.rate, other.rate),
        )


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Where a roll-out stands.

    Args:
        task: The task.
        number: Of the roll-out, from 1.
        model: The release.
        turn: Approved in that turn.
        before: The model that was in force before; `None`: it was revoked, and none is left.
        plan: Its stages.
        share: The gate's share of disagreement; `None`: the gate has none.
        share_of: On so many observations; 0: not known.
        gate: By edge, on how much the release and the best one before it differ, as the gate saw.
        between: By edge, on how much that best one and the model before differ, where they are two.
        opened_at: UTC.
        status: Whether it goes on.
        stage: Number of the stage, from 0; -1 before the first.
        began: When that stage began.
        groups: Groups of that stage.
        roles: Every group that was assigned the release, and how it runs it.
        tallies: What edges of the stage's groups have counted in it, by name.
        earlier: What was compared in the stages that passed, against the same model before.
        why: Why it is in this status; empty while it runs.
        judged: What the stage was judged by last.
        waits: What it waits for; empty where nothing is missing.
    """

    task: str
    number: int
    model: Digest
    turn: int
    before: Digest | None
    plan: Plan
    share: float | None
    share_of: int = 0
    gate: dict[str, Weighed] = {}
    between: dict[str, Weighed] = {}
    opened_at: datetime
    status: Status = "running"
    stage: int = -1
    began: datetime | None = None
    groups: tuple[str, ...] = ()
    roles: dict[str, Mode] = {}
    tallies: tuple[Tally, ...] = ()
    earlier: Compared = Compared()
    why: str = ""
    judged: Judged = Judged()
    waits: str = ""

    @property
    def open(self) -> bool:
        """Whether it still assigns."""
        return self.status in OPEN

    def order(self, group: str) -> Order | None:
        """Return what a group is to run while the roll-out is open; `None`: nothing is left."""
        mode = self.roles.get(group)
        if mode is not None:
            return Order(self.model, mode, self.before if mode == "shadow" else None)
        return None if self.before is None else Order(self.before, "full")


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A transition, for the record.

    Args:
        what: `opened`, `stage opened`, `stage passed`, or the status that it went to.
        stage: The stage it happened in.
        why: In a sentence.
        groups: The groups concerned.
        judged: The evidence, where there is some.
        by: Who said so; empty where it came by itself.
    """

    what: str
    stage: int
    why: str
    groups: tuple[str, ...] = ()
    judged: Judged | None = None
    by: str = ""

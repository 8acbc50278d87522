"""Two shocks to a base: it is withdrawn, or it goes closed.

*Withdrawn*: nobody may or can use it any more, so deployed models that contain it stop.
*Closed*: what is there may be kept, but there is no next generation.

What each does to a task follows from lineage alone. What going over to another base would cost is
said only as far as it was measured; what was not says so.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from twoloops.records.digests import Digest
from twoloops.records.errors import UserError

Kind = Literal["withdrawn", "closed"]
LIMITS = (
    "The shock is assumed; nothing here says how likely it is or what a licence would let one "
    "keep.",
    "Points are those of this task on this stream, and of the turns they were measured in.",
)


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Two bases that were compared on the same items.

    Args:
        base: The one.
        against: The other.
        points: Accuracy of `base` − accuracy of `against`, in points.
        n: Labels the comparison stood on.
        how: Where it was measured.
    """

    base: str
    against: str
    points: float
    n: int
    how: str


class Fit(msgspec.Struct, frozen=True, kw_only=True):
    """What it took to specialise a base on the labels that are there.

    Args:
        base: Its name.
        items: Training items.
        cpu_seconds: Of fitting.
        flop: Floating-point operations of fitting.
        how: When it was measured.
    """

    base: str
    items: int
    cpu_seconds: float
    flop: float
    how: str


class Released(msgspec.Struct, frozen=True):
    """A release of a task, by turn, base and model."""

    turn: int
    base: str
    model: Digest


class TaskBases(msgspec.Struct, frozen=True, kw_only=True):
    """What a task stands on, and what was measured of other bases.

    Args:
        task: Its name.
        labels: Labels that are there.
        releases: The oldest first; the last one is deployed.
        ancestry: By base, everything it contains or was made from, itself included.
        offered: Bases that can be tried here, the first one among them.
        compared: What was measured, the latest first.
        fits: What fitting took, the latest first.
    """

    task: str
    labels: int
    releases: tuple[Released, ...] = ()
    ancestry: dict[str, tuple[str, ...]] = {}
    offered: tuple[str, ...] = ()
    compared: tuple[Compared, ...] = ()
    fits: tuple[Fit, ...] = ()

    @property
    def deployed(self) -> str | None:
        """Base of the deployed model."""
        return self.releases[-1].base if self.releases else None

    @property
    def names(self) -> list[str]:
        """Every name a shock can strike."""
        return sorted({*self.offered, *(name for own in self.ancestry.values() for name in own)})

    def stands_on(self, base: str, name: str) -> bool:
        """Say whether a base is, contains, or was made from what has the name."""
        wanted = name.casefold()
        known = (base, *base.split("+"), *self.ancestry.get(base, ()))
        return wanted in (one.casefold() for one in known)


class Alternative(msgspec.Struct, frozen=True, kw_only=True):
    """Another base that a task could go over to.

    Args:
        base: Its name.
        points: Its accuracy − that of the deployed base, in points; `None` where not measured.
        n: Labels that comparison stood on; 0 where not measured.
        cpu_seconds: Of fitting it on the labels that are there; `None` where not recorded.
        how: Where both come from.
    """

    base: str
    points: float | None
    n: int
    cpu_seconds: float | None
    how: str


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What a shock does to a task.

    Args:
        task: Its name.
        deployed: Base of its deployed model; `None` before a first release.
        stands_on_it: Whether that base is, contains or was made from the one that is struck.
        outcome: `stops`, `continues`, or `continues without a next generation`.
        fallback: An earlier release that does not stand on it: it can be deployed as it is.
        labels_there: Labels that another base can be fitted on; none has to be bought anew.
        alternatives: Other bases, those measured best first.
        adopted: How often a base that stands on it was adopted over another one.
    """

    task: str
    deployed: str | None
    stands_on_it: bool
    outcome: str
    fallback: Released | None
    labels_there: int
    alternatives: tuple[Alternative, ...]
    adopted: int


class Shock(msgspec.Struct, frozen=True, kw_only=True):
    """A shock and what it does to every task."""

    kind: Kind
    base: str
    effects: tuple[Effect, ...]
    limits: tuple[str, ...] = LIMITS

    @property
    def stopped(self) -> int:
        """How many tasks stop."""
        return sum(effect.outcome == "stops" for effect in self.effects)


def shock(kind: Kind, name: str, tasks: Sequence[TaskBases]) -> Shock:
    """Strike a base.

    Args:
        kind: Withdrawn or closed.
        name: Of a base, of a part of one, or of what one was made from.
        tasks: What each task stands on.

    Raises:
        UserError: No task knows the name.
    """
    known = sorted({one for task in tasks for one in task.names})
    if not any(name.casefold() == one.casefold() for one in known):
        raise UserError(
            f"no base {name!r} in the lineage of these tasks: there are "
            f"{', '.join(known) or 'none yet'}"
        )
    return Shock(kind=kind, base=name, effects=tuple(_effect(kind, name, task) for task in tasks))


def _effect(kind: Kind, name: str, task: TaskBases) -> Effect:
    deployed = task.deployed
    stands = deployed is not None and task.stands_on(deployed, name)
    outcome = "nothing is deployed"
    if deployed is not None:
        outcome = "continues"
    if stands:
        outcome = "stops" if kind == "withdrawn" else "continues without a next generation"
    earlier = [one for one in task.releases[:-1] if not task.stands_on(one.base, name)]
    bases = {*task.offered, *(one.base for one in task.releases)} - {deployed}
    others = [_alternative(task, base) for base in bases if not task.stands_on(base, name)]
    pairs = zip(task.releases, task.releases[1:], strict=False)
    return Effect(
        task=task.task,
        deployed=deployed,
        stands_on_it=stands,
        outcome=outcome,
        fallback=earlier[-1] if stands and earlier else None,
        labels_there=task.labels,
        alternatives=tuple(sorted(others, key=_order)) if stands else (),
        adopted=sum(
            a.base != b.base and task.stands_on(b.base, name) and not task.stands_on(a.base, name)
            for a, b in pairs
        ),
    )


def _order(one: Alternative) -> tuple[bool, float, str]:
    return one.points is None, -(one.points or 0.0), one.base


def _alternative(task: TaskBases, base: str) -> Alternative:
    deployed = task.deployed
    found = [
        (one, sign)
        for one in task.compared
        for sign, pair in ((1, (base, deployed)), (-1, (deployed, base)))
        if (one.base, one.against) == pair
    ]
    fit = next((one for one in task.fits if one.base == base), None)
    told = [found[0][0].how] if found else ["points not measured"]
    told.append(fit.how if fit is not None else "CPU seconds not recorded")
    return Alternative(
        base=base,
        # Adding 0 turns a negated zero into +0.0.
        points=found[0][1] * found[0][0].points + 0.0 if found else None,
        n=found[0][0].n if found else 0,
        cpu_seconds=None if fit is None else fit.cpu_seconds,
        how="; ".join(told),
    )

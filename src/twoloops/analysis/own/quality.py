"""How good a deployed model is and what a million of its decisions cost, each said how known."""

import msgspec

from twoloops.analysis.exhibits.model import Remark
from twoloops.analysis.own.facts import Own, OwnTask
from twoloops.analysis.words import known, percent
from twoloops.convergence.judging.evaluate import ENOUGH, Estimate, wilson
from twoloops.digital.price import CPU_HOUR

WIDE = 0.1
"""An interval wider than this is called weak where it is shown."""


class Quality(msgspec.Struct, frozen=True):
    """Share decided right.

    Args:
        value: In [0, 1], or `None` when unknown.
        interval: Ends of its 95 % interval, or `None`.
        labels: Labels it stands on.
        how: How it was measured, in a sentence.
    """

    value: float | None
    interval: tuple[float, float] | None
    labels: int
    how: str


class Cost(msgspec.Struct, frozen=True):
    """What a million decisions of one's own model cost so far.

    Args:
        labels: In the task's currency, spread over the decisions so far; `None` before any.
        compute: In USD; `None` where it was not recorded.
        decisions: Over how many.
        how: How it was worked out, in a sentence.
    """

    labels: float | None
    compute: float | None
    decisions: float
    how: str


def quality(own: Own, task: OwnTask) -> Quality:
    """Return how good the deployed model is: counted in a replay, else from audit labels."""
    if own.replay is not None and own.replay.turns:
        last = own.replay.turns[-1]
        if last.accuracy is None:
            return Quality(None, None, 0, "no observation of the last turn has a known label")
        return Quality(
            last.accuracy,
            wilson(last.accuracy, last.scored),
            last.scored,
            f"counted over the {last.scored:,} observations of turn {last.turn} ({last.period}) "
            "with a known label, before anything of that turn was learned; Wilson's interval",
        )
    if task.estimates.accuracy.value is not None:
        return _estimated(task.estimates.accuracy, "of the deployed model")
    if task.earlier.accuracy.value is not None:
        return _estimated(
            task.earlier.accuracy,
            "of whichever model was deployed when each was seen, the present one not alone",
        )
    count = task.earlier.accuracy.labels
    return Quality(
        None, None, count, f"{count} audit labels so far, {ENOUGH} are needed to estimate it"
    )


def cost(own: Own, task: OwnTask) -> Cost:
    """Return what a million decisions cost: labels, and compute where it was measured."""
    if own.replay is not None:
        price, decisions = (
            own.replay.price,
            float(sum(turn.observations for turn in own.replay.turns)),
        )
        return Cost(
            price.ours_of_which_labels,
            price.ours_of_which_compute,
            decisions,
            "all labels of the replay, and CPU time (its fitting, and the encoding of all arms) at "
            f"an assumed price, spread over its {decisions:,.0f} decisions",
        )
    decisions = task.decisions
    if not decisions:
        return Cost(None, None, 0, "no decision has come in since the seed")
    compute = None if task.fitting is None else task.fitting / 3600 * CPU_HOUR / decisions * 1e6
    told = (
        "own compute was not recorded and is left out"
        if compute is None
        else f"compute: {task.fitting:,.1f} CPU seconds of fitting, encoding left out, at an "
        f"assumed {CPU_HOUR} USD an hour"
    )
    return Cost(
        task.spent / decisions * 1e6,
        compute,
        decisions,
        f"all labels paid so far, spread over about {decisions:,.0f} decisions (each kept "
        f"observation stands for 1 / its chance of being kept); {told}",
    )


def value_ratio(quality: Quality, cost: Cost) -> tuple[float, float, float] | None:
    """Return percent right per unit of money for a thousand decisions, with its interval.

    The interval is that of the quality alone: the cost is what was paid. `None` where either is
    unknown, or nothing was paid.

    >>> value_ratio(Quality(0.9, (0.8, 0.95), 40, ""), Cost(2000.0, None, 100, ""))
    (45.0, 40.0, 47.5)
    """
    if quality.value is None or quality.interval is None or not known(cost.labels):
        return None
    per_thousand = cost.labels / 1000
    if per_thousand <= 0:
        return None
    low, high = quality.interval
    ratio = tuple(round(100 * share / per_thousand, 6) for share in (quality.value, low, high))
    return ratio[0], ratio[1], ratio[2]


def weak(quality: Quality, sources: tuple[str, ...]) -> tuple[Remark, ...]:
    """Return a remark where a quality stands on too little, to be shown beneath its row."""
    if quality.value is None or quality.interval is None:
        return (Remark("unknown", f"{quality.how}.", sources),)
    low, high = quality.interval
    if high - low <= WIDE:
        return ()
    said = (
        f"{quality.labels} labels fit anything from {percent(low)} to {percent(high)} right: more "
        "audit labels narrow it."
    )
    return (Remark("weak", said, sources),)


def _estimated(one: Estimate, of: str) -> Quality:
    return Quality(
        one.value,
        one.interval,
        one.labels,
        f"estimated from {one.labels} audit labels {of}, each weighted by 1 / its chance; "
        "Wilson's interval at the effective number of labels",
    )

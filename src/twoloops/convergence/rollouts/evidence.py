"""What a stage of a roll-out has seen, as evidence that may be looked at at any time.

Tests, each a non-negative process whose mean under its null hypothesis is at most 1, so that
it ever reaches 1/α with a chance of at most α (Ville 1939):

- errors: bets on the paired loss differences of audit-labelled observations, as the gate's
  (`convergence.judging.betting`): a wrong decision costs 1, as it does there; what an escape and a
  false reject cost has set each model's threshold;
- disagreement and late decisions: a mixture of likelihood ratios of every rate above the stated
  one against it, by the uniform density (Robbins, "Statistical methods related to the law of the
  iterated logarithm", Ann. Math. Stat. 41, 1970; the one-sided beta-binomial mixture of Howard,
  Ramdas, McAuliffe and Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences",
  Ann. Stat. 49, 2021).

The second holds where each input has, given those before it, at most the stated chance. Inputs
that repeat themselves (a belt that stands still) differ in runs and tell less than their number.
"""

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from twoloops.convergence.judging import betting

Condition = Literal[
    "errors",
    "errors so far",
    "disagreement",
    "disagreement so far",
    "late",
    "went back",
    "refused",
]


class Finding(msgspec.Struct, frozen=True):
    """One condition that stops a stage.

    Args:
        condition: Which one.
        breached: Whether it stops the stage.
        detail: In a sentence, with figures.
        evidence: Of its test; `None` where a count decides.
    """

    condition: Condition
    breached: bool
    detail: str
    evidence: float | None = None


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a stage.

    Args:
        labels: Audit labels on observations that arrived since it began.
        lost: Of these, those that the release decides wrong and the model before right.
        won: The reverse.
        decisions: Inputs that the release decided.
        paired: Inputs that both decided.
        differed: Of these, where their labels differed.
        late: Decisions of the release that took too long.
        proof: Evidence that the release is not worse by the margin or more.
        proved: Whether that suffices.
        silent: Edges that are not heard.
        findings: Every condition that would stop the stage.
    """

    labels: int = 0
    lost: int = 0
    won: int = 0
    decisions: int = 0
    paired: int = 0
    differed: int = 0
    late: int = 0
    proof: float = 1.0
    proved: bool = False
    silent: int = 0
    findings: tuple[Finding, ...] = ()

    @property
    def breaches(self) -> tuple[Finding, ...]:
        """The conditions that stop the stage."""
        return tuple(one for one in self.findings if one.breached)


def worse(x: ArrayLike, margin: float, weights: ArrayLike | None = None) -> float:
    """Return the evidence that a release is worse by more than a margin.

    The null hypothesis is that the mean of x is at most the margin. (m − x)/(1 + m) lies in
    [−1, 1] and has, under it, a mean of at least 0.

    >>> round(worse([1.0] * 8, 0.05))
    40

    Args:
        x: Loss differences, new − old, in [−1, 1], in the order in which they became known, (n,).
        margin: In [0, 1).
        weights: (n,), each in (0, 1].
    """
    values = np.asarray(x, dtype=np.float64)
    return betting.wealth((margin - values) / (1 + margin), 0.0, weights)


def not_worse(
    x: ArrayLike,
    differ: ArrayLike,
    margin: float,
    weights: ArrayLike | None = None,
    *,
    differed: int = 0,
    paired: int = 0,
) -> float:
    """Return the evidence that a release is not worse by a margin or more; as in the gate.

    It is the mean of two: bets on the labels, and bets that also know on how many of all inputs
    the two differ, labelled or not: where they differ on fewer than the margin none can be worse
    by it.

    Args:
        x: Loss differences, new − old, in [−1, 1], in the order in which they became known, (n,).
        differ: Where the two decide differently, (n,).
        margin: In (0, 1).
        weights: (n,), each in (0, 1].
        differed: Inputs on which the two decide differently.
        paired: Of so many.
    """
    alone = betting.wealth(x, margin, weights)
    if paired == 0:
        return alone
    sharpened = betting.sharpened_wealth(
        x, differ, margin, disagreements=differed, observations=paired, weights=weights
    )
    return (alone + sharpened) / 2


def above(count: int, total: int, rate: float) -> float:
    """Return the evidence that a rate is above the stated one.

    >>> above(0, 0, 0.1)
    1.0
    >>> above(10, 100, 0.1) < 1 < above(30, 100, 0.1)
    True

    Args:
        count: Inputs of that kind.
        total: Of so many.
        rate: In (0, 1).

    Raises:
        ValueError: The counts or the rate are none.
    """
    if not 0 <= count <= total or not 0 < rate < 1:
        raise ValueError(f"no count of a total, or no rate: {count} of {total}, {rate}")
    if total == 0:
        return 1.0
    one, other = count + 1, total - count + 1
    tail = float(special.betaincc(one, other, rate))
    if tail <= 0:  # the rate that was seen lies far below
        return 0.0
    log = (
        float(special.betaln(one, other))
        + math.log(tail)
        - math.log1p(-rate)
        - count * math.log(rate)
        - (total - count) * math.log1p(-rate)
    )
    return math.exp(min(log, math.log(betting.CEILING)))


def upper(share: float, total: int) -> float:
    """Return the upper 95 % limit of a share seen on so many (Clopper and Pearson 1934).

    >>> round(upper(0.1, 200), 3), upper(0.1, 0)
    (0.142, 0.1)
    """
    if total == 0:
        return share
    count = share * total
    return float(special.betaincinv(count + 1, max(total - count, 1e-9), 0.95))


def added(
    total: Sequence[int], last: Sequence[int], now: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Add what a device has counted since it was last heard; returns the totals, and `now`.

    A device counts from 0 when its process begins. It did where a count fell, or where a part grew
    by more than its whole, which comes first; what it had counted before and not told is lost.

    >>> added((5, 1), (5, 1), (9, 2))
    ((9, 2), (9, 2))
    >>> added((9, 2), (9, 2), (3, 0))
    ((12, 2), (3, 0))
    """
    grown = [new - old for old, new in zip(last, now, strict=True)]
    if min(grown, default=0) < 0 or any(part > grown[0] for part in grown[1:]):
        grown = list(now)
    return tuple(old + more for old, more in zip(total, grown, strict=True)), tuple(now)


def number(value: float) -> str:
    """Write evidence with the digits that matter.

    >>> [number(value) for value in (0.004, 19.27, 1234.0, 1e12)]
    ['0.0', '19.3', '1,234', 'over 1,000,000']
    """
    if value > 1e6:
        return "over 1,000,000"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"

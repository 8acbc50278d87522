"""How far labellers agree beyond chance, and how often each of them errs.

- Cohen's κ (1960) of two labellers: (p_o − p_e) / (1 − p_e) over the items that both answered.
- Fleiss' κ (1971) where every item has equally many answers, whoever gave them.
- Krippendorff's α for nominal data (2011), which allows any number of answers an item: 1 − D_o/D_e.

Intervals are of 95 %, by percentile bootstrap over items (Efron 1979) with a fixed seed. Where
nobody ever disagreed the bootstrap has nothing to vary: the lower end then comes from the exact
lower bound of the observed agreement, 0.025^(1/n) (Clopper and Pearson 1934), by the same formula.
With one label on every item, or less than two items, agreement is unknown (`None`).
"""

from itertools import combinations

import msgspec
import numpy as np

from twoloops.physical.labelling.quality.consensus import Fitted, posterior
from twoloops.physical.labelling.quality.matrix import Answers, Floats, Ints

REPLICATES = 2000
TAIL = 0.025
Z = 1.959964


class Agreed(msgspec.Struct, frozen=True):
    """An agreement coefficient.

    Args:
        value: 1 for full agreement, 0 for what chance alone gives; `None` where unknown.
        interval: Ends of its 95 % interval.
        items: How many items it stands on.
        observed: Share of pairs of answers to one item that agree.
    """

    value: float | None
    interval: tuple[float, float] | None
    items: int
    observed: float | None

    def __str__(self) -> str:
        if self.value is None or self.interval is None:
            return f"unknown ({self.items} items)"
        low, high = self.interval
        return f"{self.value:.2f} ({low:.2f} to {high:.2f}, {self.items} items)"


class Pair(msgspec.Struct, frozen=True):
    """Two labellers and their κ."""

    one: str
    other: str
    kappa: Agreed


class Erring(msgspec.Struct, frozen=True):
    """How one labeller errs.

    Args:
        labeller: Who.
        answers: All answers given.
        judged: Answers to items that others answered too, but for second looks.
        error_rate: Estimated share of wrong answers among those; `None` where nothing is known.
        interval: Its 95 % interval (Wilson 1927).
        confusion: For each label that the consensus holds, how often the labeller said what.
    """

    labeller: str
    answers: int
    judged: int
    error_rate: float | None
    interval: tuple[float, float] | None
    confusion: dict[str, dict[str, int]]


def cohen(one: Ints, other: Ints, items: Ints | None = None) -> Agreed:
    """Return Cohen's κ of two labellers' answers.

    Args:
        one: (m,) what one said.
        other: (m,) what the other said of the same.
        items: (m,) which item each answer is of, from 0 on, where items were answered several
            times: they are drawn whole for the interval. By default each is an item of its own.
    """
    at = np.arange(len(one)) if items is None else items
    n = int(at.max()) + 1 if len(at) else 0
    if n < 2:
        return Agreed(None, None, n, None)
    k = int(max(one.max(), other.max())) + 1
    rows = np.zeros((n, k * k))
    np.add.at(rows, (at, one * k + other), 1.0)
    value, chance = _kappa(rows.sum(axis=0).reshape(1, k, k))
    replicates = _kappa(_resampled(rows).reshape(-1, k, k))[0]
    observed = float((one == other).mean())
    return _with_interval(float(value[0]), replicates, n, observed, float(chance[0]))


def pairs(answers: Answers) -> list[Pair]:
    """Return the κ of every two people who answered common items; a person's first trial counts."""
    n = len(answers.places)
    said = np.full((n, len(answers.labellers)), -1, dtype=np.intp)
    for at in range(len(answers.item) - 1, -1, -1):  # the first trial is written last
        said[answers.item[at], answers.who[at]] = answers.said[at]
    out = []
    for a, b in combinations(range(len(answers.labellers)), 2):
        both = (said[:, a] >= 0) & (said[:, b] >= 0)
        if both.any():
            out.append(
                Pair(
                    answers.labellers[a], answers.labellers[b], cohen(said[both, a], said[both, b])
                )
            )
    return out


def fleiss(votes: Floats) -> Agreed:
    """Return Fleiss' κ of votes (n, k): how many gave each label; unknown if they differ in number.

    Where a person answered an item several times, its trials share one vote.
    """
    number = votes.sum(axis=1)
    if len(votes) < 2 or number[0] < 2 or np.ptp(number) > 1e-9:
        return Agreed(None, None, len(votes), None)

    def statistic(agreeing: Floats, shares: Floats) -> Floats:
        chance = (shares**2).sum(axis=1)
        out: Floats = np.where(chance < 1, (agreeing - chance) / np.maximum(1 - chance, 1e-12), 1.0)
        return out

    m = float(number[0])
    agreeing = ((votes**2).sum(axis=1) - m) / (m * (m - 1))
    rows = np.column_stack([agreeing, votes / m]) / len(votes)
    whole = rows.sum(axis=0, keepdims=True)
    draws = _resampled(rows)
    value = float(statistic(whole[:, 0], whole[:, 1:])[0])
    chance = float((whole[0, 1:] ** 2).sum())
    replicates = statistic(draws[:, 0], draws[:, 1:])
    return _with_interval(value, replicates, len(votes), float(whole[0, 0]), chance)


def krippendorff(votes: Floats) -> Agreed:
    """Return Krippendorff's α of votes (n, k): how many gave each label; one vote tells nothing."""
    votes = votes[votes.sum(axis=1) > 1 + 1e-9]
    n = len(votes)
    if n < 2:
        return Agreed(None, None, n, None)
    number = votes.sum(axis=1)
    differing = (number**2 - (votes**2).sum(axis=1)) / (number - 1)
    rows = np.column_stack([differing, votes])

    def parts(sums: Floats) -> tuple[Floats, Floats]:
        """Observed disagreement and the one expected, both as shares of pairs."""
        total = sums[:, 1:].sum(axis=1)
        expected = (total**2 - (sums[:, 1:] ** 2).sum(axis=1)) / (total * (total - 1))
        return sums[:, 0] / total, expected

    def statistic(sums: Floats) -> Floats:
        observed, expected = parts(sums)
        out: Floats = np.where(expected > 0, 1 - observed / np.maximum(expected, 1e-12), 1.0)
        return out

    whole = rows.sum(axis=0, keepdims=True)
    observed, expected = parts(whole)
    return _with_interval(
        float(statistic(whole)[0]),
        statistic(_resampled(rows)),
        n,
        1 - float(observed[0]),
        1 - float(expected[0]),
    )


def erring(answers: Answers, fitted: Fitted, trusted: Answers) -> list[Erring]:
    """Return how each labeller errs.

    Args:
        answers: All answers.
        fitted: What the consensus learned of labellers.
        trusted: The answers that taught it: several people's, no second looks, which are asked
            for where an error is likely and would make everybody look worse.
    """
    p = posterior(trusted, fitted)
    best = p.argmax(axis=1)
    right = p[trusted.item, trusted.said] if len(trusted.item) else np.zeros(0)
    names = answers.labels
    out = []
    for w, labeller in enumerate(answers.labellers):
        mine = trusted.who == w
        judged = int(mine.sum())
        weight = trusted.weight[mine]
        rate = float(1 - np.average(right[mine], weights=weight)) if judged else None
        confusion: dict[str, dict[str, int]] = {}
        for truly, said in zip(best[trusted.item[mine]], trusted.said[mine], strict=True):
            row = confusion.setdefault(names[truly], {})
            row[names[said]] = row.get(names[said], 0) + 1
        out.append(
            Erring(
                labeller,
                int((answers.who == w).sum()),
                judged,
                rate,
                # Trials of one item tell no more than one answer.
                None if rate is None else wilson(rate, float(weight.sum())),
                {truly: dict(sorted(row.items())) for truly, row in sorted(confusion.items())},
            )
        )
    return out


def wilson(rate: float, count: float) -> tuple[float, float]:
    """Return the 95 % interval of a rate seen in `count` answers."""
    centre = (rate + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z * np.sqrt(rate * (1 - rate) / count + Z**2 / (4 * count**2)) / (1 + Z**2 / count)
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def _kappa(table: Floats) -> tuple[Floats, Floats]:
    """Return κ and chance agreement of tables of counts (b, k, k)."""
    share = table / table.sum(axis=(1, 2), keepdims=True)
    observed = np.trace(share, axis1=1, axis2=2)
    chance = (share.sum(axis=1) * share.sum(axis=2)).sum(axis=1)
    # Where both said one and the same label of everything, chance agrees as fully as they do.
    value: Floats = np.where(
        chance < 1 - 1e-12, (observed - chance) / np.maximum(1 - chance, 1e-12), 1.0
    )
    return value, chance


def _resampled(rows: Floats) -> Floats:
    """Return sums of rows (n, c) drawn with replacement, one a replicate: (replicates, c)."""
    n = len(rows)
    counts = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), REPLICATES)
    out: Floats = counts @ rows
    return out


def _with_interval(
    value: float, replicates: Floats, items: int, observed: float, chance: float
) -> Agreed:
    low, high = (float(end) for end in np.quantile(replicates, (TAIL, 1 - TAIL)))
    if observed > 1 - 1e-12:
        least = TAIL ** (1 / items)
        low = (least - chance) / (1 - chance) if chance < 1 - 1e-12 else 0.0
        high = 1.0
    return Agreed(value, (min(low, value), max(high, value)), items, observed)

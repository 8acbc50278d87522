"""The gate: no release without evidence, and a sentence with figures either way.

`judge` compares two *procedures* (what a recipe makes of the labels), not one model scored in
sample with another scored out of sample: both are cross-fitted on the same folds, and the
caller answers for that. Three claims:

- `first`: the candidate beats the majority class (exact sign test at a lower level of proof:
  nothing is deployed yet that could be harmed);
- `not worse`: it is less than `margin` worse than the best release so far, using the
  observations without labels too (see `betting.sharpened_wealth`);
- `better`: it beats the deployed procedure; evidence is carried from turn to turn.

The latter two stand on wealth of at least 1/α, so that looking after every label costs
nothing. The golden set and the latency must hold besides.
"""

import math
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from twoloops.convergence.judging import betting
from twoloops.convergence.judging.betting import Bets
from twoloops.records.errors import UserError
from twoloops.records.gate import Check, Claim, Verdict


class GateSettings(msgspec.Struct, frozen=True):
    """What the gate asks for.

    Args:
        alpha: Largest chance of a false release; wealth of 1/alpha is needed.
        first_alpha: The same for a first release, at each attempt. It is larger because nothing
            is deployed that could be harmed, and without a model nothing is decided at all.
        margin: How much worse, in accuracy, counts as worse under `not worse`, in (0, 1).
        grid: Number of bet sizes.
        golden_allowance: How many more golden items than it wins the candidate may lose.
        weight_cap: Largest weight of an item, as a multiple of its turn's median weight.
    """

    alpha: float = 0.05
    first_alpha: float = 0.2
    margin: float = 0.05
    grid: int = betting.GRID
    golden_allowance: int = 2
    weight_cap: float = 10.0


def _no_floats() -> NDArray[np.float64]:
    return np.empty(0)


def _no_flags() -> NDArray[np.bool_]:
    return np.empty(0, dtype=bool)


@dataclass(frozen=True, eq=False)
class Census:
    """What is known of the loss difference on every observation of the turn, see `betting.census`.

    Args:
        x: (n,) difference, or its estimate: 0 where the two decide alike, exact where the label
            is known, divided by the chance of the draw where it was drawn, 0 where it was not.
        weights: (n,) in (0, 1], in proportion to 1 / capture probability.
        most: (n,) the largest value x could have taken.
    """

    x: NDArray[np.float64]
    weights: NDArray[np.float64]
    most: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Everything the gate looks at. Items are in the order of time; labels are integers.

    Args:
        claim: What the candidate must show.
        y: True labels of the judging items, (n,).
        candidate: Its out-of-fold decisions, (n,) or (repeats, n), one row per repetition of
            the folds.
        deployed: Out-of-fold decisions, on the same folds, of the procedure compared with: the
            best release so far (`not worse`) or the deployed one (`better`). Ignored for
            `first`, where the majority label of `y` takes its place.
        probabilities: Inclusion probability of each item within its turn, (n,), or empty where
            every turn's judging items were drawn with equal chances.
        turns: The turn each item belongs to, (n,); weights are relative within a turn. Empty
            is one turn.
        new: Which items the carried bets have not yet seen, (n,); empty is all.
        census: The turn's observations, which stand in for the new items; `None` where it
            is unknown of some what the two decide, or where a difference had no chance to be
            labelled.
        disagreement: Share of `observations` on which the two models decide differently, in
            [0, 1]; a model that learned from an observation must decide on it out of fold.
        observations: How many observations that share stands on, labelled or not.
        golden_candidate: Whether the candidate decides each golden item right, (g,).
        golden_deployed: The same for the deployed model, (g,); empty when none is deployed.
        latency_ms: 99th percentile of the candidate's verdict time, or `None` if not measured.
        latency_budget_ms: The task's budget, or `None` for no limit.
        bets: Carried bets: of this base or recipe (`better`), or of all newer candidates
            against the best release so far (`not worse`).
    """

    claim: Claim
    y: NDArray[np.int64]
    candidate: NDArray[np.int64]
    deployed: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    probabilities: NDArray[np.float64] = field(default_factory=_no_floats)
    turns: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    new: NDArray[np.bool_] = field(default_factory=_no_flags)
    census: Census | None = None
    disagreement: float = 0.0
    observations: int = 0
    golden_candidate: NDArray[np.bool_] = field(default_factory=_no_flags)
    golden_deployed: NDArray[np.bool_] = field(default_factory=_no_flags)
    latency_ms: float | None = None
    latency_budget_ms: float | None = None
    bets: Bets = field(default_factory=betting.start)


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Losses side by side: x and disagree (repeats, n), weights (n,), how many were capped."""

    x: NDArray[np.float64]
    disagree: NDArray[np.bool_]
    weights: NDArray[np.float64]
    capped: int

    @property
    def count(self) -> int:
        """Number of items."""
        return int(self.x.shape[1])


def judge(comparison: Comparison, settings: GateSettings | None = None) -> tuple[Verdict, Bets]:
    """Decide whether a candidate may be released.

    Returns:
        The verdict, and the bets to carry to the next turn (those given, untouched, unless the
        claim is `better`).

    Raises:
        UserError: An item's inclusion probability is unknown or not in (0, 1].
    """
    settings = settings or GateSettings()
    pairs = _pairs(comparison, settings)
    wealth, bets = _wealth(comparison, pairs, settings)
    needed = 1 / (settings.first_alpha if comparison.claim == "first" else settings.alpha)
    # The carried wealth multiplies small numbers; a rounding error must not refuse.
    evidence = Check(
        comparison.claim,
        wealth >= needed * (1 - 1e-12),
        _evidence(comparison, pairs, wealth, needed),
    )
    checks = (
        evidence,
        _golden(comparison, settings.golden_allowance),
        _latency(comparison),
        *_weighting(pairs, settings),
    )
    failed = [check for check in checks if not check.passed]
    if failed:
        reason = "refused: " + "; ".join(check.detail for check in failed)
    else:
        reason = f"released: {_shown(comparison, settings)}: {evidence.detail}"
    verdict = Verdict(
        released=not failed,
        claim=comparison.claim,
        reason=reason,
        wealth=wealth,
        labels=pairs.count,
        disagreement=float(comparison.disagreement),
        checks=checks,
        observations=comparison.observations,
    )
    return verdict, bets


def relative_weights(
    probabilities: NDArray[np.float64], turns: NDArray[np.int64], cap: float
) -> tuple[NDArray[np.float64], int]:
    """Turn inclusion probabilities into weights in (0, 1], each turn by itself.

    Within a turn the weight is proportional to 1/probability (Horvitz and Thompson 1952), cut at
    `cap` times the turn's median weight and divided by the turn's largest. A turn thus counts
    by its labels, not by its volume, and a census (all 1) or an equal draw weighs 1 an item.

    Returns:
        Weights (n,) and how many were cut; cutting biases, so the gate records it.
    """
    bad = ~((probabilities > 0) & (probabilities <= 1))
    if bad.any():
        raise UserError(
            f"judging item {int(np.argmax(bad))} has inclusion probability "
            f"{probabilities[int(np.argmax(bad))]}: the gate needs a known chance in (0, 1]; "
            "leave items that were picked without one out of the evidence"
        )
    weights = 1 / probabilities
    capped = 0
    for turn in np.unique(turns):
        mine = turns == turn
        limit = cap * float(np.median(weights[mine]))
        capped += int((weights[mine] > limit).sum())
        cut = np.minimum(weights[mine], limit)
        weights[mine] = cut / cut.max()
    return weights, capped


def _pairs(comparison: Comparison, settings: GateSettings) -> _Pairs:
    y = np.asarray(comparison.y)
    candidate = np.atleast_2d(comparison.candidate)
    if comparison.claim == "first":
        labels, counts = np.unique(y, return_counts=True)
        deployed = np.full((1, y.size), labels[counts.argmax()] if y.size else 0)
    else:
        deployed = np.atleast_2d(comparison.deployed)
    if candidate.shape[1] != y.size or deployed.shape[1] != y.size:
        raise ValueError(f"{y.size} labels, but decisions {candidate.shape} and {deployed.shape}")
    x = (candidate != y).astype(float) - (deployed != y).astype(float)
    weights, capped = np.ones(y.size), 0
    if comparison.probabilities.size:
        turns = comparison.turns if comparison.turns.size else np.zeros(y.size, dtype=np.int64)
        weights, capped = relative_weights(
            np.asarray(comparison.probabilities, dtype=float), turns, settings.weight_cap
        )
    return _Pairs(x, candidate != deployed, weights, capped)


def _wealth(comparison: Comparison, pairs: _Pairs, settings: GateSettings) -> tuple[float, Bets]:
    if comparison.claim == "first":
        return _sign_evidence(pairs), comparison.bets
    new = comparison.new if comparison.new.size else np.ones(pairs.count, dtype=bool)
    if comparison.claim == "better":
        bets = betting.update(comparison.bets, pairs.x[:, new], 0.0, pairs.weights[new])
        return bets.wealth, bets
    return _not_worse(comparison, pairs, settings, new)


def _not_worse(
    comparison: Comparison, pairs: _Pairs, settings: GateSettings, new: NDArray[np.bool_]
) -> tuple[float, Bets]:
    """Return the mean of e-values, which is an e-value: each gets an equal part of the stake.

    All labels of known chance (with the turn's census where there is one), the known
    disagreement, and the bets carried since the best release: the first wins where labels are
    many beside the observations, the second where they are few, the third where the regime
    shifts and earlier labels still speak for the old model.
    """
    margin, census = settings.margin, comparison.census
    if census is None:
        bets = betting.update(comparison.bets, pairs.x[:, new], margin, pairs.weights[new])
        values = [betting.wealth(pairs.x, margin, pairs.weights, grid=settings.grid), bets.wealth]
    else:
        known = (census.x, margin, census.weights, census.most)
        bets = betting.census(comparison.bets, *known)
        old = betting.update(
            betting.start(settings.grid), pairs.x[:, ~new], margin, pairs.weights[~new]
        )
        values = [betting.census(old, *known).wealth, bets.wealth]
    if comparison.observations > 0:
        sharpened = betting.sharpened_wealth(
            pairs.x,
            pairs.disagree,
            margin,
            disagreements=comparison.disagreement * comparison.observations,
            observations=comparison.observations,
            weights=pairs.weights,
            grid=settings.grid,
        )
        values.append(sharpened)
    return sum(values) / len(values), bets


def _sign_evidence(pairs: _Pairs) -> float:
    """Return 1/p of a one-sided exact sign test.

    Items on which the two are equally right say nothing; of the rest the candidate wins half
    under the null hypothesis (McNemar 1947, exact). Only the first repetition of the folds
    counts: several are no independent trials.
    """
    won, lost = int((pairs.x[0] < 0).sum()), int((pairs.x[0] > 0).sum())
    ways = sum(math.comb(won + lost, wins) for wins in range(won, won + lost + 1))
    chance = ways / (1 << (won + lost))
    return 1 / max(chance, 1 / betting.CEILING)


def _evidence(comparison: Comparison, pairs: _Pairs, wealth: float, needed: float) -> str:
    if pairs.count == 0 and comparison.observations == 0:
        return "there is no evidence: no judging label and no observation"
    figures = f"wealth {_number(wealth)} of the {_number(needed)} needed"
    if comparison.claim == "first":
        figures = figures.replace("wealth", "evidence (1/p)")
    labels = f"{pairs.count} label{'s' * (pairs.count != 1)}"
    # Adding 0 turns a rounded −0.0 into +0.0.
    mean = f" ({round(-100 * float(pairs.x.mean()), 1) + 0.0:+.1f} points)" if pairs.count else ""
    if comparison.claim == "first":
        return f"{labels}{mean} against the majority class give {figures}"
    first = pairs.disagree[0]
    sentence = f"{int(first.sum())} labelled disagreements of {labels}{mean} give {figures}"
    if comparison.claim == "better":
        carried = comparison.bets.count
        return sentence + (f", {carried} labels carried over from earlier turns" * (carried > 0))
    return sentence + (
        f"; the candidate decides differently on {100 * comparison.disagreement:.1f} % "
        f"of {comparison.observations} observations"
    ) * (comparison.observations > 0)


def _shown(comparison: Comparison, settings: GateSettings) -> str:
    if comparison.claim == "first":
        return "better than the majority class"
    if comparison.claim == "better":
        return "better than the deployed model"
    return f"less than {100 * settings.margin:g} points worse than the best release so far"


def _golden(comparison: Comparison, allowance: int) -> Check:
    mine = np.asarray(comparison.golden_candidate, dtype=bool)
    other = np.asarray(comparison.golden_deployed, dtype=bool)
    if mine.size == 0:
        return Check("golden set", True, "no golden items were set aside")
    if other.size == 0:
        return Check("golden set", True, f"{int(mine.sum())} of {mine.size} golden items right")
    lost, won = int((other & ~mine).sum()), int((mine & ~other).sum())
    detail = f"{lost} of {mine.size} golden items lost and {won} won, {allowance} net allowed"
    return Check("golden set", lost - won <= allowance, detail)


def _latency(comparison: Comparison) -> Check:
    budget, measured = comparison.latency_budget_ms, comparison.latency_ms
    if budget is None:
        return Check("latency", True, "the task has no latency budget")
    if measured is None:
        return Check("latency", False, f"latency was not measured (budget {budget:g} ms)")
    detail = f"99th percentile of verdict time {measured:.3g} ms, budget {budget:g} ms"
    return Check("latency", measured <= budget, detail)


def _weighting(pairs: _Pairs, settings: GateSettings) -> tuple[Check, ...]:
    if pairs.capped == 0:
        return ()
    detail = (
        f"{pairs.capped} of {pairs.count} weights cut at {settings.weight_cap:g} times "
        "their turn's median"
    )
    return (Check("weights", True, detail),)


def _number(value: float) -> str:
    """Write wealth with a digit that matters: 4.1, 20, 1,234, over 1,000,000."""
    if value > 1e6:
        return "over 1,000,000"
    return f"{value:,.0f}" if value >= 100 or value == round(value) else f"{value:.1f}"

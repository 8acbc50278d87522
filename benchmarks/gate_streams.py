"""Whole streams for benchmarks/gate.py: selection, refitting, and labels judged again and again.

A linear classifier is refitted every turn; labels are chosen by margin beside a random audit, and
everything is judged on the same cross-fitted folds over ten turns, through the `judge` of a turn.
A candidate that claims `not worse` is looked at twice, as in a turn: before and after the labels
that verify. Its bets are carried from refusal to refusal. What those two do is measured on the
same streams by judging each turn again in other ways (`WAYS`); only the first steers the stream.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twoloops.convergence.judging import betting
from twoloops.convergence.judging.betting import Bets
from twoloops.convergence.judging.evaluate import wilson
from twoloops.convergence.judging.gate import Census, Comparison, judge
from twoloops.convergence.turns.policy import Policy
from twoloops.records.gate import Claim

TURNS = 10
BAD_FROM = 5
"""Turn from which a candidate that was good is worse."""
WORSE = 0.065
"""By how much the candidate is truly worse where that is held."""
SHIFT = 0.3
"""How far the classes move every turn where the regime shifts."""
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def share(hits: int, total: int) -> dict[str, float]:
    """A rate with its 95 % interval."""
    low, high = wilson(hits / total, total)
    return {"rate": hits / total, "low": low, "high": high, "streams": total}


def differences(y: Ints, candidate: Ints, deployed: Ints) -> Floats:
    """Loss of the candidate − loss of the deployed model."""
    return (candidate != y).astype(float) - (deployed != y)


@dataclass(frozen=True)
class Kind:
    """What a world of part (c) is like.

    Args:
        claim: What the candidate claims.
        both_select: Whether the two sides take turns in choosing what is labelled, so that
            nothing at all tells them apart; otherwise the deployed one chooses, as in a turn.
        refit: Whether the candidate is compared with the deployed procedure, refitted; else with
            the best release, which stays until another is released and estimated to be as good.
        noise: Share of the candidate's training labels that are flipped.
        bad_from: Turn from which that share is instead chosen, turn by turn, so that the
            candidate is truly `WORSE`; `TURNS` is never.
        shift: How far the classes move every turn: part of their distance, in [0, 1).
    """

    claim: Claim
    both_select: bool = False
    refit: bool = True
    noise: float = 0.0
    bad_from: int = TURNS
    shift: float = 0.0


KINDS = {
    "equal recipes, both select, claim `better`": Kind("better", both_select=True),
    "equal recipes, the deployed one selects, claim `better`": Kind("better"),
    "candidate fitted on noisy labels, claim `not worse`": Kind("not worse", noise=0.165),
    "candidate always 5 to 8 points worse, claim `not worse`": Kind("not worse", bad_from=0),
    "the regime shifts, candidate always 5 to 8 points worse, claim `not worse`": Kind(
        "not worse", bad_from=0, shift=SHIFT
    ),
    "more labels, then 5 to 8 points worse, claim `not worse`": Kind(
        "not worse", refit=False, bad_from=BAD_FROM
    ),
    "more labels, same recipe, claim `not worse`": Kind("not worse", refit=False),
    "more labels, the regime shifts, claim `not worse`": Kind(
        "not worse", refit=False, shift=SHIFT
    ),
}


@dataclass(frozen=True)
class Way:
    """A way to judge `not worse`.

    Args:
        looks: How often a turn is judged: 2 is before and after the verifying labels, 1 is after.
        anew: When the carried bets begin anew beside a change of the best release: after every
            `release`, as in a turn, every `turn`, or `never`.
    """

    looks: int = 2
    anew: str = "release"


WAYS = {
    "used": Way(),
    "one look, after the verifying labels": Way(looks=1),
    "bets carried until another release is the best": Way(anew="never"),
    "bets begun anew every turn": Way(anew="turn"),
}


@dataclass(frozen=True)
class Outcome:
    """A turn: what each way of judging said, at which look, and the true accuracies."""

    released: dict[str, bool]
    first_look: bool
    candidate: float
    deployed: float


class World:
    """A stream of observations of four classes, in features that two recipes see in part.

    Both recipes see a shared part; each sees a part of its own. The two own parts have the same
    distribution, so that neither recipe is better, while their models do differ.
    """

    CLASSES, SHARED, OWN = 4, 10, 10
    SPREAD = (0.75, 0.45)

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.shared, self.own = self._means()

    def _means(self) -> tuple[Floats, Floats]:
        shared = self.rng.normal(size=(self.CLASSES, self.SHARED)) * self.SPREAD[0]
        return shared, self.rng.normal(size=(self.CLASSES, self.OWN)) * self.SPREAD[1]

    def move(self, shift: float) -> None:
        """Move the class means; their spread stays the same."""
        keep, (shared, own) = np.sqrt(1 - shift**2), self._means()
        self.shared, self.own = keep * self.shared + shift * shared, keep * self.own + shift * own

    def draw(self, n: int) -> tuple[Floats, Ints]:
        """Observations (n, shared + own + own) and their labels."""
        y = self.rng.integers(0, self.CLASSES, n)
        means = np.hstack([self.shared[y], self.own[y], self.own[y]])
        return means + self.rng.normal(size=means.shape), y

    def columns(self, recipe: int) -> Ints:
        """What a recipe sees."""
        own = np.arange(self.OWN) + self.SHARED + recipe * self.OWN
        return np.concatenate([np.arange(self.SHARED), own])


def fit(x: Floats, y: Ints, classes: int) -> Floats:
    """Linear classifier by ridge regression on one-hot labels: (features + 1, classes)."""
    design = np.hstack([x, np.ones((len(x), 1))])
    gram = design.T @ design + 3.0 * np.eye(design.shape[1])
    weights: Floats = np.linalg.solve(gram, design.T @ np.eye(classes)[y])
    return weights


def scores(weights: Floats, x: Floats) -> Floats:
    """Scores (n, classes)."""
    out: Floats = x @ weights[:-1] + weights[-1]
    return out


class Side:
    """One recipe, refitted on the labels so far, with its five folds."""

    FOLDS = 5

    def __init__(self, world: World, recipe: int, noise: float = 0.0) -> None:
        self.world, self.columns, self.noise = world, world.columns(recipe), noise

    def refit(self, x: Floats, y: Ints, ids: Ints, flips: Floats) -> None:
        """Fit on everything and without each fold; `flips` are fixed draws for label noise."""
        labels = np.where(flips < self.noise, (y + 1) % World.CLASSES, y)
        seen = x[:, self.columns]
        self.full = fit(seen, labels, World.CLASSES)
        self.parts = [
            fit(seen[ids % self.FOLDS != k], labels[ids % self.FOLDS != k], World.CLASSES)
            for k in range(self.FOLDS)
        ]

    def spoil(
        self, x: Floats, y: Ints, flips: Floats, fresh: Floats, truth: Ints, at: float
    ) -> None:
        """Choose the label noise so that accuracy on fresh items is about `at`."""
        seen, fresh, low, high = x[:, self.columns], fresh[:, self.columns], 0.0, 0.5
        for _ in range(6):
            self.noise = (low + high) / 2
            labels = np.where(flips < self.noise, (y + 1) % World.CLASSES, y)
            decided = scores(fit(seen, labels, World.CLASSES), fresh).argmax(axis=1)
            if (decided == truth).mean() > at:
                low = self.noise
            else:
                high = self.noise

    def honest(self, x: Floats, ids: Ints, learned: NDArray[np.bool_]) -> Ints:
        """Decide by a model that has not learned from the item."""
        seen = x[:, self.columns]
        which = np.where(learned, ids % self.FOLDS, self.FOLDS)
        stacked = np.stack([scores(one, seen) for one in [*self.parts, self.full]])
        return stacked[which, np.arange(len(x))].argmax(axis=1)

    def accuracy(self, x: Floats, y: Ints) -> float:
        """On fresh items."""
        return float((scores(self.full, x[:, self.columns]).argmax(axis=1) == y).mean())


def census(
    y: Ints, said: tuple[Ints, Ints], known: NDArray[np.bool_], drawn: Ints
) -> Census | None:
    """Say of every observation what is known, as a turn does.

    `None` where the two differ on an observation that had no chance to be labelled.
    """
    candidate, deployed = said
    out = Census(differences(y, candidate, deployed), np.ones(y.size), np.ones(y.size))
    open_rows = np.flatnonzero((candidate != deployed) & ~known)
    if open_rows.size:
        chance = drawn.size / open_rows.size
        if not chance:
            return None
        out.x[open_rows] = 0.0
        out.x[drawn] = differences(y[drawn], candidate[drawn], deployed[drawn]) / chance
        out.most[open_rows] = 1 / chance
    return out


def verified(
    rng: np.random.Generator,
    first: Comparison,
    y: Ints,
    said: tuple[Ints, Ints],
    known: NDArray[np.bool_],
    count: int,
) -> tuple[Ints, tuple[Comparison, Comparison]]:
    """Label a random draw of where the two differ: those rows, and both looks of the turn."""
    candidate, deployed = said
    drawn = rng.permutation(np.flatnonzero((candidate != deployed) & ~known))[:count]
    return drawn, (
        dataclasses.replace(first, census=census(y, said, known, drawn[:0])),
        dataclasses.replace(
            first,
            y=np.concatenate([first.y, y[drawn]]),
            candidate=np.concatenate([first.candidate, candidate[drawn]]),
            deployed=np.concatenate([first.deployed, deployed[drawn]]),
            new=np.concatenate([first.new, np.ones(drawn.size, dtype=bool)]),
            census=census(y, said, known, drawn),
        ),
    )


class Judging:
    """The judging of one turn in several ways; what two ways ask alike is asked once.

    Args:
        looks: What is known before the verifying labels and, where they are asked for, after.
    """

    def __init__(self, *looks: Comparison) -> None:
        self.looks = looks
        self._said: dict[tuple[int, Bets], tuple[bool, Bets]] = {}

    def by(self, way: Way, bets: Bets) -> tuple[bool, bool, Bets]:
        """Judge in one way: whether released, whether at the first look, the bets to carry."""
        early, (released, after) = False, (False, bets)
        for look in range(len(self.looks))[-way.looks :]:
            if not released:
                released, after = self._judge(look, bets)
                early = released and look + 1 < len(self.looks)
        # Bets for `better` are on one pair of bases: what is carried there is not spent.
        spent = way.anew == "turn" or (way.anew == "release" and released)
        if spent and self.looks[0].claim == "not worse":
            after = betting.start()
        return released, early, after

    def _judge(self, look: int, bets: Bets) -> tuple[bool, Bets]:
        if (look, bets) not in self._said:
            verdict, after = judge(dataclasses.replace(self.looks[look], bets=bets))
            self._said[look, bets] = verdict.released, after
        return self._said[look, bets]


def whole_stream(rng: np.random.Generator, kind: Kind) -> list[Outcome]:
    """One stream, turn by turn."""
    seed_size, volume, policy = 90, 460, Policy()
    audits = policy.audit_labels
    world = World(rng)
    deployed = Side(world, 0)
    candidate = Side(world, 1 if kind.claim == "better" else 0, kind.noise)
    total = seed_size + TURNS * volume
    x, y = world.draw(seed_size)
    fresh, truth = world.draw(3000)
    ids, flips = rng.permutation(total), rng.random(total)
    train = np.zeros(total, dtype=bool)
    train[:seed_size] = True
    judging = list(range(seed_size))
    bets = {name: betting.start() for name in WAYS}
    out: list[Outcome] = []
    refused = False
    for side in (deployed, candidate):
        side.refit(x, y, ids[:seed_size], flips[:seed_size])
    waiting: Ints = np.empty(0, dtype=np.int64)
    for turn in range(TURNS):
        if kind.shift:
            world.move(kind.shift)
            fresh, truth = world.draw(3000)
        now = np.arange(x.shape[0], x.shape[0] + volume)
        arrived = world.draw(volume)
        x, y = np.vstack([x, arrived[0]]), np.concatenate([y, arrived[1]])
        train[waiting] = True  # last turn's audit labels may train from now on
        audit = rng.choice(now, audits, replace=False)
        chooser = candidate if kind.both_select and turn % 2 else deployed
        ranked = np.sort(scores(chooser.full, x[now][:, chooser.columns]), axis=1)
        hard = now[np.argsort(ranked[:, -1] - ranked[:, -2])]
        verify = policy.verify_labels(refused) if kind.claim == "not worse" else 0
        chosen = hard[~np.isin(hard, audit)][: policy.labels_per_turn - audits - verify]
        train[chosen] = True
        waiting = audit
        learned = np.flatnonzero(train)
        if kind.refit:
            deployed.refit(x[learned], y[learned], ids[learned], flips[learned])
        if turn >= kind.bad_from:
            at = deployed.accuracy(fresh, truth) - WORSE
            candidate.spoil(x[learned], y[learned], flips[learned], fresh, truth, at)
        candidate.refit(x[learned], y[learned], ids[learned], flips[learned])
        judging += audit.tolist()
        items = np.array(judging)
        said = tuple(side.honest(x[now], ids[now], train[now]) for side in (candidate, deployed))
        first = Comparison(
            kind.claim,
            y[items],
            candidate.honest(x[items], ids[items], train[items]),
            deployed.honest(x[items], ids[items], train[items]),
            new=np.isin(items, audit) | (kind.claim == "better" and turn == 0),
            disagreement=float((said[0] != said[1]).mean()),
            observations=volume,
        )
        judging_it, drawn = Judging(first), waiting[:0]
        if kind.claim == "not worse":
            known = np.isin(now, np.concatenate([audit, chosen]))
            drawn, looks = verified(rng, first, y[now], said, known, verify)
            judging_it = Judging(*looks)
        released, early = {}, {}
        for name, way in WAYS.items():
            released[name], early[name], bets[name] = judging_it.by(way, bets[name])
        refused = not released["used"]
        if not early["used"]:
            waiting = np.concatenate([audit, now[drawn]])
        truly = candidate.accuracy(fresh, truth), deployed.accuracy(fresh, truth)
        out.append(Outcome(released, early["used"], *truly))
        right = [(of == first.y).mean() for of in (first.candidate, first.deployed)]
        if released["used"] and not kind.refit and right[0] >= right[1]:  # now the best release
            deployed.full, deployed.parts = candidate.full, candidate.parts
            bets = {name: betting.start() for name in WAYS}
    return out


def figures(kind: Kind, runs: list[list[Outcome]]) -> dict[str, Any]:
    """What is shown of a world."""
    gains = np.array([[one.candidate - one.deployed for one in run] for run in runs])
    every = {name: np.array([[one.released[name] for one in run] for run in runs]) for name in WAYS}
    first = np.array([[one.first_look for one in run] for run in runs])
    released, worse = every["used"], gains <= -0.05

    def of_streams(hits: NDArray[np.bool_]) -> dict[str, float]:
        return share(int(hits.any(axis=1).sum()), len(runs))

    def of_turns(hits: NDArray[np.bool_], turns: NDArray[np.bool_]) -> dict[str, float] | None:
        return share(int((hits & turns).sum()), int(turns.sum())) if turns.any() else None

    out: dict[str, Any] = {
        "mean true gain, points": 100 * float(gains.mean()),
        "standard deviation of the true gain, points": 100 * float(gains.std()),
        "accuracy of what it is compared with": [
            float(np.mean([run[turn].deployed for run in runs])) for turn in (0, TURNS - 1)
        ],
        "turns truly 5 points worse": share(int(worse.sum()), worse.size),
        "released in any of ten turns": of_streams(released),
        "released, of all turns": of_turns(released, np.ones_like(released)),
        "released in any turn in which it is truly no better": of_streams(released & (gains <= 0)),
        "released in any turn in which it is truly 5 points worse": of_streams(released & worse),
        "released, of turns truly 5 points worse": of_turns(released, worse),
        "released, of turns truly better": of_turns(released, gains > 0),
    }
    if kind.claim == "not worse":
        out["released at the first look, of all turns"] = of_turns(first, np.ones_like(first))
        out["released at the first look, of turns truly 5 points worse"] = of_turns(first, worse)
        out["ways"] = {
            name: {
                "released, of all turns": of_turns(hits, np.ones_like(hits)),
                "released, of turns truly 5 points worse": of_turns(hits, worse),
                "released in any turn truly 5 points worse": of_streams(hits & worse),
            }
            for name, hits in every.items()
        }
    if 0 < kind.bad_from < TURNS:
        out["by turn"] = {
            name: [float(rate) for rate in hits.mean(axis=0)] for name, hits in every.items()
        }
    return out


def whole_streams(streams: int, seed: int) -> dict[str, Any]:
    """Part (c)."""
    out: dict[str, Any] = {}
    for name, kind in KINDS.items():
        rng = np.random.default_rng([seed, 3])
        out[name] = figures(kind, [whole_stream(rng, kind) for _ in range(streams)])
    return out

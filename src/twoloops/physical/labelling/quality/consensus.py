"""Which label several labellers' answers stand for, by how reliable each of them is.

The model is Dawid and Skene's (1979): an item has one true label, and labeller w says l of an
item that is truly j with a chance π_w[j, l] of their own, whatever others say. Expectation and
maximisation take turns: how probable each label is of each item, then how each labeller confuses.

    p_i[j]     ∝ prior[j] · Π_w π_w[j, said by w of i] ^ weight
    coin_w     = (right_w + S · pooled) / (answers_w + S)        pooled: the same over all labellers
    π_w[j, l]  = (n_w[j, l] + R · coin_w[j, l]) / (n_w[j] + R)   coin_w[j, l] = coin_w if j = l,
                                                                 else (1 − coin_w) / (k − 1)

With few labels a labeller is thus little more than one coin (Zhang et al. 2016), and with very few
the average labeller; with many it has a confusion matrix. The pooled accuracy begins at
`ASSUMED`, which also keeps the solution in which everybody always lies away.

Two rules are ours. Only items with several people's answers teach how they confuse: an item with
one answer agrees with itself. And where a second look was asked for because the first answer was
suspected, that item does not teach (it was chosen for being doubtful), and answers given before
it was asked for count half.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from twoloops.physical.datasets import consensus as majority
from twoloops.physical.labelling.quality.matrix import Answers, Floats
from twoloops.records.label import Label
from twoloops.records.observation import Place

ASSUMED = 0.9
"""Accuracy a labeller is assumed to have before anything is known."""

ASSUMED_WEIGHT = 20.0
"""How many answers that assumption is worth, over all labellers together."""

SHRINK_LABELLER = 8.0
"""S: how many answers the average labeller is worth beside a labeller's own."""

SHRINK_ROW = 40.0
"""R: how many answers of one true label the labeller's one coin is worth."""

DOUBTED = 0.5
"""Weight of an answer that was given before a second look at it was asked for."""

STEPS = 200
TOLERANCE = 1e-7


class Consensus(NamedTuple):
    """What the answers to one item stand for.

    Args:
        label: One that somebody gave.
        probability: Of that label; `None` where nothing is known of how often labellers err.
        labels: How many answers there are.
    """

    label: str
    probability: float | None
    labels: int


class Fitted(NamedTuple):
    """What was learned of labellers.

    Args:
        prior: (k,) share of each true label.
        confusion: (w, k, k) chance that a labeller says the column's label of an item that is
            truly the row's.
        coin: (w,) each labeller's accuracy.
        items: How many items taught it.
    """

    prior: Floats
    confusion: Floats
    coin: Floats
    items: int


def consensus(
    given: Mapping[Place, Sequence[Label]], doubted: Mapping[Place, datetime] | None = None
) -> dict[Place, Consensus]:
    """Return what the answers to each item stand for.

    An item with one answer keeps it. Otherwise it is the label of greatest probability among those
    given; of equals the majority's, the one given last.

    Args:
        given: Labels by place; places without one are left out.
        doubted: When a second look at a place was asked for.
    """
    doubts = doubted or {}
    if all(len(labels) <= 1 for labels in given.values()):
        return {
            place: Consensus(labels[0].label, None, 1) for place, labels in given.items() if labels
        }
    answers = Answers.of(given)
    fitted = fit_trusted(answers, doubts)
    probabilities = posterior(_doubting(answers, given, doubts), fitted)
    column = {label: i for i, label in enumerate(answers.labels)}
    out = {}
    for row, place in enumerate(answers.places):
        labels = given[place]
        said = {one.label for one in labels}
        p = {label: float(probabilities[row, column[label]]) for label in said}
        best = max(p.values())
        tied = [one for one in labels if p[one.label] > best - 1e-9]
        chosen = majority(tied)
        out[place] = Consensus(chosen, p[chosen], len(labels))
    return out


def fit_trusted(answers: Answers, doubted: Mapping[Place, datetime]) -> Fitted:
    """Learn from items with several people's answers that were not chosen for being doubtful."""
    fresh = np.array([place not in doubted for place in answers.places], dtype=bool)
    return fit(answers.only((answers.opinions > 1) & fresh))


def fit(answers: Answers) -> Fitted:
    """Learn how labellers confuse, by expectation and maximisation; deterministic.

    Args:
        answers: Items that teach; with none, what is assumed is returned.
    """
    k = max(len(answers.labels), 1)
    votes = answers.votes()
    # Softened by one vote spread over all labels, so that no chance begins at zero.
    p = (votes + 1.0 / k) / (votes.sum(axis=1, keepdims=True) + 1.0)
    fitted = _maximise(answers, p)
    for _ in range(STEPS):
        before, p = p, posterior(answers, fitted)
        fitted = _maximise(answers, p)
        if not p.size or float(np.abs(p - before).max()) < TOLERANCE:
            break
    return fitted


def posterior(answers: Answers, fitted: Fitted) -> Floats:
    """Return how probable each label is of each item, (n, k)."""
    log = np.log(fitted.prior)[None, :].repeat(len(answers.places), axis=0)
    each = answers.weight[:, None] * np.log(fitted.confusion[answers.who, :, answers.said])
    np.add.at(log, answers.item, each)
    log -= log.max(axis=1, keepdims=True)
    p = np.exp(log)
    out: Floats = p / p.sum(axis=1, keepdims=True)
    return out


def _maximise(answers: Answers, p: Floats) -> Fitted:
    """Return prior and confusions of greatest likelihood, given labels' probabilities (n, k)."""
    k, w = max(len(answers.labels), 1), len(answers.labellers)
    counts = np.zeros((w, k, k))
    weighted = answers.weight[:, None] * p[answers.item]
    np.add.at(counts.transpose(0, 2, 1), (answers.who, answers.said), weighted)
    right = np.trace(counts, axis1=1, axis2=2)
    total = counts.sum(axis=(1, 2))
    pooled = (right.sum() + ASSUMED * ASSUMED_WEIGHT) / (total.sum() + ASSUMED_WEIGHT)
    coin = (right + SHRINK_LABELLER * pooled) / (total + SHRINK_LABELLER)
    flat = np.where(
        np.eye(k, dtype=bool)[None], coin[:, None, None], (1 - coin[:, None, None]) / max(k - 1, 1)
    )
    confusion = (counts + SHRINK_ROW * flat) / (counts.sum(axis=2, keepdims=True) + SHRINK_ROW)
    prior = (p.sum(axis=0) + 1.0) / (len(p) + k)
    return Fitted(prior, np.maximum(confusion, 1e-12), coin, len(answers.places))


def _doubting(
    answers: Answers, given: Mapping[Place, Sequence[Label]], doubted: Mapping[Place, datetime]
) -> Answers:
    """Return the answers with less weight where they were given before a second look."""
    if not doubted:
        return answers
    early = [
        place in doubted and one.labelled_at <= doubted[place]
        for place in answers.places
        for one in given[place]
    ]
    weight = answers.weight * np.where(np.array(early, dtype=bool), DOUBTED, 1.0)
    return Answers(
        answers.places, answers.labellers, answers.labels,
        answers.item, answers.who, answers.said, weight,
    )  # fmt: skip

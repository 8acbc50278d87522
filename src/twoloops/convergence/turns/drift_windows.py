"""What a look for drift compares: the windows before and since, thinned to plain samples.

Capture keeps uncertain and novel observations surely and routine ones by chance, by the model of
the day: what was kept before a release and after it differs even where nothing changed. So each
kept observation is let through with the chance least chance / own chance, by a draw of its own
place; what passes is a plain random sample of all that arrived, in both windows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from twoloops.convergence.judging import betting
from twoloops.convergence.recipes.specialise import label_indices
from twoloops.convergence.turns.evidence import Contender, Evidence
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.slices import WINDOW
from twoloops.edge.capture import chance
from twoloops.physical.drift.look import Audit, Decided, Inputs
from twoloops.physical.labelling.quality.agreed import agreed
from twoloops.records.observation import Observation
from twoloops.store.rows import Release

REFERENCE = 200
"""Observations of a reference, at most; earlier turns are added until there are so many."""

FIRST = 100
"""The release's own first decisions, which later ones are compared with."""

LIMIT = 4000
"""Observations since a release that are embedded; beyond, every second one, every fourth, …"""

DRAWS = -1
"""Seed of the thinning: no edge's own, as those are 0 or more."""


@dataclass(frozen=True)
class Windows:
    """Observations before and since a release, in order of time, thinned.

    Args:
        before: Of the turn it was trained on, and earlier ones where that has too few.
        since: Of later turns, and of none yet.
        unseen: Edges since that the window before does not know.
        arrived: Observations since, before thinning.
    """

    before: list[Observation]
    since: list[Observation]
    unseen: tuple[str, ...]
    arrived: int


def windows(loop: Loop, release: Release) -> Windows:
    """Gather both windows of a release."""
    store, name = loop.store, loop.task.name
    before: list[Observation] = []
    for turn in range(release.turn, -1, -1):
        before = [*loop.seen(turn), *before]
        if len(before) >= REFERENCE:
            break
    since = store.observations.after_turn(name, release.turn)
    gone = store.inputs.forgotten({one.input for one in since})
    since = [one for one in since if one.input not in gone]
    least = min((one.kept.probability for one in [*before, *since]), default=1.0)
    thin = 1.0
    while sum(one.kept.probability >= least for one in since) * thin > LIMIT:
        thin /= 2
    passed = [one for one in before if _passes(one, least)]
    edges = {one.place.edge for one in before}
    return Windows(
        before=passed[-REFERENCE:],
        since=[one for one in since if _passes(one, least * thin)],
        unseen=tuple(sorted({one.place.edge for one in since} - edges)),
        arrived=len(since),
    )


def _passes(one: Observation, least: float) -> bool:
    return chance(DRAWS, one.place) < least / one.kept.probability


def embedded(loop: Loop, release: Release, seen: Sequence[Observation]) -> Inputs:
    """Embed observations by the deployed model's base."""
    base = loop.base(loop.store.models.find(release.model).card.base)
    x = loop.bench.encoder.embed(base, [one.input for one in seen], loop.read)
    return Inputs(x, [one.place.edge for one in seen])


def decided(release: Release, seen: Sequence[Observation]) -> tuple[Decided, Decided]:
    """Return the release's first decisions, and those after.

    Only what the deployed model decided itself, as it came: what it says of observations it
    learned from is surer than what it will ever say of others.
    """
    made = [(one.decision, one.place.edge) for one in seen if one.decision is not None]
    own = [(one, edge) for one, edge in made if one.model == release.model and not one.escalated]
    first, later = own[:FIRST], own[FIRST:]
    return (
        Decided([one for one, _ in first], [edge for _, edge in first]),
        Decided([one for one, _ in later], [edge for _, edge in later]),
    )


def audited(loop: Loop, release: Release, budget: float, family: int) -> Audit:
    """Bet that the deployed model is wrong more often than it was at its release.

    Before: labels of known chance in its dataset, each decided by a head that has not learned its
    group, which errs rather more often than the deployed one: towards no alarm. What is bet
    against is the lower end of the exact interval (Clopper and Pearson 1934) of the share right.

    Args:
        loop: The task's.
        release: The one in force.
        budget: Of false alarms of the whole report.
        family: Features watched beside this one.
    """
    from scipy.special import betaincinv  # scipy.stats would take half a second of every start

    right = _right_since(loop, release)
    doubt = budget / (2 * (family + 1))
    if not right:
        return Audit(0, 0, 0, 0, 1.0, doubt, "no audit label of what it has decided yet")
    before = _right_before(loop, release)
    if not before:
        why = "no label of known chance from before its release"
        return Audit(0, 0, len(right), len(right) - sum(right), 1.0, doubt, why)
    hits = sum(before)
    least = float(betaincinv(hits, len(before) - hits + 1, doubt)) if hits else 0.0
    peak, bets = 1.0, betting.start()
    for one in right if least > 0 else ():
        bets = betting.update(bets, [float(one)], least)
        peak = max(peak, bets.wealth)
    return Audit(
        reference=len(before),
        wrong_before=len(before) - sum(before),
        current=len(right),
        wrong_since=len(right) - sum(right),
        wealth=peak,
        doubt=doubt,
    )


def _right_since(loop: Loop, release: Release) -> list[bool]:
    """Say of each audit label of the release's own decisions whether they agree, thinned."""
    store, name = loop.store, loop.task.name
    asked = {
        q.observation: q.probability
        for q in store.questions.of_task(name)
        if q.purpose == "audit" and q.probability is not None and q.turn > release.turn
    }
    labels = agreed(store, name, asked)
    seen = [
        one
        for one in store.observations.find(list(labels)).values()
        if one.decision is not None and one.decision.model == release.model
    ]
    least = min((asked[one.place] or 1.0 for one in seen), default=1.0)
    return [
        one.decision is not None and one.decision.label == labels[one.place].label
        for one in sorted(seen, key=lambda one: (one.observed_at, one.place))
        if chance(DRAWS, one.place) < least / (asked[one.place] or 1.0)
    ]


def _right_before(loop: Loop, release: Release) -> list[bool]:
    """Say of each judging item of the last turns whether the model, out of fold, agrees."""
    card = loop.store.models.find(release.model).card
    if loop.store.datasets.find(card.dataset) is None:
        return []
    dataset = loop.store.datasets.get(card.dataset)
    evidence = Evidence(loop, dataset, [], [], {})
    items = [item for item in evidence.items if item.turn > release.turn - WINDOW]
    if not items:
        return []
    made = loop.made(release.model)
    probabilities = evidence.of_items(made, items)
    said = Contender(made, card.threshold).decide(probabilities, loop.task.labels)
    return [bool(one) for one in said == label_indices(items, loop.task.labels)]

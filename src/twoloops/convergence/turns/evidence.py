"""The evidence of a turn: gather what both sides honestly say of the same items.

Every decision used as evidence comes from a head that has not learned from the item's group:
the candidate and the model it is compared with are cut along the same folds (`head.fold_of`).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twoloops.convergence.judging import betting, threshold
from twoloops.convergence.judging.betting import Bets
from twoloops.convergence.judging.gate import Census, Comparison, judge, relative_weights
from twoloops.convergence.recipes.specialise import Specialised, label_indices
from twoloops.convergence.turns.loop import Loop
from twoloops.convergence.turns.state import Candidate, TurnState
from twoloops.edge.runtime import Runtime
from twoloops.physical.labelling.quality.agreed import agreed
from twoloops.records.dataset import Dataset, Item
from twoloops.records.gate import Claim, Verdict
from twoloops.records.observation import Observation, Place
from twoloops.records.task import Task

Decisions = NDArray[np.int64]
LATENCY_SAMPLES = 30
VERIFIED = -1
"""Stratum of the verifying labels, where items carry their turn."""


@dataclass(frozen=True)
class Contender:
    """A specialised model with the threshold it would be deployed with."""

    made: Specialised
    threshold: float | None

    def decide(self, probabilities: NDArray[np.float64], labels: tuple[str, ...]) -> Decisions:
        """Decide as `edge.runtime.decisions` does; indices into the task's labels (n,)."""
        own = np.array([labels.index(label) for label in self.made.labels], dtype=np.int64)
        p_fault = self.made.p_fault(probabilities)
        normal = self.made.normal
        if p_fault is None or self.threshold is None or normal not in self.made.labels:
            return np.asarray(own[probabilities.argmax(axis=1)])
        at = self.made.labels.index(normal)
        faults = probabilities.copy()
        faults[:, at] = -1.0
        chosen = np.where(p_fault > self.threshold, faults.argmax(axis=1), at)
        return np.asarray(own[chosen])


class Evidence:
    """What a turn has for judging: items with a known inclusion probability, its observations.

    Args:
        loop: Embeds inputs.
        task: Its label order is the one of all decisions.
        dataset: The turn's.
        observations: The turn's kept observations.
        groups: Their groups.
        verified: Answered verifying questions, by the base of the candidate they serve.
        known: By base likewise, every label of the turn's observations, with the chance that it
            was drawn with: 1 for what was asked before the candidates were there.
    """

    def __init__(
        self,
        loop: Loop,
        dataset: Dataset,
        observations: Sequence[Observation],
        groups: Sequence[str],
        verified: Mapping[str, Sequence[Item]],
        known: Mapping[str, Mapping[Place, tuple[str, float]]] | None = None,
    ) -> None:
        self.task: Task = loop.task
        self.verified = verified
        self.known = known or {}
        self.dataset = dataset
        self.items: list[Item] = loop.present([item for item in dataset.items if item.judges])
        self.golden: list[Item] = loop.present(dataset.split("golden"))
        self.observations = observations
        self.groups = groups
        self.y = label_indices(self.items, self.task.labels)
        self._loop = loop

    def of_items(self, made: Specialised, items: Sequence[Item]) -> NDArray[np.float64]:
        """Honest probabilities of items (n, labels of the model)."""
        return self._honest(made, [item.input for item in items], [item.group for item in items])

    def of_observations(self, made: Specialised) -> NDArray[np.float64]:
        """Honest probabilities of the turn's observations."""
        return self._honest(made, [one.input for one in self.observations], self.groups)

    def _honest(
        self, made: Specialised, digests: Sequence[str], groups: Sequence[str]
    ) -> NDArray[np.float64]:
        x = self._loop.bench.encoder.embed(made.base, digests, self._loop.read)
        return made.honest(x, self.learned_as(made, digests, groups))

    def learned_as(
        self, made: Specialised, digests: Sequence[str], groups: Sequence[str]
    ) -> list[str]:
        """Return the groups of inputs by the names a model learned them under."""
        # Two groups become one when something like both arrives: a model that is older must be
        # asked by the names it learned under, or it would be asked about what it knows.
        datasets = self._loop.store.datasets
        learned = {item.input: item.group for item in datasets.get(made.dataset).split("train")}
        renamed = {
            item.group: learned[item.input] for item in self.dataset.items if item.input in learned
        }
        if made.recipe is not None:
            listed = datasets.get(made.recipe.unlabelled).split("unlabelled")
            learned = {item.input: item.group for item in listed} | learned
        return [
            learned.get(digest, renamed.get(group, group))
            for digest, group in zip(digests, groups, strict=True)
        ]

    @property
    def weights(self) -> NDArray[np.float64]:
        """1 / capture probability of each observation."""
        return np.array([1 / one.kept.probability for one in self.observations])

    def contender(self, made: Specialised) -> Contender:
        """Set the threshold by the task's rule, on this turn's and earlier evidence."""
        if self.task.normal is None or self.task.normal not in made.labels:
            return Contender(made, None)
        p_fault = made.p_fault(self.of_items(made, self.items))
        population = made.p_fault(self.of_observations(made)) if self.observations else None
        assert p_fault is not None
        normal = self.task.labels.index(self.task.normal)
        chosen = threshold.choose(
            p_fault,
            self.y != normal,
            self._item_weights(),
            self.task.costs,
            self.task.max_false_reject_rate,
            population=population,
            population_weights=self.weights if population is not None else None,
        )
        return Contender(made, chosen.threshold)

    def candidate(self, candidate: Candidate) -> Contender:
        """Return a candidate as it would be deployed."""
        card = self._loop.store.models.find(candidate.model).card
        return Contender(self._loop.made(candidate.model), card.threshold)

    def same_base(self, turn: TurnState) -> Contender:
        """Return the deployed base on the turn's dataset: what another base must beat.

        It is made as the deployed model was.
        """
        base = self._loop.base(turn.bases[0])
        recipe = self._loop.recipe_on(turn.bases[0])
        return self.contender(self._loop.specialised(base, self.dataset, recipe))

    def differ(self, one: Contender, other: Contender) -> NDArray[np.bool_]:
        """Say on which of the turn's observations two contenders decide differently."""
        labels = self.task.labels
        mine = one.decide(self.of_observations(one.made), labels)
        theirs = other.decide(self.of_observations(other.made), labels)
        out: NDArray[np.bool_] = mine != theirs
        return out

    def accuracy(self, one: Contender) -> float:
        """Estimated accuracy on the judging items; every turn counts by its labels."""
        decided = one.decide(self.of_items(one.made, self.items), self.task.labels)
        return float(np.average(decided == self.y, weights=self._item_weights()))

    def compare(
        self,
        claim: Claim,
        candidate: Contender,
        other: Contender | None,
        bets: Bets | None = None,
        since: int = -1,
    ) -> tuple[Verdict, Bets]:
        """Let the gate judge a candidate against another contender.

        Args:
            claim: What the candidate must show.
            candidate: Who must show it.
            other: Whom it is compared with; `None` for the majority class.
            bets: Carried bets of this very pair.
            since: The last turn whose items those bets have seen.
        """
        labels = self.task.labels
        # What was asked to verify this very pair is a stratum of its own beside the items.
        asked = [] if other is None else list(self.verified.get(candidate.made.base.card.name, ()))
        items = [*self.items, *asked]
        mine = candidate.decide(self.of_items(candidate.made, items), labels)
        theirs = np.empty(0, dtype=np.int64)
        golden = np.empty(0, dtype=bool)
        disagreement = 0.0
        if other is not None:
            theirs = other.decide(self.of_items(other.made, items), labels)
            golden = self._golden(other)
            if self.observations:
                disagreement = float(
                    np.average(self.differ(candidate, other), weights=self.weights)
                )
        return judge(
            Comparison(
                claim=claim,
                y=label_indices(items, labels).astype(np.int64),
                candidate=mine,
                deployed=theirs,
                probabilities=np.array([item.probability for item in items]),
                turns=np.array(
                    [item.turn for item in self.items] + [VERIFIED] * len(asked), dtype=np.int64
                ),
                new=np.concatenate([self._new(since), np.ones(len(asked), dtype=bool)]),
                census=self._census(candidate, other) if claim == "not worse" else None,
                disagreement=disagreement,
                observations=self._effective(),
                golden_candidate=self._golden(candidate),
                golden_deployed=golden,
                latency_ms=self._latency(candidate),
                latency_budget_ms=self.task.latency_budget_ms,
                bets=bets or betting.start(self._loop.policy.settings.grid),
            ),
            self._loop.policy.settings,
        )

    def _census(self, candidate: Contender, other: Contender | None) -> Census | None:
        """Say of every observation by how much the candidate loses, as far as labels tell.

        `None` where the two differ on an observation that had no chance to be labelled.
        """
        known = self.known.get(candidate.made.base.card.name)
        if other is None or not self.observations or known is None:
            return None
        labels = self.task.labels
        mine = candidate.decide(self.of_observations(candidate.made), labels)
        theirs = other.decide(self.of_observations(other.made), labels)
        differing = np.flatnonzero(mine != theirs).tolist()
        askable = {one.place for one in self._loop.askable(self.observations)}
        drawn = min((chance for _, chance in known.values() if chance < 1), default=0.0)
        x, most = np.zeros(mine.size), np.ones(mine.size)
        for i in differing:
            place = self.observations[i].place
            label, chance = known.get(place, (None, drawn if place in askable else 0.0))
            if not chance:
                return None
            most[i] = 1 / chance
            if label is not None:
                y = labels.index(label)
                x[i] = (float(mine[i] != y) - float(theirs[i] != y)) / chance
        return Census(x, self.weights / self.weights.max(), most)

    def _effective(self) -> int:
        """Kish's effective number of observations: unequal weights tell less than equal ones."""
        if not self.observations:
            return 0
        return int(self.weights.sum() ** 2 / (self.weights**2).sum())

    def _item_weights(self) -> NDArray[np.float64]:
        chances = np.array([item.probability for item in self.items])
        turns = np.array([item.turn for item in self.items], dtype=np.int64)
        return relative_weights(chances, turns, self._loop.policy.settings.weight_cap)[0]

    def _new(self, since: int) -> NDArray[np.bool_]:
        """Items that carried bets have not seen."""
        return np.array([item.turn > since for item in self.items], dtype=bool)

    def _golden(self, one: Contender) -> NDArray[np.bool_]:
        if not self.golden:
            return np.empty(0, dtype=bool)
        decided = one.decide(self.of_items(one.made, self.golden), self.task.labels)
        out: NDArray[np.bool_] = decided == label_indices(self.golden, self.task.labels)
        return out

    def _latency(self, one: Contender) -> float | None:
        """99th percentile of single decisions by the file itself, in ms."""
        digests = [item.input for item in (self.golden or self.items)][:LATENCY_SAMPLES]
        if not digests:
            return None
        runtime = Runtime(one.made.model(one.threshold))
        read = self._loop.read(digests)
        runtime.decide([read[digests[0]]])  # the first call allocates
        times = []
        for digest in digests:
            started = time.perf_counter()
            runtime.decide([read[digest]])
            times.append(1000 * (time.perf_counter() - started))
        return float(np.quantile(times, 0.99))


def evidence_of(loop: Loop, turn: TurnState) -> Evidence:
    """Gather the evidence of a turn from the store."""
    assert turn.dataset is not None
    name = loop.task.name
    seen = loop.seen(turn.number)
    places = [place for one in turn.verifying for place in one.observations]
    asked = loop.store.observations.find(places)
    gone = loop.store.inputs.forgotten({one.input for one in asked.values()})
    labels = agreed(loop.store, name, places)
    groups = dict(zip(places, loop.groups([asked[place] for place in places]), strict=True))
    questions = loop.store.questions.of_turn(name, turn.number)
    chances = {q.observation: q.probability for q in questions}
    verified = {
        one.base: [
            Item(
                turn=turn.number,
                input=asked[place].input,
                label=labels[place].label,
                split="audit",
                judges=True,
                probability=chances[place] or 1.0,
                group=groups[place],
            )
            for place in one.observations
            if place in labels and asked[place].input not in gone
        ]
        for one in turn.verifying
    }
    before = [q.observation for q in questions if q.purpose != "verify"]
    first = {place: (said.label, 1.0) for place, said in agreed(loop.store, name, before).items()}
    known = {candidate.base: dict(first) for candidate in turn.candidates}
    for one in turn.verifying:
        for place in one.observations:
            if place in labels:
                known[one.base][place] = (labels[place].label, chances[place] or 1.0)
    dataset = loop.store.datasets.get(turn.dataset)
    return Evidence(loop, dataset, seen, loop.groups(seen), verified, known)

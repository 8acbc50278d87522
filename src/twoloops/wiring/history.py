"""What a task's records say of its turns, read from the catalog once: money, audits, releases."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from twoloops.analysis.overview.facts import Change, Judgement, Spend, TakenBack
from twoloops.convergence.judging.evaluate import ENOUGH, Estimate, Estimates, estimate, estimates
from twoloops.convergence.recipes import spent
from twoloops.convergence.recipes.spent import Spent
from twoloops.convergence.trials.compare import paired
from twoloops.convergence.turns.state import Stage, TurnState
from twoloops.edge.runtime import Runtime
from twoloops.physical.labelling.quality.agreed import agreed
from twoloops.records.digests import Digest
from twoloops.records.errors import UserError
from twoloops.records.gate import Verdict
from twoloops.records.journal import Fact
from twoloops.records.money import sums
from twoloops.records.observation import Decision, Place
from twoloops.records.task import Task
from twoloops.store import models
from twoloops.store.rows import Release, StoredModel
from twoloops.store.workspace import Store
from twoloops.wiring.adopting import DEPLOYED_FACT

TEACHER = "teacher"
"""Begins the kinds of facts, and the names of labellers, that are a teacher's."""
ASKING: tuple[Stage, ...] = ("observe", "select", "label")
"""Stages before a turn's labels are all there: those at hand are no random sample of it."""
OUTSIDE = -1
"""The turn of what no turn asked for."""


@dataclass(frozen=True)
class Audit:
    """An audit label beside what was decided when its observation came.

    Attributes:
        turn: The turn that asked.
        chance: Inclusion probability, in (0, 1].
        truth: The labellers' consensus.
        decision: Of the model deployed then.
        input: Digest of the input.
    """

    turn: int
    chance: float
    truth: str
    decision: Decision
    input: Digest


@dataclass(frozen=True)
class Seen:
    """Observations of a turn: how many are kept, and how many decisions these stand for."""

    kept: int
    decisions: float


class Memory:
    """What looking again need not find out again: it never changes.

    Attributes:
        said: What a model decides on an input, by their digests.
        seen: The observations of a turn that has claimed them, by task and turn.
    """

    def __init__(self) -> None:
        self.said: dict[tuple[Digest, Digest], str] = {}
        self.seen: dict[tuple[str, int], Seen] = {}


class History:
    """A task's past.

    Args:
        store: Read from, once.
        task: The task.
        memory: Added to.
    """

    def __init__(self, store: Store, task: Task, memory: Memory | None = None) -> None:
        name = task.name
        self.task = task
        self.states = [row.read(TurnState) for row in store.turns.all(name)]
        self.facts: dict[int, list[Fact]] = {}
        for fact in store.journal.facts(name):
            self.facts.setdefault(fact.turn, []).append(fact)
        self.models: dict[Digest, StoredModel] = {
            one.digest: one for one in store.models.of_task(name)
        }
        self.releases: list[Release] = store.releases.all(name)
        self.holding = store.releases.holding(name)
        self._back = _taken_back(store, name, self.facts.get(OUTSIDE, []))
        self.seen = _seen(store, name, self.states, memory or Memory())
        questions = store.questions.of_task(name)
        self.asked = {one.observation: one.turn for one in questions}
        self.labels = store.labels.of_task(name)
        answered = {one.number for one in self.states if one.stage not in ASKING}
        self.audits = [one for one in _audits(store, task) if one.turn in answered]
        self._spent: dict[int, list[Spent]] = spent.all_turns(store, name)
        self._seconds = _seconds(store, name, self.asked)

    @property
    def deployed(self) -> Release | None:
        """The release in force."""
        return self.holding[-1] if self.holding else None

    @property
    def first(self) -> Release | None:
        """The first release there ever was."""
        return self.releases[0] if self.releases else None

    def estimates(self, audits: Iterable[Audit]) -> Estimates:
        """Estimate from audit labels what the decisions beside them got right."""
        return rates(self.task, [(one, one.decision.label) for one in audits])

    def of_model(self, model: Digest) -> list[Audit]:
        """Return the audit labels of what a model decided while it was deployed."""
        return [one for one in self.audits if one.decision.model == model]

    def before(self, turn: int) -> Release | None:
        """Return the release that was in force when a turn began to judge."""
        found = [one for one in self.releases if one.turn < turn]
        return found[-1] if found else None

    def released(self, turn: int) -> Release | None:
        """Return the last release on a turn's dataset, or `None`."""
        found = [one for one in self.releases if one.turn == turn]
        return found[-1] if found else None

    def spend(self, turn: int) -> Spend:
        """Return what a turn cost."""
        facts = self.facts.get(turn, [])
        paid = [fact for fact in facts if fact.kind == "labels paid"]
        taught = [
            one
            for one in self.labels
            if one.labeller.startswith(f"{TEACHER}:")
            and self.asked.get(one.observation, OUTSIDE) == turn
        ]
        vain = [fact.cost for fact in facts if fact.kind.startswith(TEACHER)]
        told = [fact.cost for fact in facts if fact.kind in ("labels paid", "could not tell")]
        made = self._spent.get(turn, [])
        return Spend(
            labels=sum(int(fact.body["labels"]) for fact in paid),
            people=sums(told, minus=[one.cost for one in taught]),
            minutes=self._seconds[turn] / 60 if self._seconds.get(turn) else None,
            taught=len(taught),
            teachers=sums([*(one.cost for one in taught), *vain]),
            cpu_seconds=sum(one.cpu_seconds for one in made) if made else None,
            flop=sum(one.flop for one in made) if made else None,
        )

    def bought(self, turn: int) -> int:
        """Return how many labels were paid for by the end of a turn."""
        return sum(
            int(fact.body["labels"])
            for number, facts in self.facts.items()
            for fact in facts
            if number <= turn and fact.kind == "labels paid"
        )

    def judgements(self) -> list[Judgement]:
        """Return what was said of every candidate, in order of turns; trials after the turn's."""
        found: list[Judgement] = []
        known: set[tuple[int, Digest]] = set()
        for state in self.states:
            for candidate in state.candidates:
                if candidate.verdict is not None:
                    known.add((state.number, candidate.model))
                    found.append(self._judged(state.number, candidate.model, candidate.verdict))
        for release in self.releases:
            if (release.turn, release.model) not in known:
                known.add((release.turn, release.model))
                found.append(self._judged(release.turn, release.model, release.verdict, trial=True))
        for turn, facts in self.facts.items():
            for fact in facts:
                model = fact.body.get("model", "")
                if fact.kind == "gate refused" and (turn, model) not in known:
                    known.add((turn, model))
                    found.append(self._judged(turn, model, fact.body["reason"], trial=True))
        # Sorting is stable: a turn's own candidates stay before what was tried after it.
        return sorted(found, key=lambda one: one.turn)

    def _judged(
        self, turn: int, model: Digest, said: Verdict | str, *, trial: bool = False
    ) -> Judgement:
        verdict = None if isinstance(said, str) else said
        return Judgement(
            turn=turn,
            model=model,
            base=self.models[model].card.base if model in self.models else "",
            released=verdict is not None and verdict.released,
            person=(turn, model) in self.by_person,
            claim=None if verdict is None else verdict.claim,
            reason=said if isinstance(said, str) else said.reason,
            wealth=None if verdict is None else verdict.wealth,
            labels=None if verdict is None else verdict.labels,
            taken_back=self.taken_back(turn, model) if verdict and verdict.released else None,
            trial=trial,
        )

    def taken_back(self, turn: int, model: Digest) -> TakenBack | None:
        """Return that a release counts no longer; `None` where it does."""
        return self._back.get((None, model)) or self._back.get((turn, model))

    @property
    def by_person(self) -> set[tuple[int, Digest]]:
        """What persons deployed without asking the gate, by turn and model."""
        return {
            (turn, fact.body["model"])
            for turn, facts in self.facts.items()
            for fact in facts
            if fact.kind == DEPLOYED_FACT
        }


def rates(task: Task, said: Sequence[tuple[Audit, str]]) -> Estimates:
    """Estimate rates of whatever decided `said` on audit labels."""
    index = {label: number for number, label in enumerate(task.labels)}
    return estimates(
        [index[one.truth] for one, _ in said],
        # A label the task no longer has is decided wrong.
        [index.get(label, -1) for _, label in said],
        None if task.normal is None else index[task.normal],
        [one.chance for one, _ in said],
    )


def asked_again(
    store: Store, model: Digest, audits: Sequence[Audit], memory: Memory
) -> list[tuple[Audit, str]]:
    """Return what a model's file says of audit labels; those whose input is gone are left out.

    The caller answers for the model not having learned from them.
    """
    known = memory.said
    known |= {
        (model, one.input): one.decision.label for one in audits if one.decision.model == model
    }
    missing = {one.input for one in audits if (model, one.input) not in known}
    if missing:
        read = store.inputs.get_many(sorted(missing))  # what was forgotten is not among them
        try:
            said = Runtime(store.models.get(model)).decide(list(read.values())) if read else []
        except UserError:  # its file is damaged or gone: then nothing is known of it
            said = []
        for digest, one in zip(read, said, strict=False):
            known[model, digest] = one.label
    return [(one, known[model, one.input]) for one in audits if (model, one.input) in known]


def beside(mine: Sequence[str], other: Sequence[str], audits: Sequence[Audit]) -> Change:
    """Compare what two models say of the same audit labels, item by item: mine − other."""
    if len(audits) < ENOUGH:
        return Change(None, None, len(audits), len(audits))
    truth = np.array([one.truth for one in audits])
    weights = np.array([1 / one.chance for one in audits])
    value, interval = paired(np.array(mine) == truth, np.array(other) == truth, weights)
    return Change(value, interval, len(audits), len(audits))


def majority(audits: Sequence[Audit]) -> tuple[str, Estimate]:
    """Return the most frequent true label, and its share: what always saying it gets right."""
    weights: dict[str, float] = {}
    for one in audits:
        weights[one.truth] = weights.get(one.truth, 0.0) + 1 / one.chance
    label = max(sorted(weights), key=lambda name: weights[name], default="")
    hits = [one.truth == label for one in audits]
    return label, estimate(hits, [one.chance for one in audits])


def _taken_back(
    store: Store, task: str, facts: Iterable[Fact]
) -> dict[tuple[int | None, Digest], TakenBack]:
    """Return the releases that count no longer, by turn and model; `None`: of any turn."""
    found: dict[tuple[int | None, Digest], TakenBack] = {}
    for model in store.releases.revoked():
        fact = store.journal.by_key(f"{models.REVOKED}/{model}")
        if fact is not None:
            found[None, model] = TakenBack("revoked", fact.body["reason"], fact.recorded_at)
    withdrawn = store.releases.withdrawn(task)
    for fact in facts:  # the last one counts
        if fact.kind == models.WITHDRAWN:
            one = int(fact.body["turn"]), fact.body["model"]
            if one in withdrawn:
                found[one] = TakenBack("withdrawn", fact.body["why"], fact.recorded_at)
    return found


def _seen(store: Store, task: str, states: Iterable[TurnState], memory: Memory) -> dict[int, Seen]:
    found = {}
    for state in states:
        known = memory.seen.get((task, state.number))
        if known is None:
            seen = store.observations.of_turn(task, state.number)
            decided = [1 / one.kept.probability for one in seen if one.decision is not None]
            known = Seen(len(seen), math.fsum(decided))
            if state.stage != "observe":  # from then on it claims no more
                memory.seen[task, state.number] = known
        found[state.number] = known
    return found


def _audits(store: Store, task: Task) -> list[Audit]:
    """Return audit labels of known chance on observations that a model decided."""
    asked = [
        one
        for one in store.questions.of_task(task.name)
        if one.purpose == "audit" and one.probability is not None
    ]
    places = [one.observation for one in asked]
    seen = store.observations.find(places)
    labels = agreed(store, task.name, places)
    found = []
    for question in asked:
        one = seen.get(question.observation)
        said = labels.get(question.observation)
        if one is not None and one.decision is not None and said is not None:
            assert question.probability is not None
            found.append(
                Audit(question.turn, question.probability, said.label, one.decision, one.input)
            )
    return found


def _seconds(store: Store, task: str, asked: Mapping[Place, int]) -> dict[int, float]:
    """Return the measured time of people by the turn that asked."""
    total: dict[int, float] = {}
    spent = [
        (place, note.seconds)
        for (place, who), note in store.notes.find(asked).items()
        if not who.startswith(f"{TEACHER}:")
    ]
    spent += [(one.observation, one.seconds) for one in store.passes.of_task(task)]
    for place, seconds in spent:
        turn = asked.get(place, OUTSIDE)
        total[turn] = total.get(turn, 0.0) + seconds
    return total

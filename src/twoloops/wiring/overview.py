"""What the overview shows, gathered from the catalog and the journal: no page, no drawing."""

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from twoloops.analysis.overview.change import changes, saving
from twoloops.analysis.overview.facts import (
    Baselines,
    Counts,
    CurvePoint,
    DeployedModel,
    Judgement,
    Measured,
    OpenTurn,
    Overview,
    ReturnPoint,
    Returns,
    Spend,
    TaskOverview,
    TurnLift,
)
from twoloops.convergence.judging.evaluate import estimate
from twoloops.convergence.turns.state import TurnState
from twoloops.convergence.turns.workspace_turn import incoming, policy_of
from twoloops.digital.catalogue import available, upstream
from twoloops.digital.price import CPU_HOUR
from twoloops.physical.labelling.questions import open_questions
from twoloops.records.money import Sums
from twoloops.records.task import Costs, Task
from twoloops.store.workspace import Store
from twoloops.wiring.beginning import MEASURED
from twoloops.wiring.history import (
    OUTSIDE,
    Audit,
    History,
    Memory,
    asked_again,
    beside,
    majority,
    rates,
)
from twoloops.wiring.publishing import FACT as PUBLISHED
from twoloops.wiring.verified import Verified, problems
from twoloops.wiring.worth import worth_of

T = TypeVar("T")

MOST = 64
"""Answers that are remembered at a time."""

VERIFIED = 30.0
"""Seconds for which the journal's chain, once verified, is taken for whole."""


class Remembered:
    """Answers computed once for as long as nothing was decided.

    Whatever is asked for is computed again when the journal, a task or a turn has moved on, and
    when the journal's chain was last verified too long ago.
    """

    def __init__(self) -> None:
        self.verified = Verified()
        self._memory = Memory()
        self._key: object = None
        self._since = 0.0
        self._known: dict[object, Any] = {}

    def overview(self, store: Store) -> Overview:
        """Return the overview."""
        return self.answer(
            store, "overview", lambda: overview_of(store, self._memory, self.verified)
        )

    def answer(self, store: Store, name: object, compute: Callable[[], T]) -> T:
        """Return what `compute` gives, or gave earlier under this name."""
        key, at = key_of(store), time.monotonic()
        # Two threads may compute the same at once; each keeps a whole answer of its own.
        if key != self._key or at - self._since > VERIFIED:
            self._key, self._since, self._known = key, at, {}
        known = self._known
        if name not in known:
            if len(known) >= MOST:
                known.clear()
            known[name] = compute()
        found: T = known[name]
        return found


def key_of(store: Store) -> object:
    """Return what changes whenever an overview would."""
    tasks = store.tasks.all()
    turns = [
        (row.task, row.number, row.stage) for one in tasks for row in store.turns.all(one.name)
    ]
    return store.journal.head(), tasks, turns


def counts_of(store: Store) -> Counts:
    """Count what both loops hold now."""
    tasks = store.tasks.all()
    models = [one for task in tasks for one in store.models.of_task(task.name)]
    releases = [one for task in tasks for one in store.releases.all(task.name)]
    released = {one.model for one in releases}
    waiting = {task.name: len(open_questions(store, task.name)) for task in tasks}
    offered = {name for task in tasks for name in _offered(store, task)}
    return Counts(
        bases_offered=len(offered),
        bases_tried=len({one.card.base for one in models}),
        bases_adopted=len({one.card.base for one in models if one.digest in released}),
        models=len({one.digest for one in models}),
        releases=len(releases),
        published=len({one.body["model"] for one in store.journal.facts(kind=PUBLISHED)}),
        observations=sum(store.observations.count(task.name) for task in tasks),
        questions=sum(waiting.values()),
        labels=sum(store.labels.count(task.name) for task in tasks),
        deployed=sum(store.releases.deployed(task.name) is not None for task in tasks),
        datasets=sum(len(store.datasets.of_task(task.name)) for task in tasks),
        open_turns=tuple(
            OpenTurn(task.name, row.number, row.read(TurnState).stage, waiting[task.name])
            for task in tasks
            if (row := store.turns.open(task.name)) is not None
        ),
    )


def _offered(store: Store, task: Task) -> list[str]:
    """Return names of the bases that a task's next turn may try; none of them is loaded."""
    names = [f"built-in features for {task.kind} {task.shape}"]
    if task.kind != "signal" or task.shape is not None:
        offers = upstream(task.kind, task.shape)
        names += [one.name for one in available(offers, incoming(store, task.name))]
    for one in store.bases.all():
        if one.dropped_at is None and (one.card.input, one.shape) == (task.kind, task.shape):
            names += [one.name, f"built-in+{one.name}"]
    return names


def overview_of(
    store: Store, memory: Memory | None = None, verified: Verified | None = None
) -> Overview:
    """Gather the overview of a workspace.

    Args:
        store: The workspace's.
        memory: What an earlier look found out for good; added to.
        verified: How far the journal was found whole earlier; added to.
    """
    facts, head = store.journal.head()
    known = memory or Memory()
    return Overview(
        tasks=tuple(task_overview(store, task, known) for task in store.tasks.all()),
        facts=facts,
        head=head,
        broken=problems(store, verified),
    )


def task_overview(store: Store, task: Task, memory: Memory) -> TaskOverview:
    """Gather one task; `memory` is added to."""
    history = History(store, task, memory)
    first = _of_first(store, history, memory)
    said = history.judgements()
    turns = tuple(_turn(history, state, said) for state in history.states)
    deployed = history.deployed
    mine = [] if deployed is None else history.of_model(deployed.model)
    return TaskOverview(
        task=task,
        deployed=_deployed(history),
        estimates=history.estimates(mine),
        turns=turns,
        baselines=_baselines(history, first),
        returns=_returns(history, first),
        curve=_curve(history),
        batch=policy_of(store, task.name).labels_per_turn,
        worth=worth_of(store, task).advice,
        measured=store.evidence.get(task.name, MEASURED, Measured, turn=OUTSIDE),
        judgements=tuple(reversed(said)),
    )


def _deployed(history: History) -> DeployedModel | None:
    one = history.deployed
    if one is None:
        return None
    base = history.models[one.model].card.base
    person = (one.turn, one.model) in history.by_person
    return DeployedModel(one.model, base, one.turn, one.approved_at, person)


def _turn(history: History, state: TurnState, said: Sequence[Judgement]) -> TurnLift:
    number = state.number
    seen = history.seen[number]
    facts = history.facts.get(number, [])
    new, old = history.released(number), history.before(number)
    after = None if new is None else history.estimates(history.of_model(new.model))
    before = None if old is None else history.estimates(history.of_model(old.model))
    changed = None
    if before is not None and after is not None and new and old and new.model != old.model:
        changed = changes(before, after)
    mine = [one for one in history.audits if one.turn == number]
    return TurnLift(
        number=number,
        at=max((fact.recorded_at for fact in facts), default=None),
        stage=state.stage,
        observations=seen.kept,
        decisions=seen.decisions,
        spend=history.spend(number),
        released=None if new is None else new.model,
        judgements=tuple(one for one in said if one.turn == number),
        reason=state.reason,
        base_note=state.base_note,
        before=before,
        after=after,
        changes=changed,
        majority=majority(mine)[1],
        right=history.estimates(mine).accuracy,
    )


def _of_first(store: Store, history: History, memory: Memory) -> list[tuple[Audit, str]]:
    """Return what the first model says of every audit label that came after it."""
    first = history.first
    if first is None:
        return []
    later = [one for one in history.audits if one.turn > first.turn]
    return asked_again(store, first.model, later, memory)


def _baselines(history: History, first: Sequence[tuple[Audit, str]]) -> Baselines | None:
    if history.first is None:
        return None
    later = [one for one in history.audits if one.turn > history.first.turn]
    if not later:
        return None
    audits = [one for one, _ in first]
    deployed = history.estimates(audits).accuracy
    kept = rates(history.task, first).accuracy
    gain = beside([one.decision.label for one in audits], [said for _, said in first], audits)
    label, always = majority(audits)
    return Baselines(
        deployed=deployed,
        first=kept,
        gain=gain,
        majority=always,
        majority_label=label,
        left_out=len(later) - len(audits),
    )


def _returns(history: History, first: Sequence[tuple[Audit, str]]) -> Returns:
    task, costs = history.task, history.task.costs
    numbers = [OUTSIDE, *(state.number for state in history.states)]
    spends = {number: history.spend(number) for number in numbers}
    names = {costs.escape.currency, costs.false_reject.currency, costs.label.currency}
    names |= {one.currency for spend in spends.values() for one in (*spend.people, *spend.teachers)}
    currency = costs.label.currency
    priced = currency == "USD"
    spent = {number: _priced(spend, compute=priced) for number, spend in spends.items()}
    begun = None if history.first is None else history.first.turn

    def returns(why_not: str, points: tuple[ReturnPoint, ...] = ()) -> Returns:
        before = [number for number in numbers if begun is None or number <= begun]
        return Returns(
            currency=currency,
            points=points,
            first=sum(spent[number] for number in before),
            compute=priced,
            default_costs=costs == Costs(),
            why_not=why_not,
        )

    if len(names) > 1:
        return returns(f"money is in several currencies ({', '.join(sorted(names))}): no sum")
    if begun is None:
        return returns("nothing was released yet, so nothing was saved yet")
    if task.normal is None:
        return returns("the task names no normal label, so nothing says what a mistake costs")
    points, decisions, total = [], 0.0, 0.0
    for number in numbers:
        if number <= begun:
            continue
        total += spent[number]
        decisions += history.seen[number].decisions
        audits = [(one, said) for one, said in first if one.turn <= number]
        saved = saving(
            [one.truth != task.normal for one, _ in audits],
            [said != task.normal for _, said in audits],
            [one.decision.label != task.normal for one, _ in audits],
            [one.chance for one, _ in audits],
            float(costs.escape.amount),
            float(costs.false_reject.amount),
        )
        points.append(
            ReturnPoint(
                number,
                total,
                None if saved is None else decisions * saved[0],
                None if saved is None else (decisions * saved[1][0], decisions * saved[1][1]),
                decisions,
                len(audits),
            )
        )
    return returns("", tuple(points))


def _priced(spend: Spend, *, compute: bool) -> float:
    """Return what a turn cost in money, compute at the price of a CPU hour."""
    money: Sums = (*spend.people, *spend.teachers)
    hours = (spend.cpu_seconds or 0.0) / 3600 if compute else 0.0
    return float(sum(one.amount for one in money)) + hours * CPU_HOUR


def _curve(history: History) -> tuple[CurvePoint, ...]:
    found = []
    for release in {one.model: one for one in history.releases}.values():
        made = history.models[release.model]
        if made.turn >= 0:
            audits = history.of_model(release.model)
            wrong = estimate(
                [one.decision.label != one.truth for one in audits],
                [one.chance for one in audits],
            )
            found.append(CurvePoint(history.bought(made.turn), made.turn, made.digest, wrong))
    return tuple(sorted(found, key=lambda one: (one.labels, one.turn)))

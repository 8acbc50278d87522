"""What a task's history says of the worth of its next labels: gathered from the store."""

from collections.abc import Sequence

from twoloops.convergence.judging.stopping import Advice, advise
from twoloops.convergence.judging.worth import Basis, Point, Prices, point
from twoloops.convergence.turns.state import TurnState
from twoloops.physical.datasets import consensus
from twoloops.records.digests import Digest
from twoloops.records.label import Label, Question
from twoloops.records.observation import Observation, Place
from twoloops.records.task import Costs, Task
from twoloops.store.workspace import Store

HORIZON_TURNS = 4
"""The next model is used for as many observations as so many turns bring, if nobody says else."""


def unit_of(task: Task) -> str:
    """Return what a task's amounts are in: its currency, or labels where no cost was ever set.

    >>> unit_of(Task("t", "text", ("a", "b")))
    'labels'
    """
    return "labels" if task.costs == Costs() else task.costs.escape.currency


def advice_of(
    store: Store,
    task: Task,
    labels: int,
    horizon: float | None = None,
    *,
    before: int | None = None,
) -> Advice:
    """Say whether a task's next labels are worth their price.

    Args:
        store: Where facts stay.
        task: The task.
        labels: How many are asked about.
        horizon: Observations over which the next model is used; `None` for what `HORIZON_TURNS`
            turns bring at the present rate.
        before: Only what earlier turns than this one found out; `None` for all that is known.
    """
    return advise_on(basis_of(store, task, before), task, labels, horizon)


def advise_on(basis: Basis, task: Task, labels: int, horizon: float | None = None) -> Advice:
    """Say it of a history gathered before; arguments as for `advice_of`."""
    over = HORIZON_TURNS * basis.per_turn if horizon is None else horizon
    return advise(basis, labels, over, unit_of(task))


def basis_of(store: Store, task: Task, before: int | None = None) -> Basis:
    """Gather what the worth of the next labels stands on.

    Args:
        store: Where facts stay.
        task: The task.
        before: Only turns before this one count; `None` for all whose labels are all there.
    """
    rows = store.turns.all(task.name)
    if before is None:
        # While a turn still waits for labels, those at hand are no random sample of its own.
        before = next(
            (row.number for row in rows if row.stage in ("observe", "select", "label")),
            len(rows) + 1,
        )
    asked = [q for q in store.questions.of_task(task.name) if q.turn < before]
    labels = store.labels.find(q.observation for q in asked)
    released = {one.model: one.turn for one in store.releases.all(task.name) if one.turn < before}
    deployed = _deployed(store, task, before)
    closed = [
        row.number
        for row in rows
        if 0 < row.number < before and row.read(TurnState).stage == "closed"
    ]
    known = [q for q in asked if q.observation in labels]
    learned = {
        model: sum(q.turn <= turn for q in known) for model, turn in released.items() if turn >= 0
    }
    return Basis(
        points=_points(store, task, known, labels, learned),
        bought=len(known),
        learned=learned.get(deployed, 0) if deployed is not None else 0,
        turns=len(closed),
        releases=len({turn for turn in released.values() if turn in closed}),
        per_turn=_per_turn(asked),
        prices=_prices(task, labels),
        why_not=_why_not(task, deployed, learned),
    )


def _deployed(store: Store, task: Task, before: int) -> Digest | None:
    """Return the model in force before a turn."""
    found = [one.model for one in store.releases.holding(task.name) if one.turn < before]
    return found[-1] if found else None


def _why_not(task: Task, deployed: Digest | None, learned: dict[Digest, int]) -> str:
    if task.normal is None:
        return (
            "the task names no normal label, so there are no escapes and no false rejects, and "
            "nothing says what a mistake costs"
        )
    costs = task.costs
    if len({costs.escape.currency, costs.false_reject.currency, costs.label.currency}) > 1:
        return "the task's costs are in several currencies, which do not add"
    if deployed is None:
        return "nothing is deployed yet"
    if deployed not in learned:
        return "the deployed model was adopted, so how many labels it learned from is not known"
    return ""


def _points(
    store: Store,
    task: Task,
    known: Sequence[Question],
    labels: dict[Place, list[Label]],
    learned: dict[Digest, int],
) -> tuple[Point, ...]:
    """Sum up the audit labels of each turn, apart for each model that decided."""
    audits = [q for q in known if q.purpose == "audit" and q.probability is not None]
    seen = store.observations.find(q.observation for q in audits)
    groups: dict[tuple[int, Digest], list[tuple[Question, Observation]]] = {}
    for question in audits:
        one = seen.get(question.observation)
        if one is not None and one.decision is not None and one.decision.model in learned:
            groups.setdefault((question.turn, one.decision.model), []).append((question, one))
    out = []
    for (turn, model), pairs in sorted(groups.items()):
        out.append(
            point(
                turn,
                learned[model],
                [consensus(labels[one.place]) != task.normal for _, one in pairs],
                [
                    one.decision is not None and one.decision.label != task.normal
                    for _, one in pairs
                ],
                [question.probability or 1.0 for question, _ in pairs],
            )
        )
    return tuple(out)


def _per_turn(asked: Sequence[Question]) -> float:
    """Return the observations a turn brings, kept or not: the mean of the last turns.

    Σ 1/probability over a turn's audit questions counts all that were made (Horvitz and Thompson).
    """
    volumes: dict[int, float] = {}
    for question in asked:
        if question.purpose == "audit" and question.probability is not None:
            volumes[question.turn] = volumes.get(question.turn, 0.0) + 1 / question.probability
    last = [volumes[turn] for turn in sorted(volumes)[-HORIZON_TURNS:]]
    return sum(last) / len(last) if last else 0.0


def _prices(task: Task, labels: dict[Place, list[Label]]) -> Prices:
    """Return the task's costs; a label's is the mean of what was paid, where something was."""
    costs = task.costs
    paid = [one.cost for given in labels.values() for one in given]
    same = [float(one.amount) for one in paid if one.currency == costs.label.currency]
    price = sum(same) / len(same) if same and sum(same) > 0 else float(costs.label.amount)
    return Prices(float(costs.escape.amount), float(costs.false_reject.amount), price)

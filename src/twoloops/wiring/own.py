"""Gather what the exhibits of one's own loops need, from a workspace or a replay's folder."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec

from twoloops import __version__
from twoloops.analysis.controls.matrix import matrix
from twoloops.analysis.exhibits.model import Exhibit
from twoloops.analysis.own.exhibits import exhibits
from twoloops.analysis.own.facts import Own, OwnBase, OwnModel, OwnTask, OwnTurn
from twoloops.atlas.ratings import ratings
from twoloops.convergence.judging.evaluate import Estimate
from twoloops.convergence.recipes import spent
from twoloops.convergence.replays.outcome import ReplayResult
from twoloops.convergence.turns.state import TurnState
from twoloops.digital.price import frontier_price, tokens_of
from twoloops.records.errors import UserError
from twoloops.records.journal import Fact
from twoloops.records.money import Money
from twoloops.records.observation import Observation
from twoloops.records.task import Task
from twoloops.store.workspace import CATALOG, Store
from twoloops.wiring.replay import RESULT, STORE
from twoloops.wiring.status import estimates_of
from twoloops.wiring.system import system_of
from twoloops.wiring.workspace import reading, workbench

TYPICAL = 200
"""So many inputs tell how long a typical one is."""


def mine(workspace: Path, replay: Path | None = None) -> tuple[Exhibit, ...]:
    """Return the exhibits of one's own loops, controls as of today.

    Raises:
        UserError: There is no workspace, no complete replay, or no task in it.
    """
    gathered = own(workspace, replay)
    system = system_of(workspace if replay is None else replay)
    return exhibits(gathered, matrix(system, datetime.now(UTC).date(), ratings()))


def own(workspace: Path, replay: Path | None = None) -> Own:
    """Gather a workspace, or the folder of a replay.

    Raises:
        UserError: There is no workspace, no complete replay, or no task in it.
    """
    if replay is None and (workspace / RESULT).is_file():
        replay = workspace  # whoever names a replay means the replay
    if replay is None:
        with reading(workspace) as store:
            return _gather(store, str(workspace), None)
    result = _result(replay)
    with reading(replay / STORE) as store:
        return _gather(store, str(replay), result)


def _result(folder: Path) -> ReplayResult:
    try:
        data = (folder / RESULT).read_bytes()
        if (folder / STORE / CATALOG).is_file():
            return msgspec.json.decode(data, type=ReplayResult)
    except (OSError, msgspec.MsgspecError):
        pass
    raise UserError(
        f"{folder} holds no complete replay of this version (it has no {RESULT} that can be "
        f"read): run  twoloops replay SOURCE --out {folder}  to its end first"
    )


def _gather(store: Store, name: str, result: ReplayResult | None) -> Own:
    tasks = tuple(_task(store, task) for task in store.tasks.all())
    if not tasks:
        raise UserError(
            f"{name} has no task yet, so there is nothing to show: add one with  twoloops task "
            "add NAME --kind text --labels A,B --normal A, or make the workspace from a replay"
        )
    facts, head = store.journal.head()
    last = store.journal.facts()[-1:]
    return Own(
        name=name,
        what="workspace" if result is None else "replay",
        tasks=tasks,
        bases=_bases(tasks, store),
        facts=facts,
        head=head,
        latest=last[0].recorded_at if last else None,
        replay=result,
        version=__version__,
        broken=tuple(store.journal.verify()),
    )


def _task(store: Store, task: Task) -> OwnTask:
    turns = _turns(store, task)
    release = store.releases.deployed(task.name)
    seen = store.observations.of_task(task.name)
    typical = store.inputs.get_many({one.input for one in seen[-TYPICAL:]})
    tokens = tokens_of(task, list(typical.values()))
    places: dict[str, tuple[int, float]] = {}
    for one in seen:
        kept, stands_for = places.get(one.place.edge, (0, 0.0))
        decided = 1 / one.kept.probability if one.decision is not None else 0.0
        places[one.place.edge] = (kept + 1, stands_for + decided)
    currency = task.costs.label.currency
    labellers: dict[str, tuple[int, Money]] = {}
    for label in store.labels.of_task(task.name):
        # Two currencies never add: what somebody was paid in another one stands by itself.
        paid_in = label.cost.currency
        who = label.labeller if paid_in == currency else f"{label.labeller} ({paid_in})"
        number, cost = labellers.get(who, (0, Money(Decimal(0), paid_in)))
        labellers[who] = (number + 1, cost + label.cost)
    paid = store.journal.spent(task.name, "labels paid")
    return OwnTask(
        task=task,
        turns=turns,
        models=_models(store, task),
        labellers=labellers,
        elsewhere=tuple(one for one in paid if one.currency != currency),
        places=places,
        estimates=estimates_of(store, task, None if release is None else release.model),
        earlier=estimates_of(store, task, None),
        tokens=tokens,
        frontier=frontier_price(*tokens, datetime.now(UTC)),
        fitting=_fitting(store, task),
    )


def _fitting(store: Store, task: Task) -> float | None:
    """Return the CPU seconds of fitting that were kept, or `None` where none were."""
    made = [one for turn in spent.all_turns(store, task.name).values() for one in turn]
    return sum(one.cpu_seconds for one in made) if made else None


def _models(store: Store, task: Task) -> tuple[OwnModel, ...]:
    releases = store.releases.all(task.name)
    approved = {one.model: one.approved_at for one in releases}
    deployed = releases[-1].model if releases else None
    return tuple(
        OwnModel(
            digest=one.digest,
            card=one.card,
            turn=one.turn,
            released=one.digest in approved,
            deployed=one.digest == deployed,
            size=len(store.models.get(one.digest)) if one.digest == deployed else None,
            approved_at=approved.get(one.digest),
        )
        for one in store.models.of_task(task.name)
    )


def _turns(store: Store, task: Task) -> tuple[OwnTurn, ...]:
    name = task.name
    by_turn: dict[int, list[Fact]] = {}
    for fact in store.journal.facts(name):
        by_turn.setdefault(fact.turn, []).append(fact)
    bases = {one.digest: one.card.base for one in store.models.of_task(name)}
    return tuple(
        _turn(
            store,
            task,
            row.read(TurnState),
            row.closed,
            by_turn.get(row.number, []),
            bases,
            estimates_of(store, task, None, turn=row.number).accuracy,
        )
        for row in store.turns.all(name)
    )


def _turn(
    store: Store,
    task: Task,
    state: TurnState,
    closed: bool,
    facts: list[Fact],
    bases: dict[str, str],
    right: Estimate,
) -> OwnTurn:
    seen = store.observations.of_turn(task.name, state.number)
    paid = [fact for fact in facts if fact.kind == "labels paid"]
    splits: Counter[str] = Counter()
    if state.dataset is not None:
        splits.update(item.split for item in store.datasets.get(state.dataset).items)
    return OwnTurn(
        number=state.number,
        period=_period(seen, state.period),
        closed=closed,
        at=max((fact.recorded_at for fact in facts), default=None),
        facts=(facts[0].sequence, facts[-1].sequence) if facts else (0, 0),
        observations=len(seen),
        decisions=sum(1 / one.kept.probability for one in seen if one.decision is not None),
        labels=sum(int(fact.body["labels"]) for fact in paid),
        cost=_in(task.costs.label.currency, (fact.cost for fact in paid)),
        train=splits["train"],
        golden=splits["golden"],
        audit=splits["audit"],
        dataset=state.dataset,
        released=bases.get(state.released or "", ""),
        reason=state.reason,
        base_note=state.base_note,
        right=right,
    )


def _period(seen: list[Observation], otherwise: str) -> str:
    """Return the days that a turn's observations span, as their own times say."""
    if not seen:
        return otherwise
    days = [min(seen, key=lambda one: one.observed_at), max(seen, key=lambda one: one.observed_at)]
    first, last = (one.observed_at.date().isoformat() for one in days)
    return first if first == last else f"{first} to {last}"


def _bases(tasks: Iterable[OwnTask], store: Store) -> tuple[OwnBase, ...]:
    """Return every base that a task stands on, has tried, or is offered."""
    found: dict[str, OwnBase] = {}
    for own in tasks:
        bench = workbench(own.task, store)
        first = bench.first(own.task)
        offers = {name: offer.available_from_turn for name, offer in bench.offers.items()}
        names = [first.card.name, *(model.card.base for model in own.models), *offers]
        for name in dict.fromkeys(names):
            loaded = first if name == first.card.name else bench.load(name)
            known = not isinstance(loaded, str)
            earlier = found.get(name)
            found[name] = OwnBase(
                name=name,
                card=loaded.card if not isinstance(loaded, str) else None,
                missing="" if known else str(loaded),
                offered_from=offers.get(name, 0),
                tasks=(*(earlier.tasks if earlier else ()), own.task.name),
            )
    return tuple(found[name] for name in sorted(found))


def _in(currency: str, costs: Iterable[Money | None]) -> Money | None:
    """Return the part of costs that is in a currency, or `None` where none is."""
    found = [one.amount for one in costs if one is not None and one.currency == currency]
    return Money(sum(found, Decimal(0)), currency) if found else None

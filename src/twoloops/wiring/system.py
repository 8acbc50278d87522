"""What a system rests on, read from a workspace or from the folder of a replay."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from twoloops.analysis.controls.declared import INHERENT, teacher_item
from twoloops.analysis.controls.shocks import Compared, Fit, Released, TaskBases
from twoloops.analysis.controls.system import Item, Layer, System, Value, base_item
from twoloops.convergence.recipes import spent
from twoloops.convergence.replays.outcome import ReplayResult
from twoloops.convergence.turns.state import TurnState
from twoloops.convergence.turns.terms import brought_by
from twoloops.records.base import BaseCard
from twoloops.records.errors import UserError
from twoloops.records.gate import Verdict
from twoloops.records.task import Task
from twoloops.store.workspace import CATALOG, Store
from twoloops.wiring.replay import RESULT, STORE
from twoloops.wiring.workspace import reading, workbench

POINTS = re.compile(r"\(([+-]\d+(?:\.\d+)?) points\)")
"""How the gate writes the difference of two models; figures of a verdict are kept as text."""

GAPS: dict[Layer, str] = {
    "training-compute": "nothing was specialised yet",
    "base-weights": "no model was specialised yet, so no base is in use",
    "edge-hardware": "what the models run on is not recorded: name it with --hardware",
    "deployment-data": "no observations yet",
    "teacher-api": "no label came from a teacher",
    "cross-border-flow": "where models and data go is not recorded: name it with --to",
}


def place_of(folder: Path) -> tuple[Path, ReplayResult | None]:
    """Return the folder of the store, and the result where it is a complete replay's.

    Raises:
        UserError: It is neither a workspace nor the folder of a replay.
    """
    if (folder / CATALOG).is_file():
        return folder, None
    if (folder / STORE / CATALOG).is_file():
        try:
            data = (folder / RESULT).read_bytes()
            return folder / STORE, msgspec.json.decode(data, type=ReplayResult)
        except (OSError, msgspec.MsgspecError):
            return folder / STORE, None
    raise UserError(
        f"{folder} is neither a workspace nor the folder of a replay: name one with --workspace, "
        "make one with  twoloops init , or declare a system with --declare FILE or --hardware NAME"
    )


def system_of(folder: Path) -> System:
    """Return what a workspace or a replay rests on, as far as its records say.

    Raises:
        UserError: There is none.
    """
    where, result = place_of(folder)
    with reading(where) as store:
        items = [item for task in store.tasks.all() for item in _items(store, task, result)]
    kind = "workspace" if where == folder else "replay"
    return System(title=f"{kind} {folder}", gaps=GAPS).with_items(items)


def tasks_of(folder: Path, name: str | None = None) -> tuple[TaskBases, ...]:
    """Return what each task stands on, or the one named.

    Raises:
        UserError: There is no such folder or task.
    """
    where, result = place_of(folder)
    with reading(where) as store:
        tasks = store.tasks.all() if name is None else [store.tasks.get(name)]
        return tuple(_bases(store, task, result) for task in tasks)


def _items(store: Store, task: Task, result: ReplayResult | None) -> Iterator[Item]:
    models = store.models.of_task(task.name)
    if models:
        yield _training(store, task, len(models), result)
    cards = dict(_cards(store, task))
    for base, card in cards.items():
        used = sum(model.card.base == base for model in models)
        deployed = store.releases.deployed(task.name)
        now = deployed is not None and store.models.find(deployed.model).card.base == base
        what = f"{used} models of {task.name!r}{', the deployed one among them' if now else ''}"
        if isinstance(card, BaseCard):
            above = [one for one in card.lineage if _is_model(one.relation)]
            yield base_item(
                base,
                _publishers(card),
                [(base, card.licence), *((one.name, one.licence) for one in above)],
                what=f"{card.kind}: {what}",
                weights="published" if card.parameters else "none",
            )
        else:
            yield base_item(base, (), [(base, "")], what=f"{what}; no card: {card}")
    if count := store.observations.count(task.name):
        labels = store.labels.count(task.name)
        yield Item(
            layer="deployment-data",
            subject="data",
            name=f"observations of {task.name!r}",
            what=f"{task.kind}: {count:,} kept, {labels:,} labels, "
            f"{len(store.datasets.of_task(task.name))} datasets",
            facts=INHERENT["data"],
            known_from="lineage",
        )
    said = Counter(one.labeller for one in store.labels.of_task(task.name))
    for labeller, times in sorted(said.items()):
        if labeller.startswith("teacher:"):
            name = labeller.removeprefix("teacher:")
            # Its terms are those it was attached with, whatever it is called here.
            terms = brought_by(store, name).teacher or name
            what = f"{times:,} labels of {task.name!r}, by {labeller}"
            yield teacher_item(terms, what, known_from="lineage")


def _is_model(relation: str) -> bool:
    """Whether an ancestor is a model: data a base was trained on has no licence of weights."""
    return not relation.startswith("trained on")


def _publishers(card: BaseCard) -> list[str]:
    """Return the publishers of a base and of the models it was made from."""
    own = re.sub(r"\([^)]*\)", "", card.publisher).split(",")
    return [*own, *(one.publisher for one in card.lineage if _is_model(one.relation))]


def _training(store: Store, task: Task, models: int, result: ReplayResult | None) -> Item:
    """Return the training of a task's models, with what was recorded of its compute."""
    facts: dict[str, Value] = {}
    kept = [one for turn in spent.all_turns(store, task.name).values() for one in turn]
    if result is not None:
        facts["training_operations"] = result.compute.training_flop
        told = _compute(
            "the whole replay, all arms and seeds",
            result.compute.training_flop,
            result.compute.training_cpu_seconds,
        )
    elif kept:
        flop, seconds = sum(one.flop for one in kept), sum(one.cpu_seconds for one in kept)
        facts["training_operations"] = flop
        told = _compute(f"{len(kept)} of {models} models", flop, seconds)
    else:
        told = "compute not recorded"
    return Item(
        layer="training-compute",
        subject="training",
        name=f"models of {task.name!r}",
        what=f"{models} models specialised; {told}",
        facts=facts,
        known_from="result" if result is not None else "journal",
    )


def _compute(of: str, flop: float, seconds: float) -> str:
    return f"{of}: {flop:.2g} floating-point operations, {seconds:.1f} CPU seconds"


def _cards(store: Store, task: Task) -> Iterator[tuple[str, BaseCard | str]]:
    """Return the card of every base that models of a task stand on, or why it cannot be had."""
    names = dict.fromkeys(model.card.base for model in store.models.of_task(task.name))
    if not names:
        return
    bench = workbench(task, store)
    first = bench.first(task)
    for name in names:
        found = first if name == first.card.name else bench.load(name)
        yield name, found if isinstance(found, str) else found.card


def _bases(store: Store, task: Task, result: ReplayResult | None) -> TaskBases:
    models = {model.digest: model.card for model in store.models.of_task(task.name)}
    ancestry: dict[str, tuple[str, ...]] = {}
    for card in models.values():
        above = store.lineage.ancestors(card.base_digest)
        names = (card.base, *card.base.split("+"), *(node.title for node in above))
        ancestry[card.base] = tuple(dict.fromkeys(names))
    bench = workbench(task, store)
    return TaskBases(
        task=task.name,
        labels=store.labels.count(task.name),
        releases=tuple(
            Released(one.turn, models[one.model].base, one.model)
            for one in store.releases.all(task.name)
        ),
        ancestry=ancestry,
        offered=(bench.first(task).card.name, *bench.offers),
        compared=(*_arms(result), *_judged(store, task)),
        fits=tuple(
            Fit(
                base=one.base,
                items=one.items,
                cpu_seconds=one.cpu_seconds,
                flop=one.flop,
                how=f"fitted in turn {turn} on {one.items:,} items",
            )
            for turn, made in sorted(spent.all_turns(store, task.name).items(), reverse=True)
            for one in made
        ),
    )


def _arms(result: ReplayResult | None) -> Iterator[Compared]:
    """Compare the arm of both loops with that of data only, in the turns their bases differ."""
    if result is None:
        return
    pairs: dict[tuple[str, str], list[tuple[float, int, int]]] = {}
    for both, data in zip(result.turns, result.data, strict=True):
        if both.base != data.base and both.accuracy is not None and data.accuracy is not None:
            gain = 100 * (both.accuracy - data.accuracy)
            pairs.setdefault((both.base, data.base), []).append((gain, both.scored, both.turn))
    for (base, other), turns in pairs.items():
        yield Compared(
            base=base,
            against=other,
            points=round(sum(gain for gain, _, _ in turns) / len(turns), 2),
            n=sum(scored for _, scored, _ in turns),
            how=f"measured by the replay: arms 'both' and 'data' in {len(turns)} turns "
            f"({', '.join(str(turn) for _, _, turn in turns)})",
        )


def _judged(store: Store, task: Task) -> Iterator[Compared]:
    """Return what the gate measured of other bases, the latest turn first."""
    for row in reversed(store.turns.all(task.name)):
        state = row.read(TurnState)
        for one in state.candidates:
            found = None if one.verdict is None else _points(one.verdict)
            if found is not None and one.verdict is not None and one.base != state.bases[0]:
                yield Compared(
                    base=one.base,
                    against=state.bases[0],
                    points=found,
                    n=one.verdict.labels,
                    how=f"measured by the gate in turn {state.number} on "
                    f"{one.verdict.labels:,} labels",
                )


def _points(verdict: Verdict) -> float | None:
    """Return by how much the candidate of a claim `better` was better, in points."""
    if verdict.claim != "better":
        return None
    found = next((POINTS.search(c.detail) for c in verdict.checks if c.name == "better"), None)
    return None if found is None else float(found.group(1))

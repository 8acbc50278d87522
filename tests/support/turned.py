"""A task with closed turns, written into a store without training anything."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from twoloops.convergence.turns.state import TurnState
from twoloops.records.base import ModelCard
from twoloops.records.dataset import Dataset, Item
from twoloops.records.digests import digest_bytes
from twoloops.records.gate import Verdict
from twoloops.records.label import Label, Purpose, Question
from twoloops.records.money import Money
from twoloops.records.observation import Decision, Kept, Observation, Place
from twoloops.records.task import Costs, Task
from twoloops.store.workspace import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEED, AUDITS, SELECTED = 30, 40, 20
CHANCE = 0.1


def euros(escape: str, false_reject: str, label: str) -> Costs:
    return Costs(*(Money(Decimal(word), "EUR") for word in (escape, false_reject, label)))


def turned(
    store: Store,
    escapes: Sequence[int],
    *,
    rejects: Sequence[int] = (),
    faults: int = 20,
    costs: Costs | None = None,
    refused: Sequence[int] = (),
    normal: str | None = "ok",
) -> Task:
    """Write a task whose turns 1, 2, … have so many escapes among their audit labels.

    Turn 0 releases a first model; every other turn has `AUDITS` audit labels (`faults` of them
    faults, drawn with chance `CHANCE`) and `SELECTED` that teach, and releases a model unless it
    is named in `refused`.
    """
    task = Task("strip", "text", ("crack", "ok"), normal, costs or euros("100", "5", "1"))
    store.tasks.put(task)
    deployed = _release(store, task, 0)
    _ask(store, task, 0, "seed", ["ok"] * SEED, ["ok"] * SEED, None)
    for turn, missed in enumerate(escapes, 1):
        called = rejects[turn - 1] if rejects else 0
        truth = ["crack"] * faults + ["ok"] * (AUDITS - faults)
        said = ["ok"] * missed + ["crack"] * (faults - missed + called)
        said += ["ok"] * (AUDITS - len(said))
        _ask(store, task, turn, "audit", truth, said, deployed)
        _ask(store, task, turn, "selected", ["ok"] * SELECTED, ["ok"] * SELECTED, deployed)
        if turn not in refused:
            deployed = _release(store, task, turn)
        store.turns.put(
            task.name,
            turn,
            "closed",
            TurnState(number=turn, period=f"turn {turn}", stage="closed"),
            closed=True,
        )
    return task


def _ask(
    store: Store,
    task: Task,
    turn: int,
    purpose: Purpose,
    truth: Sequence[str],
    said: Sequence[str],
    model: str | None,
) -> None:
    digest = store.inputs.put(b"seen", "text")
    places = [Place("mill", f"{turn} {purpose}", number) for number in range(1, len(truth) + 1)]
    decisions = [
        None if model is None else Decision(label, (0.5, 0.5), model, 0.5, 0.0) for label in said
    ]
    kept = Kept("routine", 0.5)
    store.observations.add_many(
        [
            Observation(place, task.name, digest, NOW, f"turn {turn}", decision, kept)
            for place, decision in zip(places, decisions, strict=True)
        ]
    )
    store.observations.claim(task.name, turn)
    chance = CHANCE if purpose == "audit" else None
    store.questions.add_many(
        task.name,
        [Question(place, turn, purpose, chance, rank) for rank, place in enumerate(places)],
    )
    store.labels.add_many(
        task.name,
        [
            Label(place, label, "person:ann", NOW, task.costs.label)
            for place, label in zip(places, truth, strict=True)
        ],
    )


def _release(store: Store, task: Task, turn: int) -> str:
    digest = store.inputs.put(f"item {turn}".encode(), "text")
    dataset = Dataset.of(task.name, [Item(turn, digest, "ok", "train", False, -1, "g")])
    store.datasets.put(dataset, turn)
    card = ModelCard(
        task.name, task.labels, "ok", 0.5, "base", digest_bytes(b"b"), "head", dataset.digest
    )
    model = store.models.put(f"model {turn}".encode(), card, turn)
    verdict = Verdict(True, "first", "released: it is better", 1.0, 0, 0.0)
    store.releases.approve(task.name, turn, model, verdict, NOW)
    return model


def arrive(store: Store, task: Task, turn: int, count: int, at: str = "select") -> TurnState:
    """Let observations of a new turn arrive, and open that turn at a stage."""
    digest = store.inputs.put(b"seen", "text")
    release = store.releases.deployed(task.name)
    assert release is not None
    decision = Decision("ok", (0.2, 0.8), release.model, 0.5, 0.0)
    store.observations.add_many(
        [
            Observation(
                Place("mill", f"new {turn}", number),
                task.name,
                digest,
                NOW,
                f"turn {turn}",
                decision,
                Kept("uncertain", 1.0),
            )
            for number in range(1, count + 1)
        ]
    )
    store.observations.claim(task.name, turn)
    state = TurnState(number=turn, period=f"turn {turn}", stage=at)  # type: ignore[arg-type]
    store.turns.put(task.name, turn, at, state)
    return state


def wait(store: Store, task: Task, turn: int, audits: int, teaching: int) -> TurnState:
    """Open a turn that waits for labels: some judge, some only teach."""
    state = arrive(store, task, turn, audits + teaching, at="label")
    places = [Place("mill", f"new {turn}", number) for number in range(1, audits + teaching + 1)]
    store.questions.add_many(
        task.name,
        [
            Question(place, turn, "audit", CHANCE, rank)
            if rank < audits
            else Question(place, turn, "selected", None, rank)
            for rank, place in enumerate(places)
        ],
    )
    return state

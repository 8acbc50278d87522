import dataclasses
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from twoloops.convergence.replays.held import LAYERS, ArmRun, Effect, Holding, Layer
from twoloops.convergence.replays.holding import hold, statements
from twoloops.convergence.replays.layers import FREE, HALF_LABELS, MAJORITY, RULES, Setting, Stream
from twoloops.convergence.replays.outcome import TurnFigures
from twoloops.convergence.replays.replay import replay
from twoloops.convergence.turns.loop import Workbench
from twoloops.convergence.turns.policy import Policy
from twoloops.digital.base import Base
from twoloops.digital.catalogue import Offer
from twoloops.physical.history.stream import History
from twoloops.records.errors import UserError
from twoloops.records.money import Money
from twoloops.records.task import Costs
from twoloops.store.workspace import Store

MakeHistory = Callable[..., History]
MakeBase = Callable[[str], Base]
POLICY = Policy(labels_per_turn=8, golden=4)


class Remembered:
    """Arms in memory."""

    def __init__(self, known: dict[tuple[str, int], ArmRun] | None = None) -> None:
        self.known = dict(known or {})

    def get(self, arm: str, seed: int) -> ArmRun | None:
        return self.known.get((arm, seed))

    def put(self, run: ArmRun) -> None:
        self.known[run.arm, run.seed] = run


def past(make_history: MakeHistory) -> History:
    history = make_history(turns=2, per_turn=24)
    costs = Costs(Money(Decimal(50), "EUR"), Money(Decimal(5), "EUR"), Money(Decimal(2), "EUR"))
    return dataclasses.replace(
        history,
        task=replace(history.task, costs=costs),
        keyword_rules=lambda text: "leak" if "leak" in text else "ok",
    )


def opened(base: Base) -> Base:
    """The base as if its weights had been learned."""
    return dataclasses.replace(base, card=replace(base.card, parameters=1000))


def setting(
    histories: Sequence[History],
    tmp_path: Path,
    base: MakeBase,
    keep: Remembered | None = None,
    said: list[tuple[str, int]] | None = None,
) -> Setting:
    def told(arm: str, figures: TurnFigures) -> None:
        if said is not None:
            said.append((arm, figures.turn))

    offers = [Offer("strong", 1, lambda _: opened(base("strong")))]
    return Setting(
        streams=[Stream(one, replace(POLICY, seed=seed)) for seed, one in enumerate(histories)],
        bench=lambda: Workbench(offers, tmp_path / "cache"),
        keep=Remembered() if keep is None else keep,
        folder=tmp_path / "edge",
        on_turn=told,
    )


def effect(holding: Holding, layer: Layer, way: str) -> Effect:
    (found,) = [one for one in holding.effects if (one.layer, one.way) == (layer, way)]
    return found


_ran: list[tuple[History, Holding, Remembered]] = []


@pytest.fixture
def ran(
    make_history: MakeHistory, base: MakeBase, tmp_path: Path
) -> tuple[History, Holding, Remembered]:
    """All layers held once, shared by the tests that only look."""
    if not _ran:
        history, keep = past(make_history), Remembered()
        _ran.append((history, hold(LAYERS, setting([history], tmp_path, base, keep)), keep))
    return _ran[0]


def test_it_encodes_to_json_and_back(ran: tuple[History, Holding, Remembered]) -> None:
    data = msgspec.json.encode(ran[1])
    assert msgspec.json.decode(data, type=Holding) == ran[1]
    assert b"NaN" not in data


def test_its_arms_are_those_of_a_replay(
    ran: tuple[History, Holding, Remembered], base: MakeBase, tmp_path: Path
) -> None:
    history, holding, _ = ran
    given = setting([history], tmp_path, base)
    stream = given.streams[0]
    result = replay(history, stream.policy, given.bench(), Store.in_memory(), tmp_path / "edge")
    for gate, loops in (
        ("gate in force", result.loops),
        ("without gate", result.loops_without_gate),
    ):
        bases = effect(holding, "open-bases", gate)
        data = effect(holding, "floor-data", gate)
        assert bases.held.accuracy == pytest.approx(loops.data)
        assert data.held.accuracy == pytest.approx(loops.models)
        assert bases.free.accuracy == data.free.accuracy == pytest.approx(loops.both)
    for way, figures in ((MAJORITY, result.majority), (RULES, result.keyword_rules)):
        held = effect(holding, "small-models", way).held
        assert held.accuracy == pytest.approx(np.mean([turn.accuracy for turn in figures]))
    free = effect(holding, "teacher", "gate in force").free
    assert free.labels == result.money.labels
    assert free.labels_cost == result.money.labels_spent


def test_points_are_held_minus_free_and_lie_in_their_interval(
    ran: tuple[History, Holding, Remembered],
) -> None:
    for one in ran[1].effects:
        assert one.points == pytest.approx(one.held.accuracy - one.free.accuracy)
        low, high = one.interval
        assert low <= one.points <= high, one
        assert one.cost == pytest.approx(
            (one.held.errors_cost or 0)
            + one.held.labels_cost
            - (one.free.errors_cost or 0)
            - one.free.labels_cost
        )


def test_what_is_held_is_held(ran: tuple[History, Holding, Remembered]) -> None:
    _, holding, kept = ran
    for way in ("gate in force", "without gate"):
        held = effect(holding, "open-bases", way).held
        assert set(held.adopted) == {"builtin/char-ngram"}
    assert effect(holding, "floor-data", "without gate").held.models < 3
    half = effect(holding, "teacher", "gate in force")
    assert half.held.labels < half.free.labels
    least = effect(holding, "compute", "gate in force")
    assert least.held.models < least.free.models
    assert set(least.held.adopted) == {"builtin/char-ngram"}
    assert holding.least_compute is not None
    spent, free = holding.least_compute, holding.free_compute
    assert 0 < spent.training_flop < free.training_flop
    assert 0 < spent.encoding_flop < free.encoding_flop
    assert holding.spent.training_flop == pytest.approx(
        sum(run.compute.training_flop for run in kept.known.values())
    )


def test_a_frontier_bill_keeps_currencies_apart(ran: tuple[History, Holding, Remembered]) -> None:
    bill = ran[1].bill
    assert bill is not None
    assert bill.currency == "EUR"
    assert bill.decisions == 48
    assert bill.labels_cost == effect(ran[1], "compute", "gate in force").free.labels_cost
    assert bill.per_million is not None
    assert bill.usd == pytest.approx(bill.per_million * 48 / 1e6)


def test_arms_that_have_run_are_not_run_again(
    ran: tuple[History, Holding, Remembered], base: MakeBase, tmp_path: Path
) -> None:
    history, holding, kept = ran
    said: list[tuple[str, int]] = []
    again = hold(LAYERS, setting([history], tmp_path, base, kept, said))
    assert said == []
    assert again == holding
    less = Remembered({key: run for key, run in kept.known.items() if key[0] == FREE})
    hold(["floor-data"], setting([history], tmp_path, base, less, said))
    assert {arm for arm, _ in said} == {"models", "models without gate", "both without gate"}


def test_seeds_are_averaged_and_streams_counted(
    make_history: MakeHistory, base: MakeBase, tmp_path: Path
) -> None:
    history = past(make_history)
    turned = dataclasses.replace(history, turns=tuple(reversed(history.turns)))
    keep = Remembered()
    holding = hold(["teacher"], setting([history, turned], tmp_path, base, keep))
    assert holding.seeds == (0, 1)
    assert holding.streams == 2
    one = effect(holding, "teacher", "gate in force")
    means = [
        np.mean([np.mean(turn) for turn in keep.known[HALF_LABELS, seed].right]) for seed in (0, 1)
    ]
    assert one.held.accuracy == pytest.approx(np.mean(means))


def test_without_a_teacher_nothing_is_held_and_it_says_so(
    ran: tuple[History, Holding, Remembered],
) -> None:
    first, second = ran[1].statements["teacher"]
    assert first.startswith("This system has no teacher; nothing is held. All labels came from: ")
    assert "history (" in first
    assert "stand-in" in second


def test_labels_of_a_teacher_are_counted(make_history: MakeHistory, bench: Workbench) -> None:
    run = ArmRun(arm=FREE, seed=0, right=(), labellers={"teacher:large": 30, "history": 10})
    first, _ = statements("teacher", make_history(), bench, [run])
    assert first == (
        "75 % of the labels came from a teacher; all labels: history (10), teacher:large (30)."
    )


@pytest.mark.parametrize(
    ("gone", "features", "said"),
    [
        ({}, False, "Open bases offered: strong; adopted with the gate in force: none."),
        ({}, True, "Nothing is held: within 3 turns no open model became available"),
        ({"strong": "no wheel"}, False, "Not measured with strong: no wheel."),
    ],
)
def test_it_says_which_open_bases_were_held(
    make_history: MakeHistory,
    base: MakeBase,
    tmp_path: Path,
    gone: dict[str, str],
    features: bool,
    said: str,
) -> None:
    made = base("strong") if features else opened(base("strong"))
    late = Offer("late", 4, lambda _: opened(base("strong")))
    bench = Workbench([Offer("strong", 1, lambda _: made), late], tmp_path)
    run = ArmRun(arm=FREE, seed=0, right=(), unavailable=gone)
    assert statements("open-bases", make_history(), bench, [run])[0].startswith(said)


def test_a_past_without_labels_after_the_seed_is_refused(
    make_history: MakeHistory, base: MakeBase, tmp_path: Path
) -> None:
    history = make_history(turns=1, per_turn=4)
    unknown = tuple(replace(row, label=None) for row in history.turns[0])
    with pytest.raises(UserError, match="no observation after the seed has a label"):
        hold(
            ["compute"],
            setting([dataclasses.replace(history, turns=(unknown,))], tmp_path, base),
        )


def test_without_a_normal_label_money_is_not_defined(
    make_history: MakeHistory, base: MakeBase, tmp_path: Path
) -> None:
    history = make_history(turns=2, per_turn=20, normal=None)
    holding = hold(["teacher"], setting([history], tmp_path, base))
    one = effect(holding, "teacher", "gate in force")
    assert one.cost is None
    assert one.held.errors_cost is None
    assert one.held.labels_cost > 0

"""What a workspace's next labels are worth, from what lies in its store."""

import pytest
from turned import AUDITS, CHANCE, SEED, SELECTED, euros, turned

from twoloops.convergence.turns.valuing import HORIZON_TURNS, basis_of
from twoloops.records.errors import UserError
from twoloops.records.task import Costs
from twoloops.store.workspace import Store
from twoloops.wiring.worth import worth_of

FALLING = [16, 10, 6, 4]


def test_points_stand_at_the_labels_that_the_deployed_model_learned_from() -> None:
    with Store.in_memory() as store:
        task = turned(store, FALLING, refused=(2,))
        found = basis_of(store, task)
    turn = AUDITS + SELECTED
    assert [one.learned for one in found.points] == [
        SEED,
        SEED + turn,
        SEED + turn,  # turn 2 was refused
        SEED + 3 * turn,
    ]
    assert [one.escapes for one in found.points] == pytest.approx([m / AUDITS for m in FALLING])
    assert (found.turns, found.releases) == (4, 3)
    assert found.bought == SEED + 4 * turn == found.learned
    assert found.per_turn == pytest.approx(AUDITS / CHANCE)


def test_only_what_was_known_before_a_turn_counts() -> None:
    with Store.in_memory() as store:
        task = turned(store, FALLING)
        early = basis_of(store, task, before=3)
        every = basis_of(store, task)
    assert early.points == every.points[:2]
    assert early.learned == SEED + 2 * (AUDITS + SELECTED)
    assert (early.turns, early.releases) == (2, 2)


def test_worth_says_verdict_money_and_points_to_draw() -> None:
    with Store.in_memory() as store:
        found = worth_of(store, turned(store, FALLING))
    assert (found.advice.verdict, found.unit, found.priced) == ("worth it", "EUR", True)
    assert found.advice.labels == 40
    assert found.advice.horizon == pytest.approx(HORIZON_TURNS * AUDITS / CHANCE)
    assert [one.cost for one in found.points] == pytest.approx([100 * m / AUDITS for m in FALLING])
    assert len(found.advice.curve) > 10


def test_a_dear_label_that_teaches_nothing_is_not_worth_it() -> None:
    with Store.in_memory() as store:
        task = turned(store, [2] * 8, costs=euros("5", "1", "10"))
        found = worth_of(store, task, labels=20)
    assert found.advice.verdict == "stop"
    assert "the next 20 labels are worth less than they cost" in found.advice.reason


def test_costs_that_were_never_set_are_nobodys_money() -> None:
    with Store.in_memory() as store:
        found = worth_of(store, turned(store, FALLING, costs=Costs()))
    assert (found.unit, found.priced) == ("labels", False)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"normal": None}, "the task names no normal label"),
        ({"faults": 1, "escapes": [1, 0, 0, 0]}, "4 audit labels are faults, 5 are needed"),
        ({"escapes": [3, 2]}, "2 turns have audit labels of a deployed model, 3 are needed"),
        ({"refused": (1, 2, 3, 4)}, "one model was deployed in all turns"),
    ],
)
def test_unknown_is_said_with_its_reason(options: dict, why: str) -> None:
    with Store.in_memory() as store:
        escapes = options.pop("escapes", FALLING)
        found = worth_of(store, turned(store, escapes, **options), horizon=1e9)
    assert found.advice.verdict == "unknown"
    assert why in found.advice.reason
    assert found.advice.batch is None


def test_before_anything_is_deployed_nothing_is_known() -> None:
    with Store.in_memory() as store:
        task = turned(store, [])
        adopted = worth_of(store, task)
    assert adopted.advice.verdict == "unknown"


@pytest.mark.parametrize("wrong", [{"labels": -1}, {"horizon": 0.0}, {"horizon": float("nan")}])
def test_what_makes_no_sense_is_refused(wrong: dict) -> None:
    with Store.in_memory() as store:
        task = turned(store, FALLING)
        with pytest.raises(UserError, match="must be above 0"):
            worth_of(store, task, **wrong)

import dataclasses
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest
from msgspec.structs import replace

from twoloops.convergence.replays.arm import Arm
from twoloops.convergence.replays.figures import (
    correct,
    informative,
    majority_rule,
    mean_detection_at_limit,
    money_figures,
    rule_figures,
    turn_figures,
)
from twoloops.convergence.replays.outcome import TurnFigures
from twoloops.physical.history.stream import History
from twoloops.records.money import Money
from twoloops.records.task import Costs

MakeHistory = Callable[..., History]


def turn(number: int, labels: int, escapes: int | None, rejects: int | None) -> TurnFigures:
    return TurnFigures(
        turn=number,
        period=f"turn {number}",
        observations=1000,
        scored=1000,
        labels_total=labels,
        accuracy=0.9,
        escapes=escapes,
        false_rejects=rejects,
    )


@pytest.fixture
def priced(make_history: MakeHistory) -> History:
    """An escape costs 200, a false reject 10, a label 2."""
    history = make_history(turns=1, per_turn=4)
    costs = Costs(Money(Decimal(200)), Money(Decimal(10)), Money(Decimal(2)))
    return dataclasses.replace(history, task=replace(history.task, costs=costs))


def test_money_by_hand(priced: History) -> None:
    both = [turn(1, 70, 5, 9), turn(2, 110, 2, 8)]
    neither = [turn(1, 40, 5, 9), turn(2, 50, 12, 4)]
    money = money_figures(priced, both, neither, seed_labels=30)
    assert (money.escapes_avoided, money.extra_false_rejects) == (10, 4)
    assert money.labels_spent == 110 * 2
    assert money.spent_by_turn == (60, 80, 80)
    assert money.saved == 10 * 200 - 4 * 10 - 220
    # 1,960 were gained on 2,000 observations: 220 are earned back after 224.5 of them.
    assert money.break_even_observations == 225
    assert (money.escape_cost, money.false_reject_cost, money.label_cost) == (200, 10, 2)


def test_labels_that_gain_nothing_never_pay_for_themselves(priced: History) -> None:
    same = [turn(1, 70, 5, 9)]
    money = money_figures(priced, same, same, seed_labels=30)
    assert (money.saved, money.break_even_observations) == (-140, None)


def test_without_a_normal_label_nothing_is_known_to_be_saved(make_history: MakeHistory) -> None:
    history = make_history(turns=1, per_turn=4, normal=None)
    both = [turn(1, 70, None, None)]
    money = money_figures(history, both, both, seed_labels=30)
    assert (money.escapes_avoided, money.extra_false_rejects, money.saved) == (None, None, None)
    assert (money.labels, money.labels_spent) == (70, 70)


def test_a_keyword_baseline_by_hand(make_history: MakeHistory) -> None:
    history = make_history(turns=1, per_turn=4)
    texts = {"hose leaks": "leak", "leak test passed": "ok", "pin broken": "broken", "ok": "ok"}
    rows = tuple(
        replace(row, input=text.encode(), label=label)
        for row, (text, label) in zip(history.turns[0], texts.items(), strict=True)
    )
    history = dataclasses.replace(history, turns=(rows,))
    (figures,) = rule_figures(history, lambda text: "leak" if "leak" in text else "ok")
    assert (figures.observations, figures.labels_total, figures.base) == (4, 0, "")
    assert figures.accuracy == 0.5
    assert (figures.escapes, figures.false_rejects) == (1, 1)
    assert (figures.detection_rate, figures.false_reject_rate) == (0.5, 0.5)


def test_the_majority_is_that_of_the_seed(make_history: MakeHistory) -> None:
    history = make_history(turns=1, per_turn=4, seed_rows=3)
    labels = ("leak", "leak", None)
    seed = tuple(replace(r, label=one) for r, one in zip(history.seed, labels, strict=True))
    history = dataclasses.replace(history, seed=seed)
    assert majority_rule(history)("anything") == "leak"
    nobody = tuple(replace(row, label=None) for row in history.seed)
    assert majority_rule(dataclasses.replace(history, seed=nobody))("x") == "broken"


def test_detection_at_the_limit_is_the_mean_of_what_exists() -> None:
    with_it = replace(turn(1, 1, 1, 1), detection_at_limit=0.5)
    other = replace(turn(2, 1, 1, 1), detection_at_limit=1.0)
    assert mean_detection_at_limit([[with_it, turn(2, 1, 1, 1)], [other]]) == 0.75
    assert mean_detection_at_limit([[turn(1, 1, 1, 1)]]) is None


def test_figures_of_an_arm_agree_with_what_it_said(
    make_arm: Callable[..., Arm], make_history: MakeHistory
) -> None:
    history = make_history(turns=1, per_turn=40, seed_rows=24)
    history = dataclasses.replace(history, task=replace(history.task, max_false_reject_rate=0.05))
    arm = make_arm(history)
    figures = turn_figures(arm, arm.run()[1])
    decided, truth = arm.said(1).decided, [row.label for row in history.turns[0]]
    right = np.array([d == t for d, t in zip(decided, truth, strict=True)])
    assert figures.accuracy == right.mean()
    assert (correct(arm)[0] == right).all()
    called = [d != "ok" for d, t in zip(decided, truth, strict=True) if t == "ok"]
    assert figures.false_rejects == sum(called)
    assert figures.false_reject_rate == np.mean(called)
    assert figures.detection_at_limit is not None
    shown = informative(history, arm)
    assert [one.margin for one in shown] == sorted(arm.said(1).margin)[:12]
    assert {one.truth for one in shown} <= {"broken", "leak", "ok"}

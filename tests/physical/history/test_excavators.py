"""The work orders, from the real file (fetched once; skipped where there is no index)."""

from collections import Counter
from collections.abc import Callable

import pytest

from twoloops.physical.history.cut import adjust
from twoloops.physical.history.excavators import excavators, failure_mode, keyword_rules, parse
from twoloops.physical.history.options import Plan
from twoloops.physical.history.stream import History
from twoloops.records.errors import UserError
from twoloops.store.fetch import default_cache

HEADER = "BscStartDate,Asset,OriginalShorttext,PMType,Cost,FM\n"


@pytest.fixture(scope="module")
def orders() -> History:
    try:
        return excavators(default_cache())
    except UserError as error:
        if str(error).startswith("cannot fetch"):
            pytest.skip(str(error))
        raise


@pytest.mark.parametrize(
    ("recorded", "label"),
    [
        ("Leak", "Leak"),
        ("Leak_Structural Integrity", "Leak"),
        ("Missing / Loose_Structural Integrity", "Structural"),
        ("Hours_Missing / Loose", "Missing"),
        ("Unspecified", "Unspecified"),
        ("Fluid Levels_Unspecified", "Other"),
        ("Over Temp", "Other"),
        ("NA", "none recorded"),
        ("", "none recorded"),
    ],
)
def test_the_classes(recorded: str, label: str) -> None:
    assert failure_mode(recorded) == label


@pytest.mark.network
def test_a_seed_and_ten_years(orders: History) -> None:
    assert len(orders.seed) == 90
    assert [len(turn) for turn in orders.turns] == [
        379, 460, 425, 392, 619, 754, 641, 656, 624, 444,
    ]  # fmt: skip
    assert [turn[0].period for turn in orders.turns] == [str(year) for year in range(2002, 2012)]
    assert len(orders.seed) + len(orders.turns) * orders.labels_per_turn == 490
    times = [row.observed_at for row in orders.rows()]
    assert times == sorted(times)
    assert times[-1].year == 2012


@pytest.mark.network
def test_the_shifted_row_is_quarantined(orders: History) -> None:
    assert [str(item) for item in orders.quarantined] == [
        "excavators-cleaned.csv, line 3454: columns are shifted: PMType is 't swing', expected PM "
        "and two digits"
    ]
    assert sum(1 for _ in orders.rows()) == 5484


@pytest.mark.network
def test_labels_costs_and_the_keyword_baseline(
    orders: History, record_property: Callable[[str, object], None]
) -> None:
    rows = list(orders.rows())
    assert Counter(row.label for row in rows) == {
        "none recorded": 3181,
        "Leak": 772,
        "Structural": 731,
        "Unspecified": 325,
        "Missing": 241,
        "Other": 234,
    }
    right = sum(keyword_rules(row.input.decode()) == row.label for row in rows)
    record_property("keyword_rules_accuracy", round(right / len(rows), 4))
    assert right / len(rows) == pytest.approx(0.896, abs=0.0005)
    assert str(orders.task.costs.escape) == "512.03 AUD"


@pytest.mark.network
def test_a_plan_changes_what_it_may(orders: History) -> None:
    changed = adjust(orders, Plan(turns=3, labels_per_turn=7))
    assert [len(turn) for turn in changed.turns] == [1798, 1798, 1798]
    assert changed.turns[0][0].period.startswith("2002-01-")
    assert changed.command == "twoloops replay excavators --turns 3 --labels-per-turn 7"
    with pytest.raises(UserError, match="the normal label is 'none recorded': leave --normal out"):
        adjust(orders, Plan(normal="Leak"))
    with pytest.raises(UserError, match=r"the seed is fixed \(90 rows\): leave --seed-size out"):
        adjust(orders, Plan(seed_size=10))


def test_orders_of_one_day_keep_the_order_of_the_file() -> None:
    lines = [
        "2002-05-01,A,second,PM01,1,NA",
        "2001-05-01,A,seed,PM01,10.5,Leak",
        "2002-05-01,A,third,PM01,-3,Leak",
        "2002-04-01,A,first,PM01,0,NA",
        "2012-12-13,A,last,PM01,0,NA",
    ]
    history = parse((HEADER + "\n".join(lines) + "\n").encode())
    assert [row.input for turn in history.turns for row in turn] == [
        b"first",
        b"second",
        b"third",
        b"last",
    ]
    assert [turn[0].period for turn in history.turns] == ["2002", "2011"]
    assert str(history.task.costs.escape) == "10.5 AUD"


def test_the_caveats_say_what_a_sceptic_would() -> None:
    history = parse((HEADER + "2001-05-01,A,seed,PM01,10,Leak\n").encode())
    said = " ".join(history.caveats)
    for words in ("keyword rules", "already found", "17 %", ".896", "assumptions"):
        assert words in said

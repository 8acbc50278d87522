"""Laws of what the next labels are worth."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from twoloops.convergence.judging.stopping import advise, amount
from twoloops.convergence.judging.worth import (
    LABELS,
    Basis,
    Point,
    Prices,
    batch,
    fit,
    flattens,
    last_gain,
    point,
    unknown,
)

law = settings(deadline=None, max_examples=25)
PRICES = Prices(escape=100.0, false_reject=5.0, label=1.0)


def points(escapes: list[float], labels: int = 100, step: int = 40) -> tuple[Point, ...]:
    return tuple(
        Point(
            turn=turn,
            learned=30 + step * turn,
            labels=labels,
            faults=labels // 4,
            effective=float(labels),
            escapes=share,
            false_rejects=0.01,
        )
        for turn, share in enumerate(escapes, 1)
    )


def basis(escapes: list[float], **changes: Any) -> Basis:
    labels = changes.pop("audit", 100)
    made = points(escapes, labels)
    learned = made[-1].learned if made else 30
    plain = Basis(
        points=made,
        bought=learned,
        learned=learned,
        turns=len(made),
        releases=len(made),
        per_turn=500.0,
        prices=PRICES,
    )
    return replace(plain, **changes)


FALLING = [0.2, 0.12, 0.08, 0.06, 0.05, 0.04]
FLAT = [0.1] * 6


def test_a_falling_curve_is_worth_its_labels_and_a_flat_well_known_one_is_not() -> None:
    falling = advise(basis(FALLING), 40, 2000, "EUR")
    flat = advise(basis(FLAT * 3, audit=50_000), 40, 500, "EUR")
    assert (falling.verdict, flat.verdict) == ("worth it", "stop")
    assert falling.batch is not None
    assert flat.batch is not None
    assert falling.batch.saving > 100 > 40 == falling.batch.cost
    assert flat.batch.saving < flat.batch.cost
    assert flat.flattens_at == basis(FLAT * 3).bought
    assert falling.flattens_at is None or falling.flattens_at > basis(FALLING).bought


def test_where_nothing_ever_goes_wrong_no_label_is_worth_anything() -> None:
    none = tuple(replace(one, escapes=0.0, false_rejects=0.0) for one in points(FLAT, 20_000))
    found = advise(basis(FLAT, points=none), 40, 2000, "EUR")
    assert found.verdict == "stop"
    assert found.batch is not None
    assert 0 <= found.batch.saving < 1


def test_the_curve_finds_a_power_law_again() -> None:
    truth = [0.3 * ((30 + 40 * turn) / 100) ** -0.6 for turn in range(1, 9)]
    curves = fit(basis(truth, audit=5000), np.random.default_rng(0))
    for labels in (100, 300, 600):
        at = curves.at(curves.escapes, labels)
        low, high = np.quantile(at, (0.025, 0.975))
        assert low <= 0.3 * (labels / 100) ** -0.6 <= high
        assert high - low < 0.1 * 0.3


@law
@given(
    st.lists(st.floats(0, 0.5), min_size=3, max_size=6),
    st.floats(0, 1e4),
    st.floats(0, 1e4),
    st.integers(1, 200),
)
def test_dearer_mistakes_never_make_labels_worth_less(
    escapes: list[float], one: float, more: float, labels: int
) -> None:
    cheap = basis(escapes, prices=replace(PRICES, escape=one))
    dear = basis(escapes, prices=replace(PRICES, escape=one + more))
    savings = []
    for history in (cheap, dear):
        curves = fit(history, np.random.default_rng(1), draws=300)
        savings.append(batch(history, curves, labels, 1000.0).saving)
    assert 0 <= savings[0] <= savings[1] + 1e-9


@law
@given(st.lists(st.floats(0, 0.5), min_size=3, max_size=6), st.integers(1, 100))
def test_more_labels_and_longer_use_save_no_less(escapes: list[float], labels: int) -> None:
    history = basis(escapes)
    curves = fit(history, np.random.default_rng(1), draws=300)
    few, many = (batch(history, curves, count, 1000.0) for count in (labels, 2 * labels))
    longer = batch(history, curves, labels, 3000.0)
    assert few.saving <= many.saving + 1e-9
    assert longer.saving == pytest.approx(3 * few.saving)
    assert few.interval[0] <= few.interval[1]
    assert 0 <= few.chance <= 1
    nothing = batch(history, curves, labels, 0.0)
    assert (nothing.saving, nothing.pays) == (0.0, False)


@law
@given(
    st.lists(
        st.builds(
            Point,
            turn=st.integers(1, 6),
            learned=st.integers(0, 300),
            labels=st.integers(1, 20),
            faults=st.integers(0, 1),
            effective=st.floats(1, 20),
            escapes=st.floats(0, 0.5),
            false_rejects=st.floats(0, 0.5),
        ),
        max_size=4,
    ),
    st.floats(1, 1e9),
)
def test_no_number_where_rates_are_unknown(found: list[Point], horizon: float) -> None:
    """Fewer than five faults: whatever the horizon, nothing is worth it."""
    history = basis(FLAT, points=tuple(found))
    assert unknown(history)
    said = advise(history, 40, horizon, "EUR")
    assert said.verdict == "unknown"
    assert said.batch is None
    assert said.batches == ()
    assert said.sceptic is None
    assert said.reason


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"points": points([0.1, 0.1])}, "2 turns have audit labels .* 3 are needed"),
        ({"points": points([0.1] * 4, step=0)}, "one model was deployed in all turns"),
        ({"points": points([0.1] * 4, labels=4)}, "4 audit labels are faults, 5 are needed"),
        (
            {"points": tuple(replace(one, faults=one.labels) for one in points([0.1] * 4))},
            "0 audit labels are normal items, 5 are needed",
        ),
        ({"why_not": "nothing is deployed yet"}, "nothing is deployed yet"),
    ],
)
def test_what_is_missing_is_said(change: dict[str, Any], why: str) -> None:
    said = advise(basis(FALLING, **change), 40, 2000, "EUR")
    assert said.verdict == "unknown"
    with pytest.raises(AssertionError, match=why):
        raise AssertionError(said.reason)


def test_what_was_not_released_saves_nothing_yet() -> None:
    released = advise(basis(FALLING), 40, 2000, "EUR")
    refused = advise(basis(FALLING, releases=0), 40, 2000, "EUR")
    assert released.batch is not None
    assert refused.batch is not None
    assert refused.batch.saving < 0.3 * released.batch.saving


def test_a_free_label_is_worth_it_and_nothing_flattens() -> None:
    free = basis(FALLING, prices=replace(PRICES, label=0.0))
    said = advise(free, 40, 2000, "EUR")
    assert said.verdict == "worth it"
    assert flattens(free, fit(free, np.random.default_rng(0)), 2000) is None


def test_the_sceptic_counts_the_last_gain_again() -> None:
    history = basis([0.2, 0.1, 0.06])
    gain = last_gain(history)
    assert gain == pytest.approx(100 * (0.1 - 0.06) / 40)
    said = advise(history, 20, 500, "EUR")
    assert said.sceptic is not None
    assert said.sceptic.last_gain_again == pytest.approx(gain * 20 * 500)
    assert last_gain(basis([0.2])) is None


def test_a_turn_is_summed_up_by_its_weights() -> None:
    fault = [True, True, False, False]
    found = point(3, 90, fault, [False, True, True, False], [0.1, 0.5, 0.5, 0.5])
    assert (found.labels, found.faults) == (4, 2)
    assert found.escapes == pytest.approx(10 / 16)
    assert found.false_rejects == pytest.approx(2 / 16)
    assert found.effective == pytest.approx(16**2 / (100 + 12))


def test_the_curve_is_there_to_be_drawn_and_equal_arguments_give_equal_advice() -> None:
    said = advise(basis(FALLING), 40, 2000, "EUR")
    assert said == advise(basis(FALLING), 40, 2000, "EUR")
    assert [one.labels for one in said.batches] == list(LABELS)
    costs = [place.cost for place in said.curve]
    assert costs == sorted(costs, reverse=True)
    assert all(place.low <= place.cost <= place.high for place in said.curve)
    assert said.reason.startswith("the next 40 labels are worth more than they cost (expected")
    assert amount(1234.5) in ("1,234", "1,235")

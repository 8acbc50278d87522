from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.physical.labelling.quality.agreement import (
    cohen,
    erring,
    fleiss,
    krippendorff,
    pairs,
    wilson,
)
from twoloops.physical.labelling.quality.consensus import fit_trusted
from twoloops.physical.labelling.quality.matrix import Answers
from twoloops.records.label import Label
from twoloops.records.money import Money
from twoloops.records.observation import Place


def votes(rows: list[str], labels: str) -> np.ndarray:
    """Votes of items written as what was said of each: `aab`."""
    return np.array([[row.count(label) for label in labels] for row in rows], dtype=float)


def test_cohens_kappa_of_a_table_by_hand() -> None:
    # 20 both yes, 5 and 10 apart, 15 both no: p_o = .7, p_e = .5, kappa = .4
    one = np.array([0] * 20 + [0] * 5 + [1] * 10 + [1] * 15)
    other = np.array([0] * 20 + [1] * 5 + [0] * 10 + [1] * 15)
    found = cohen(one, other)
    assert found.value == pytest.approx(0.4)
    assert found.observed == pytest.approx(0.7)
    assert found.interval is not None
    # The large-sample standard error (Fleiss, Cohen and Everitt 1969) is .127 here.
    low, high = found.interval
    assert (high - low) / (2 * 1.96) == pytest.approx(0.127, abs=0.01)
    assert str(found) == f"0.40 ({low:.2f} to {high:.2f}, 50 items)"


def test_fleiss_kappa_of_his_own_kind_of_table() -> None:
    # Fourteen raters, ten subjects, five categories: kappa = .210.
    table = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    found = fleiss(np.array(table, dtype=float))
    assert found.value == pytest.approx(0.210, abs=5e-4)
    assert found.observed == pytest.approx(0.378, abs=5e-4)
    assert fleiss(votes(["aa", "aab"], "ab")).value is None


def test_krippendorffs_alpha_of_his_example_with_missing_answers() -> None:
    # Four observers, twelve units, nominal: alpha = .743; the last unit has one answer.
    observers = ["123321412   ", "1233224125 3", " 3332342251 ", "12332441251 "]
    units = ["".join(row[i] for row in observers if row[i] != " ") for i in range(12)]
    found = krippendorff(votes(units, "12345"))
    assert found.value == pytest.approx(0.743, abs=5e-4)
    assert found.items == 11


@given(st.lists(st.text("abc", min_size=2, max_size=4), min_size=2, max_size=12))
@settings(deadline=None, max_examples=60)
def test_coefficients_lie_inside_their_intervals_and_below_one(rows: list[str]) -> None:
    for found in (krippendorff(votes(rows, "abc")), fleiss(votes(rows, "abc"))):
        if found.value is None:
            continue
        assert found.interval is not None
        assert found.interval[0] <= found.value <= found.interval[1]
        assert found.value <= 1 + 1e-9
        if all(len(set(row)) == 1 for row in rows):
            assert found.value == pytest.approx(1)


def test_full_agreement_on_few_items_is_not_certain() -> None:
    few = krippendorff(votes(["aa", "bb", "aa", "bb"], "ab"))
    many = krippendorff(votes(["aa", "bb"] * 100, "ab"))
    assert few.interval is not None
    assert many.interval is not None
    assert few.interval[0] < 0
    assert many.interval[0] > 0.9


def test_too_little_is_unknown() -> None:
    assert str(krippendorff(votes(["a", "b"], "ab"))) == "unknown (0 items)"
    assert cohen(np.array([0]), np.array([1])).value is None


def label(item: int, labeller: str, said: str) -> Label:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return Label(Place("d", "e", item), said, f"person:{labeller}", at, Money(Decimal(0), "EUR"))


def test_the_labeller_who_errs_is_found_with_an_honest_interval() -> None:
    rng = np.random.default_rng(1)
    given_ = {}
    wrong = 0
    for item in range(200):
        true = "ok" if rng.random() < 0.6 else "crack"
        other = "crack" if true == "ok" else "ok"
        careless = rng.random() < 0.3
        wrong += careless
        given_[Place("d", "e", item)] = [
            label(item, "ann", true),
            label(item, "bob", true),
            label(item, "cy", other if careless else true),
        ]
    given_[Place("d", "e", 999)] = [label(999, "cy", "ok")]
    answers = Answers.of(given_)
    ann, _bob, cy = erring(answers, fit_trusted(answers, {}), answers.only(answers.opinions > 1))
    assert (cy.answers, cy.judged) == (201, 200)
    assert cy.error_rate == pytest.approx(wrong / 200, abs=0.02)
    assert cy.interval is not None
    assert cy.interval[0] < 0.3 < cy.interval[1]
    assert ann.error_rate is not None
    assert ann.error_rate < 0.02
    assert set(cy.confusion) == {"crack", "ok"}
    assert sum(sum(row.values()) for row in cy.confusion.values()) == 200
    found = {(pair.one, pair.other): pair.kappa for pair in pairs(answers)}
    assert found["person:ann", "person:bob"].value == pytest.approx(1)
    assert 0.2 < (found["person:ann", "person:cy"].value or 0) < 0.6


def test_without_overlap_nothing_is_known_of_anybody() -> None:
    answers = Answers.of({Place("d", "e", i): [label(i, "ann", "ok")] for i in range(5)})
    (ann,) = erring(answers, fit_trusted(answers, {}), answers.only(answers.opinions > 1))
    assert (ann.judged, ann.error_rate, ann.interval) == (0, None, None)
    assert pairs(answers) == []


def test_wilsons_interval_of_a_known_case() -> None:
    assert wilson(0.1, 50) == pytest.approx((0.0435, 0.2136), abs=1e-4)

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twoloops.physical.datasets import consensus as majority
from twoloops.physical.labelling.quality.consensus import consensus, fit, fit_trusted
from twoloops.physical.labelling.quality.matrix import Answers
from twoloops.records.label import Label
from twoloops.records.money import Money
from twoloops.records.observation import Place

NOW = datetime(2026, 3, 1, tzinfo=UTC)
FREE = Money(Decimal(0), "EUR")
Given = dict[Place, list[Label]]


def said(item: int, labeller: str, label: str, minute: int = 0) -> Label:
    at = NOW + timedelta(minutes=minute)
    return Label(Place("desk", "e", item), label, f"person:{labeller}", at, FREE)


def gathered(labels: list[Label]) -> Given:
    out: Given = {}
    for one in labels:
        out.setdefault(one.observation, []).append(one)
    return out


answers = st.lists(
    st.builds(
        said,
        st.integers(0, 5),
        st.sampled_from(["ann", "bob", "cy", "ann#2"]),
        st.sampled_from("xyz"),
        st.integers(0, 9),
    ),
    unique_by=lambda one: (one.observation, one.labeller),
    max_size=20,
)


def planted(
    rates: dict[str, float], items: int, labels: int = 3, seed: int = 0
) -> tuple[Given, list[int]]:
    """Labels of labellers who err as often as they are said to, and the truth."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, labels, items).tolist()
    out = []
    for item, true in enumerate(truth):
        for who, rate in rates.items():
            wrong = (true + 1 + int(rng.integers(labels - 1))) % labels
            out.append(said(item, who, str(wrong if rng.random() < rate else true)))
    return gathered(out), truth


@given(answers)
@settings(max_examples=200, deadline=None)
def test_the_consensus_is_a_label_somebody_gave(labels: list[Label]) -> None:
    given_ = gathered(labels)
    found = consensus(given_)
    assert set(found) == set(given_)
    for place, one in found.items():
        assert one.label in {label.label for label in given_[place]}
        assert one.labels == len(given_[place])
        assert one.probability is None or 0 < one.probability <= 1 + 1e-9


@given(answers, st.randoms())
@settings(max_examples=50, deadline=None)
def test_the_order_of_labels_does_not_matter(labels: list[Label], random: object) -> None:
    shuffled = list(labels)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    # Summed in another order, chances may differ in the last digits.
    plain = {place: one.label for place, one in consensus(gathered(labels)).items()}
    other = {place: one.label for place, one in consensus(gathered(shuffled)).items()}
    assert plain == other


@given(answers)
@settings(deadline=None)
def test_where_nobody_disagrees_the_label_is_theirs(labels: list[Label]) -> None:
    given_ = gathered(labels)
    found = consensus(given_)
    for place, several in given_.items():
        if len({one.label for one in several}) == 1:
            assert found[place].label == several[0].label


def test_single_labels_stay_and_nothing_is_known_of_them() -> None:
    given_ = gathered([said(1, "ann", "x"), said(2, "bob", "y")])
    assert [tuple(one) for one in consensus(given_).values()] == [("x", None, 1), ("y", None, 1)]
    assert consensus({Place("desk", "e", 1): []}) == {}


def test_a_careless_labeller_counts_less_than_two_careful_votes_would_say() -> None:
    # Two careless ones outvote the careful one by majority; by their record they do not.
    rates = {"ann": 0.02, "careless": 0.5, "sloppy": 0.5}
    given_, truth = planted(rates, 300)
    found = consensus(given_)
    right = sum(found[place].label == str(true) for place, true in zip(given_, truth, strict=True))
    voted = sum(
        majority(given_[place]) == str(true) for place, true in zip(given_, truth, strict=True)
    )
    assert right / 300 > 0.95
    assert right > voted + 10


def test_confusion_is_learned_by_label() -> None:
    # Bob never sees `1`: he calls it `0`. Elsewhere he is right.
    rng = np.random.default_rng(3)
    labels = []
    for item in range(200):
        true = int(rng.integers(3))
        labels += [said(item, who, str(true)) for who in ("ann", "cy")]
        labels.append(said(item, "bob", "0" if true == 1 else str(true)))
    fitted = fit(Answers.of(gathered(labels)))
    bob = fitted.confusion[1]
    assert bob[1, 0] > 0.6
    assert bob[2, 2] > 0.85
    assert fitted.coin[0] > fitted.coin[1] + 0.2


def test_with_few_labels_a_labeller_is_the_average_one() -> None:
    few = [said(0, "ann", "x"), said(0, "bob", "x"), said(0, "new", "y")]
    fitted = fit(Answers.of(gathered(few)))
    assert fitted.coin.min() > 0.7
    assert fitted.confusion.sum(axis=2) == pytest.approx(1)


def test_repeating_oneself_is_no_second_opinion() -> None:
    given_, _ = planted({"ann": 0.1, "bob": 0.1}, 60)
    place = Place("desk", "e", 999)
    given_[place] = [
        said(999, "ann", "1"), said(999, "ann#2", "1"), said(999, "ann#3", "1"),
        said(999, "bob", "2"), said(999, "cy", "2"),
    ]  # fmt: skip
    assert majority(given_[place]) == "1"
    assert consensus(given_)[place].label == "2"


def test_a_second_look_decides_where_two_equals_disagree() -> None:
    place = Place("desk", "e", 1)
    labels = {place: [said(1, "ann", "x", 9), said(1, "bob", "y", 30)]}
    assert consensus(labels, {place: NOW + timedelta(minutes=10)})[place].label == "y"
    earlier = {place: [said(1, "ann", "x", 30), said(1, "bob", "y", 9)]}
    assert consensus(earlier, {place: NOW + timedelta(minutes=10)})[place].label == "x"


def test_items_chosen_for_being_doubtful_do_not_teach() -> None:
    given_, _ = planted({"ann": 0.0, "bob": 0.0}, 40)
    bad = {Place("desk", "e", 100 + i): [said(100 + i, "ann", "0"), said(100 + i, "bob", "1")]
           for i in range(40)}  # fmt: skip
    answers_ = Answers.of(given_ | bad)
    trusting = fit_trusted(answers_, dict.fromkeys(bad, NOW))
    assert trusting.items == 40
    assert trusting.coin.min() > 0.95
    assert fit(answers_).coin.min() < 0.9

import pytest

from twoloops.physical.exchange.versions import find_version, version_of, versions_of
from twoloops.physical.labelling.answers import answer
from twoloops.physical.labelling.questions import ask
from twoloops.records.dataset import Dataset, Item
from twoloops.records.digests import digest_bytes, short
from twoloops.records.errors import UserError
from twoloops.records.label import Question
from twoloops.records.money import Money

from .conftest import NOW, PRICE, Make, label, place


def test_a_version_says_what_is_in_it_and_what_it_cost(make: Make) -> None:
    store, dataset = make("text")
    one = version_of(store, dataset)
    assert (one.digest, one.task, one.turn) == (dataset.digest, "orders", 1)
    assert (one.items, one.inputs, one.forgotten, one.models) == (4, 4, 0, ())
    assert one.splits == {"audit": 1, "golden": 1, "train": 2}
    assert one.known == {"audit": 1, "golden": 1, "train": 1}
    assert one.judging == {"audit": 1, "train": 1}
    assert one.labels == {"007": 1, "NA": 2, "none": 1}
    assert one.labellers == {"person:ann": 4, "teacher:big": 1}
    assert one.costs == (PRICE * 5,)
    assert one.frozen_at is not None
    assert one.frozen_at.hour == 13


def test_labels_given_later_and_elsewhere_do_not_change_a_version(make: Make) -> None:
    store, dataset = make("text")
    before = version_of(store, dataset)
    answer(store, "orders", [label(1, "none", "person:bob", hours=2)], at=NOW)
    assert version_of(store, dataset) == before
    usd = label(2, "none", "person:bob")
    usd = type(usd)(usd.observation, usd.label, usd.labeller, usd.labelled_at, Money(PRICE.amount))
    answer(store, "orders", [usd], at=NOW)
    assert version_of(store, dataset).costs == (PRICE * 5, Money(PRICE.amount, "USD"))


def test_a_label_behind_two_items_is_paid_once(make: Make) -> None:
    store, dataset = make("text")
    ask(store, "orders", [Question(place(3), 2, "audit", 0.5)])
    again = Item(2, digest_bytes(b"a\xffb"), "none", "audit", True, 0.5, "3" * 8)
    grown = Dataset.of("orders", [*dataset.items, again])
    store.datasets.put(grown, 2)
    assert version_of(store, grown).costs == (PRICE * 5,)
    assert [one.turn for one in versions_of(store, "orders")] == [1, 2]


def test_a_version_is_found_by_latest_and_by_its_first_digits(make: Make) -> None:
    store, dataset = make("text")
    store.datasets.put(Dataset.of("orders", []), -1)
    listed = Item(-1, digest_bytes(b"NA"), "", "unlabelled", False, -1.0, "g")
    store.datasets.put(Dataset.of("orders", [listed]), -1)
    assert find_version(store, "latest", "orders") == dataset
    assert find_version(store, short(dataset.digest)[:4].upper(), "orders") == dataset
    assert find_version(store, dataset.digest, "orders") == dataset
    unlabelled, frozen = versions_of(store, "orders")
    assert (unlabelled.turn, unlabelled.labels, frozen.turn) == (-1, {}, 1)
    names = f"they are {short(unlabelled.digest)}, {short(dataset.digest)}"
    for wrong in ("abc", "ffffffff", digest_bytes(b"")):
        with pytest.raises(UserError, match=f"names no dataset of task 'orders'.*{names}"):
            find_version(store, wrong, "orders")
    with pytest.raises(UserError, match=f"names several datasets of task 'orders'.*{names}"):
        find_version(store, "", "orders")


def test_a_task_without_datasets_says_how_one_is_made(make: Make) -> None:
    store, _ = make("text")
    with pytest.raises(UserError, match="go on with  twoloops turn other"):
        find_version(store, "latest", "other")

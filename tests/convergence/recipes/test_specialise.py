import numpy as np
import pytest

from twoloops.convergence.recipes.encode import Encoder
from twoloops.convergence.recipes.specialise import Specialised, label_indices, specialise
from twoloops.digital.features.ngrams import char_ngrams
from twoloops.records.dataset import Dataset, Item
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.task import Task

TASK = Task("orders", "text", ("broken", "leak", "ok"), normal="ok")
TEXTS = {f"{word} {i}".encode(): label for i in range(8) for word, label in (
    ("weld cracked", "broken"), ("hose leaking", "leak"), ("greased", "ok"))}  # fmt: skip


def item(data: bytes, label: str, split: str = "train") -> Item:
    digest = digest_bytes(data)
    return Item(0, digest, label, split, True, 1.0, digest)  # type: ignore[arg-type]


def make(items: list[Item]) -> Specialised:
    data = {digest_bytes(one): one for one in TEXTS}
    dataset = Dataset.of("orders", items)
    return specialise(char_ngrams(128), dataset, TASK, Encoder(), lambda _: data)


EVERY = [item(data, label) for data, label in TEXTS.items()]


def test_only_the_training_split_is_learned_from() -> None:
    broken = [item(data, "broken") for data in TEXTS]
    golden = [item(data, label, "golden") for data, label in TEXTS.items() if label != "broken"]
    audit = [item(data, label, "audit") for data, label in TEXTS.items() if label == "ok"]
    assert make([*broken, *golden, *audit]).labels == ("broken",)


def test_a_dataset_without_training_items_is_refused_with_a_command() -> None:
    with pytest.raises(UserError, match=r"no training items.*twoloops label import FILE"):
        make([item(next(iter(TEXTS)), "ok", "golden")])


def test_the_probability_of_a_fault_is_that_of_everything_but_normal() -> None:
    made = make(EVERY)
    probabilities = np.array([[0.2, 0.3, 0.5], [0.0, 0.0, 1.0]])
    assert made.p_fault(probabilities) == pytest.approx([0.5, 0.0])


def test_without_a_normal_item_everything_is_a_fault() -> None:
    made = make([one for one in EVERY if one.label != "ok"])
    assert made.p_fault(np.array([[0.5, 0.5]])) == pytest.approx([1.0])
    assert made.card(0.3).threshold is None


def test_equal_datasets_give_equal_models_whatever_the_order() -> None:
    assert make(EVERY).model(0.5) == make(EVERY[::-1]).model(0.5)


def test_a_label_that_is_not_among_the_labels_has_no_index() -> None:
    assert label_indices([EVERY[0], EVERY[1]], ("broken", "ok")).tolist() == [0, -1]

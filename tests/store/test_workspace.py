import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from twoloops.records.base import ModelCard
from twoloops.records.dataset import Dataset, Item
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.observation import Kept, Observation, Place
from twoloops.records.task import Task
from twoloops.store.schema import INLINE_LIMIT
from twoloops.store.workspace import BLOBS, Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def use(store: Store, data: bytes) -> tuple[str, str, str]:
    """Observe, freeze and specialise on an input; returns its, the dataset's and the model's."""
    store.tasks.put(Task("strip", "image", ("crack", "none")))
    digest = store.inputs.put(data, "image")
    for counter in (1, 2):
        store.observations.add_many(
            [
                Observation(
                    Place("mill", "e", counter), "strip", digest, NOW, "week 1", None,
                    Kept("novel", 1.0),
                )
            ]
        )  # fmt: skip
    dataset = Dataset.of("strip", [Item(1, digest, "crack", "train", False, -1, "g")])
    store.datasets.put(dataset, 1)
    card = ModelCard(
        "strip", ("crack", "none"), None, None, "b", digest_bytes(b"b"), "head", dataset.digest
    )
    return digest, dataset.digest, store.models.put(b"model", card, 1)


@pytest.mark.parametrize("name", ["w", "line 4 #2?mode=memory&x=%20ö"])
def test_everything_is_there_after_opening_again(tmp_path: Path, name: str) -> None:
    if sys.platform == "win32" and "?" in name:
        pytest.skip("Windows allows no question mark in a name")
    with Store.open(tmp_path / name) as store:
        digest, dataset, model = use(store, bytes(INLINE_LIMIT + 1))
    with Store.open(tmp_path / name, create=False) as store:
        assert store.inputs.get(digest) == bytes(INLINE_LIMIT + 1)
        assert store.datasets.latest("strip") == store.datasets.get(dataset)
        assert store.models.get(model) == b"model"


def test_a_folder_without_a_workspace_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        Store.open(tmp_path, create=False)
    assert str(caught.value) == (
        f"{tmp_path} is no workspace (it has no catalog.db): make one with  "
        f"twoloops init {tmp_path}"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "w").write_text("a file")
    with pytest.raises(UserError, match="cannot make the workspace .*: .* choose a folder you may"):  # noqa: RUF043
        Store.open(tmp_path / "w")


@pytest.mark.parametrize("size", [10, INLINE_LIMIT + 1])
def test_forgetting_names_what_used_the_input(tmp_path: Path, size: int) -> None:
    with Store.open(tmp_path) as store:
        digest, dataset, model = use(store, bytes(size))
        store.lineage.node(dataset, "dataset", "turn 1")
        store.lineage.node("sha256:derived", "model", "made from the model")
        store.lineage.node("sha256:release", "release", "turn 1")
        store.lineage.edge("sha256:derived", dataset, "made from")
        store.lineage.edge("sha256:release", dataset, "made from")
        for _ in range(2):
            forgotten = store.forget(digest, NOW)
            assert forgotten.datasets == (dataset,)
            assert set(forgotten.models) == {model, "sha256:derived"}
            assert [place.counter for place in forgotten.observations] == [1, 2]
        assert not store.inputs.has(digest)
        (fact,) = store.journal.facts(kind="input forgotten")
        assert fact.body == {"input": digest}
        assert store.observations.count("strip") == 2
    assert [path for path in (tmp_path / BLOBS).rglob("*") if path.is_file()] == []


def test_nothing_is_forgotten_when_the_transaction_fails(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        digest, _, _ = use(store, bytes(INLINE_LIMIT + 1))
        with pytest.raises(ZeroDivisionError), store.transaction():
            store.forget(digest, NOW).models[5 // 0]
        assert store.inputs.get(digest) == bytes(INLINE_LIMIT + 1)


def test_a_sweep_removes_what_a_dead_process_left(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        digest, _, _ = use(store, bytes(INLINE_LIMIT + 1))
        store.forget(digest, NOW)
        # As if the process had died between the commit and the removal.
        store.blobs.put(bytes(INLINE_LIMIT + 1))
        (tmp_path / BLOBS / "partial" / "half").write_bytes(b"")
        assert store.sweep() == 2
        assert store.sweep() == 0
        assert not store.blobs.has(digest)

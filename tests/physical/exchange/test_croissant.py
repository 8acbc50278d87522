"""The exported folder, read by Croissant's own library and by hand."""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from twoloops.physical.exchange.croissant import CONTEXT, Stated
from twoloops.physical.exchange.folder import export_version
from twoloops.physical.labelling.answers import answer
from twoloops.records.digests import digest_bytes
from twoloops.records.errors import UserError
from twoloops.records.task import Kind

from .conftest import INPUTS, NOW, Make, image, label

KINDS: list[Kind] = ["text", "image", "signal"]


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def opened(folder: Path) -> Any:
    return pytest.importorskip("mlcroissant").Dataset(folder / "croissant.json")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of rdflib and jsonpath
@pytest.mark.parametrize("kind", KINDS)
def test_croissant_itself_finds_nothing_wrong_and_reads_the_same_items(
    make: Make, tmp_path: Path, kind: Kind
) -> None:
    store, dataset = make(kind)
    export_version(store, dataset, tmp_path / "out", Stated(licence="CC-BY-4.0"))
    found = opened(tmp_path / "out")
    issues = found.metadata.ctx.issues
    assert (issues.errors, issues.warnings) == (set(), set())
    assert found.metadata.ctx.is_v1_1()
    records = list(found.records("items"))
    assert [
        (
            one["items/turn"],
            one["items/input"].decode(),
            one["items/label"].decode(),
            one["items/split"].decode(),
            one["items/judges"],
            -1.0 if one["items/probability"] is None else one["items/probability"],
            one["items/group"].decode(),
        )
        for one in records
    ] == [
        (i.turn, i.input, i.label, i.split, i.judges, i.probability, i.group) for i in dataset.items
    ]
    for one in records:
        data = (tmp_path / "out" / one["items/file"].decode()).read_bytes()
        assert digest_bytes(data) == one["items/input"].decode()
        if kind == "text":
            assert one["items/text"].decode() == data.decode("utf-8", errors="replace")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_croissant_reads_pictures_splits_and_labels(make: Make, tmp_path: Path) -> None:
    store, dataset = make("image")
    export_version(store, dataset, tmp_path / "out", Stated())
    found = opened(tmp_path / "out")
    splits = {one["splits/name"]: one["splits/url"] for one in found.records("splits")}
    assert splits == {
        "audit": "cr:TestSplit",
        "golden": "cr:TestSplit",
        "train": "cr:TrainingSplit",
    }
    assert [one["labels/name"] for one in found.records("labels")] == ["007", "NA", "none"]
    pictures = {
        one[f"images-{form}/input"].decode(): one[f"images-{form}/content"].getpixel((0, 0))
        for form in ("png", "jpg")
        for one in found.records(f"images-{form}")
    }
    assert pictures.keys() == {digest_bytes(one)[7:] for one in INPUTS["image"]}
    assert pictures[digest_bytes(image(2))[7:]] == (200, 30, 2)


def test_the_checksums_are_those_of_the_tables(make: Make, tmp_path: Path) -> None:
    store, dataset = make("text")
    export_version(store, dataset, tmp_path / "out", Stated())
    files = bytes_of(tmp_path / "out")
    about = json.loads(files["croissant.json"])
    stated = {one["@id"]: one["sha256"] for one in about["distribution"] if "sha256" in one}
    tables = ("items.json", "items.csv")
    assert stated == {name: hashlib.sha256(files[name]).hexdigest() for name in tables}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_croissant_refuses_a_table_that_was_changed(make: Make, tmp_path: Path) -> None:
    store, dataset = make("text")
    export_version(store, dataset, tmp_path / "out", Stated())
    table = tmp_path / "out" / "items.json"
    table.write_bytes(table.read_bytes().replace(b"hose leaks", b"hose is ok"))
    mlcroissant = pytest.importorskip("mlcroissant")
    with pytest.raises(mlcroissant.GenerationError) as caught:
        list(opened(tmp_path / "out").records("items"))
    assert "hash" in str(caught.value.__cause__).lower()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_our_context_is_the_one_croissant_takes_for_standard() -> None:
    rdf = pytest.importorskip("mlcroissant._src.core.rdf")

    class Latest:
        def is_v1_1(self) -> bool:
            return True

        def is_v0(self) -> bool:
            return False

    assert rdf.make_context(Latest()) == CONTEXT


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_version_gives_the_same_bytes(make: Make, tmp_path: Path, kind: Kind) -> None:
    store, dataset = make(kind)
    for name in ("one", "two"):
        export_version(store, dataset, tmp_path / name, Stated())
        answer(store, "orders", [label(1, "none", "person:bob", hours=2)], at=NOW)
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    suffixes = {"text": ["txt"], "image": ["jpg", "png"], "signal": ["npy"]}
    found = {path.suffix[1:] for path in (tmp_path / "one" / "inputs").iterdir()}
    assert sorted(found) == suffixes[kind]


def test_the_tables_say_the_same(make: Make, tmp_path: Path) -> None:
    store, dataset = make("text")
    export_version(store, dataset, tmp_path / "out", Stated())
    with (tmp_path / "out" / "items.csv").open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    rows = json.loads((tmp_path / "out" / "items.json").read_bytes())
    words = {True: "true", False: "false", None: ""}
    assert lines == [
        {
            name: words[value] if value is None or isinstance(value, bool) else str(value)
            for name, value in row.items()
        }
        for row in rows
    ]
    assert {row["labellers"] for row in rows} == {"person:ann", "person:ann; teacher:big"}


def test_what_was_forgotten_is_missing_and_said(make: Make, tmp_path: Path) -> None:
    store, dataset = make("text")
    store.forget(digest_bytes(b"NA"), NOW)
    export_version(store, dataset, tmp_path / "out", Stated())
    files = bytes_of(tmp_path / "out")
    assert sum(name.startswith("inputs/") for name in files) == 3
    rows = json.loads(files["items.json"])
    (gone,) = [row for row in rows if row["input"] == digest_bytes(b"NA")]
    assert (gone["file"], gone["text"], gone["label"]) == ("", "", "NA")
    sentence = "1 of its 4 inputs were forgotten: their digests and labels are here"
    assert sentence in files["README.md"].decode()
    about = json.loads(files["croissant.json"])
    assert sentence in about["rai:dataCollectionMissingData"]


def test_people_are_numbered_when_they_are_not_to_be_named(make: Make, tmp_path: Path) -> None:
    store, dataset = make("text")
    answer(store, "orders", [label(3, "none", "person:zoe@plant")], at=NOW)
    export_version(store, dataset, tmp_path / "out", Stated(), names=False)
    files = bytes_of(tmp_path / "out")
    assert not [name for name, data in files.items() if b"ann" in data.replace(b"annot", b"")]
    assert not [name for name, data in files.items() if b"zoe" in data]
    rows = json.loads(files["items.json"])
    assert {row["labellers"] for row in rows} == {
        "person:1",
        "person:1; person:2",
        "person:1; teacher:big",
    }


def test_the_page_states_only_what_is_known(make: Make, tmp_path: Path) -> None:
    store, dataset = make("text")
    export_version(store, dataset, tmp_path / "out", Stated(creator="Plant | 4"))
    page = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| licence | unknown: not stated |" in page
    assert "| creator | Plant \\| 4 |" in page
    assert "| labels | 5, for 2.50 EUR |" in page
    assert "known for audit 1 of 1, golden 1 of 1, train 1 of 2" in page
    about = json.loads((tmp_path / "out" / "croissant.json").read_bytes())
    assert about["datePublished"] == "2026-03-01"
    assert about["rai:machineAnnotationTools"] == ["teacher:big"]


def test_a_taken_place_is_refused_and_nothing_half_is_left(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, dataset = make("text")
    (tmp_path / "taken").mkdir()
    with pytest.raises(UserError, match="taken is there already: name a new folder"):
        export_version(store, dataset, tmp_path / "taken", Stated())
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match=r"cannot write to .*/file/out: "):
        export_version(store, dataset, tmp_path / "file" / "out", Stated())

    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("twoloops.physical.exchange.folder.metadata", full)
    with pytest.raises(UserError, match=r"cannot write to .*: No space left on device"):
        export_version(store, dataset, tmp_path / "out", Stated())
    assert sorted(one.name for one in tmp_path.iterdir()) == ["file", "taken"]

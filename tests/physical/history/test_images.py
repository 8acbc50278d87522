"""Images in folders by label, and in archives."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from twoloops.physical.duplicates import groups
from twoloops.physical.history.open import open_history, read
from twoloops.physical.history.options import Mapping, Plan
from twoloops.records.errors import UserError


def picture(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(0, 255, (12, 12, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label in ("crack", "ok"):
        (tmp_path / "parts" / label / "deeper").mkdir(parents=True)
        for i in range(20):
            sub = "deeper" if i % 4 == 0 else "."
            (tmp_path / "parts" / label / sub / f"{i}.png").write_bytes(
                picture(i if label == "ok" else 100 + i)
            )
    return tmp_path / "parts"


def test_the_first_folder_is_the_label(folder: Path) -> None:
    (folder / "new.png").write_bytes(picture(7))
    reading = read(str(folder), Mapping())
    labels = [row.label for row in reading.rows]
    assert (labels.count("crack"), labels.count("ok"), labels.count(None)) == (20, 20, 1)


def test_images_without_times_come_shuffled_and_it_is_said(folder: Path) -> None:
    plan = Plan(turns=2, seed_size=10, normal="ok")
    history = open_history(str(folder), plan)
    assert [len(turn) for turn in history.turns] == [15, 15]
    assert {row.label for row in history.seed} == {"crack", "ok"}
    assert history.caveats[0].startswith("files of a folder have no order of arrival")
    assert history == open_history(str(folder), plan)
    other = open_history(str(folder), Plan(turns=2, seed_size=10, normal="ok", seed=1))
    assert other.turns != history.turns


def test_sorted_by_label_in_file_order_is_refused_with_the_way_out(folder: Path) -> None:
    with pytest.raises(UserError) as caught:
        open_history(str(folder), Plan(turns=2, seed_size=10, order="file"))
    assert str(caught.value).endswith(
        "the seed takes 21 of 40 labelled rows (asked for: 10, two labels needed): give more rows, "
        "a smaller --seed-size, a --time column, or --order shuffled where the rows are sorted by "
        "label"
    )


def test_what_is_no_image_is_quarantined_and_hidden_files_are_left_out(folder: Path) -> None:
    (folder / "ok" / "bad.png").write_bytes(b"no image")
    (folder / "ok" / "cut.png").write_bytes(picture(1)[:60])
    (folder / "notes.txt").write_text("hello")
    (folder / ".DS_Store").write_text("hidden")
    reading = read(str(folder), Mapping())
    assert [item.place for item in reading.quarantined] == ["notes.txt", "ok/bad.png", "ok/cut.png"]
    reasons = [item.reason for item in reading.quarantined]
    assert reasons[0].startswith("no image by its suffix: expected one of .bmp, .gif")
    assert reasons[1].startswith("the file (8 bytes) is no image that can be read: give JPEG")
    assert reasons[2].startswith("the image is damaged (")
    assert len(reading.rows) == 40


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz", ".tar"])
def test_archives_read_as_the_folder_does(folder: Path, suffix: str) -> None:
    archive = folder.parent / f"all{suffix}"
    if suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as file:
            for path in sorted(folder.rglob("*.png")):
                file.write(path, path.relative_to(folder.parent.parent))
    else:
        with tarfile.open(archive, "w:gz" if suffix == ".tar.gz" else "w") as file:
            file.add(folder, "data/parts")
    rows = read(str(archive), Mapping()).rows
    assert sorted((row.input, row.label) for row in rows) == sorted(
        (row.input, row.label) for row in read(str(folder), Mapping()).rows
    )


def test_columns_of_a_folder_are_refused(folder: Path) -> None:
    with pytest.raises(
        UserError, match=r"images in folders have no columns: leave out  --label x$"
    ):
        read(str(folder), Mapping(label="x"))


@pytest.mark.data
def test_real_steel_surfaces() -> None:
    data = os.environ.get("TWOLOOPS_DATA")
    if data is None:
        pytest.skip("TWOLOOPS_DATA is not set")
    reading = read(f"{data}/xsdd/xsdd.tar.gz", Mapping())
    inputs = [row.input for row in reading.rows]
    assert (len(inputs), len({row.label for row in reading.rows})) == (1360, 7)
    assert len(set(inputs)) == 1351
    assert len(set(groups("image", inputs, [None] * len(inputs)))) == 1350


def test_no_image_and_no_archive_get_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r" holds no image: expected one folder for each label wi"):
        read(str(tmp_path), Mapping())
    (tmp_path / "a.zip").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"a\.zip is no readable archive \(File is not a zip file"):
        read(str(tmp_path / "a.zip"), Mapping())

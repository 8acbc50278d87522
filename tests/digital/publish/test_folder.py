"""A folder is written whole or not at all."""

from pathlib import Path

import pytest

from twoloops.digital.publish.folder import write_whole
from twoloops.records.errors import UserError

FILES = {"model.onnx": b"one", "NOTICE": b"two"}


def read(folder: Path) -> dict[str, bytes]:
    return {one.name: one.read_bytes() for one in folder.iterdir()}


def test_what_fails_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    def stop(made: Path) -> None:
        assert read(made) == FILES
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "out", FILES, finish=stop)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_replaced_as_a_whole_and_only_if_it_holds_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_whole(out, {**FILES, "model.sig": b"old"})
    with pytest.raises(UserError, match=r"is not empty: .* replace it with --force"):
        write_whole(out, FILES)
    write_whole(out, FILES, force=True)
    assert read(out) == FILES
    (out / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match=r"holds other files too \(mine\.txt\): --force replaces"):
        write_whole(out, {"NOTICE": b"three"}, force=True)
    assert read(out) == {**FILES, "mine.txt": b"mine"}
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_a_file_or_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(UserError, match="is a file or a link: name a folder"):
            write_whole(tmp_path / name, FILES, force=True)
    (tmp_path / "empty").mkdir()
    write_whole(tmp_path / "empty", FILES)
    assert read(tmp_path / "empty") == FILES
